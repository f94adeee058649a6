"""Try tiny models in the onnxruntime of one folder: run by tools/measure_limits.py under an old or new Python.

    python -I measure_limits_child.py FOLDER RESULTS < TRIALS

FOLDER is what ``pip install --target`` filled. TRIALS is a JSON list of ``[kind, number, operator]``: ``opset``
(of ai.onnx), ``ir`` or ``ml_opset`` (of ai.onnx.ml). A line of JSON per trial is appended to RESULTS as soon as
it is known, since the next trial may crash: ``{"trial": [..], "error": null or text}``. The first line is
``{"version": ..}`` of the onnxruntime that was imported.

Python 3.6, numpy and onnxruntime; the models are written as protobuf bytes (onnx/onnx.proto), so that no release of
ONNX has a say. The current folder must be one for this process alone: each model is written there.
"""
# ruff: noqa: UP006, UP031, UP035, UP045, PTH123, ANN401 - Python 3.6 has typing's names; numpy's arrays are any

import json
import struct
import sys
from typing import Any, Dict, List, Optional, Tuple

#: A model of ai.onnx is tried with the oldest IR version that has opset imports, and needs nothing newer: its
#: weights are inputs, since a weight that is no input came with IR version 4.
OLDEST_IR = 3

#: The opset of ai.onnx under a trial of the IR version or of ai.onnx.ml: every release takes it.
OLD_OPSET = 7

#: Operators of ai.onnx and of ai.onnx.ml, each with its attributes.
OPERATORS: Dict[str, Dict[str, Any]] = {
    "Identity": {},
    "Relu": {},
    "Abs": {},
    "Conv": {"kernel_shape": [1, 1]},
    "Binarizer": {"threshold": 0.5},
    "Scaler": {"offset": [1.0], "scale": [2.0]},
}
ML_OPERATORS = ("Binarizer", "Scaler")

FLOAT = 1  # TensorProto.DataType
_ATTRIBUTE_FLOAT, _ATTRIBUTE_FLOATS, _ATTRIBUTE_INTS = 1, 6, 7  # AttributeProto.AttributeType


def varint(number: int) -> bytes:
    """Return a protobuf varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, value: Any) -> bytes:
    """Return a protobuf field: an int as a varint, a float as 32 bits, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, _ATTRIBUTE_FLOAT)
    if isinstance(value[0], float):
        return field(1, name) + b"".join(field(7, item) for item in value) + field(20, _ATTRIBUTE_FLOATS)
    return field(1, name) + b"".join(field(8, item) for item in value) + field(20, _ATTRIBUTE_INTS)


def _value_info(name: str, shape: List[int]) -> bytes:
    dims = b"".join(field(1, field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dims)))


def shapes(operator: str) -> List[Tuple[str, List[int]]]:
    """Return the inputs of the model of ``operator``; the output ``y`` has the shape of the first."""
    if operator == "Conv":
        return [("x", [1, 1, 2, 2]), ("w", [1, 1, 1, 1])]
    return [("x", [1, 4])]


def model(operator: str, opset: int, ir: int, ml_opset: Optional[int] = None) -> bytes:
    """Return an ONNX model of one node; ``ml_opset`` adds an import of ai.onnx.ml, which its operators need."""
    inputs = shapes(operator)
    node = b"".join(field(1, name) for name, _ in inputs) + field(2, "y") + field(4, operator)
    node += b"".join(field(5, _attribute(name, value)) for name, value in sorted(OPERATORS[operator].items()))
    if operator in ML_OPERATORS:
        node += field(7, "ai.onnx.ml")
    graph = field(1, node) + field(2, "g") + b"".join(field(11, _value_info(*each)) for each in inputs)
    graph += field(12, _value_info("y", inputs[0][1]))
    imports = field(8, field(1, "") + field(2, opset))
    if ml_opset is not None:
        imports += field(8, field(1, "ai.onnx.ml") + field(2, ml_opset))
    return field(1, ir) + field(7, graph) + imports


def model_of(kind: str, number: int, operator: str) -> bytes:
    """Return the model of one trial."""
    if kind == "opset":
        return model(operator, number, OLDEST_IR)
    if kind == "ir":
        return model(operator, OLD_OPSET, number)
    return model(operator, OLD_OPSET, OLDEST_IR, number)


def expected(operator: str, x: Any) -> Any:
    """Return what ``operator`` makes of the float array ``x``; the weight of Conv is 2."""
    import numpy as np

    made = {
        "Identity": x,
        "Relu": np.maximum(x, 0),
        "Abs": np.abs(x),
        "Conv": x * 2,
        "Binarizer": (x > 0.5).astype(np.float32),
        "Scaler": (x - 1) * 2,
    }
    return made[operator]


def run(path: str, operator: str) -> None:
    """Load the model at ``path`` and run it; ``ValueError`` where the result is wrong."""
    import numpy as np
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except TypeError:  # before 1.3 there is no such argument
        session = onnxruntime.InferenceSession(path)
    x = np.array([-1.5, 0.0, 0.25, 3.0], np.float32).reshape(shapes(operator)[0][1])
    feeds = {"x": x}
    if operator == "Conv":
        feeds["w"] = np.full((1, 1, 1, 1), 2, np.float32)
    made = session.run(None, feeds)[0]
    if not np.allclose(made, expected(operator, x), rtol=0, atol=1e-6):
        raise ValueError("it loads and computes wrongly: %s" % np.asarray(made).ravel().tolist())


def main() -> None:
    """Try every trial of standard input in the onnxruntime of the folder given."""
    folder, results = sys.argv[1:]
    sys.path.insert(0, folder)
    import onnxruntime

    with open(results, "a", encoding="utf-8") as log:

        def say(line: Any) -> None:
            log.write(json.dumps(line) + "\n")
            log.flush()

        say({"version": onnxruntime.__version__})
        for kind, number, operator in json.load(sys.stdin):
            with open("model.onnx", "wb") as file:
                file.write(model_of(kind, number, operator))
            error = None
            try:
                run("model.onnx", operator)
            except Exception as caught:  # noqa: BLE001 - whatever a release raises is its refusal
                error = "%s: %s" % (type(caught).__name__, caught)
            say({"trial": [kind, number, operator], "error": error})


if __name__ == "__main__":
    main()
