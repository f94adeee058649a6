"""Proof of health, asked of the environment itself: an import, a session, its numbers, what it opened."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ward.bed import Bed

#: What model_with_data() keeps in a file of its own: three numbers of 32 bits, each 2.
WEIGHTS = struct.pack("<3f", 2, 2, 2)

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

#: What CUDA itself says where there is no driver, or none new enough, or no device; nothing else may be wrong.
_CUDA_SAYS = re.compile(
    r"CUDA driver version is insufficient for CUDA runtime version|no CUDA-capable device is detected"
    r"|CUDA failure (35|100)\b|CUDA error cudaErrorInsufficientDriver|cudaErrorNoDevice"
)

#: A library that the loader did not find or refused.
LOADER_SAYS = re.compile(r"(\S+\.so[.\d]*): (cannot open|undefined symbol|invalid ELF|wrong ELF|file too short)")

_SESSION = """
import json, sys
import numpy as np
import onnxruntime as ort
try:
    if hasattr(ort, "preload_dlls") and sys.argv[3] == "preload": ort.preload_dlls()
    session = ort.InferenceSession(sys.argv[1], providers=sys.argv[2].split(","))
    found = session.run(None, {"x": np.array([[1, 2, 3]], np.float32)})[0].tolist()
    said = {"active": session.get_providers(), "found": found, "version": ort.__version__, "file": ort.__file__}
except Exception as error:
    said = {"error": str(error)}
said["opened"] = sorted({line.split()[-1] for line in open("/proc/self/maps") if ".so" in line})
print("SAID" + json.dumps(said))
"""


def runs(bed: Bed, file: Path | None = None) -> None:
    """Check that a session on the CPU, over ``file`` or a model that every release takes, gives the right numbers."""
    said, stderr = session(bed, CPU, file=file)
    assert said.get("error") is None, said["error"]
    assert said["active"] == [CPU]
    assert said["found"] == [[2.0, 4.0, 6.0]]
    assert "compiled using NumPy 1.x" not in stderr


def whole(bed: Bed) -> None:
    """Check that one distribution of onnxruntime is installed, that its files are its own, and that it runs."""
    records = [*bed.site.glob("onnxruntime*.dist-info/RECORD"), *bed.site.glob("ort_*.dist-info/RECORD")]
    assert len(records) == 1, f"distributions of onnxruntime: {[path.parent.name for path in records]}"
    for name, digest, _ in csv.reader(records[0].read_text(encoding="utf-8").splitlines()):
        algorithm, _, wanted = digest.partition("=")
        if wanted and name.startswith("onnxruntime/"):
            assert (bed.site / name).is_file(), f"{name} is gone"
            found = hashlib.new(algorithm, (bed.site / name).read_bytes()).digest()
            assert base64.urlsafe_b64encode(found).rstrip(b"=").decode() == wanted, f"{name} is not the installed file"
    runs(bed)


def reaches_cuda(bed: Bed, *, preload: bool = False) -> None:
    """Check that a session that asks for CUDA opens the provider and all it needs, and lacks the driver only."""
    said, stderr = session(bed, CUDA, CPU, preload=preload)
    text = f"{said.get('error', '')}\n{stderr}"
    assert LOADER_SAYS.search(text) is None, text[:2000]
    if CUDA in said.get("active", []):
        assert said["found"] == [[2.0, 4.0, 6.0]]
        return
    assert _CUDA_SAYS.search(text), text[:2000]


def runs_on_cuda_build(bed: Bed) -> None:
    """Check a GPU package where there is no GPU: it lists CUDA, and its session on the CPU gives the right numbers."""
    runs(bed)
    assert CUDA in bed.run(bed.python, "-c", "import onnxruntime as o; print(o.get_available_providers())").stdout


def session(
    bed: Bed, *providers: str, preload: bool = False, file: Path | None = None
) -> tuple[dict[str, Any], str]:
    """Run a session in the patient's environment; return what it said, and what was printed besides."""
    path = file or bed.root / "double.onnx"
    if file is None:
        path.write_bytes(model())
    program = bed.root / "session.py"
    program.write_text(_SESSION, encoding="utf-8")
    # As the user's shell would, the current folder first; a script's own folder would take its place.
    text = f"import sys; exec(open({str(program)!r}).read())"
    how = "preload" if preload else "plain"
    done = bed.run(bed.python, "-c", text, path, ",".join(providers), how, check=False, limit=60)
    fenced = re.search(r"^SAID(.*)$", done.stdout, re.MULTILINE)
    assert fenced, f"no session: exit {done.returncode}: {done.stderr[-2000:]}"
    said: dict[str, Any] = json.loads(fenced[1])
    # Since 1.20 the package prints to standard output why it falls back to the CPU.
    return said, done.stdout.replace(fenced[0], "") + done.stderr


@cache
def model(opset: int = 7, ir: int = 3) -> bytes:
    """Return a model that doubles three numbers; the defaults are what every release reads."""
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    return bytes(made.SerializeToString())


def model_with_data(name: str) -> bytes:
    """Return a model that doubles three numbers by weights that it expects in the file ``name`` beside it."""
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy")
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", name), ("offset", "0"), ("length", str(len(WEIGHTS)))):
        weights.external_data.add(key=key, value=value)
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "double", [x], [y], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    return bytes(made.SerializeToString())
