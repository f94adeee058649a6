"""Find the outputs' shapes, and whether scores are probabilities: by running the model, or as it declares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ortdoctor.model.extras import require
from ortdoctor.model.graphs import shape_of
from ortdoctor.model.running import Running, noise
from ortdoctor.model.scrfd_layout import DECODED, Layout, Output

if TYPE_CHECKING:
    from onnx import ModelProto

    from ortdoctor.model.load import Model

    _Shape = tuple[int | str | None, ...] | None

#: Operators that move values without changing them: a Sigmoid behind them still makes probabilities.
_MOVES = {"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Concat", "Cast", "Slice", "Gather"}
_TO_PROBABILITY = {"Sigmoid", "Softmax", "HardSigmoid"}


@dataclass(frozen=True)
class Measured:
    """Shapes of the outputs, and, where the model ran, its outputs on each test input."""

    outputs: list[Output]
    ran: bool
    notes: tuple[str, ...] = ()
    runs: list[dict[str, Any]] = field(default_factory=list)
    probabilities: frozenset[str] = frozenset()

    def scores(self, layout: Layout) -> str:
        """Return ``sigmoid`` where the graph ends in probabilities, ``logits`` where the runner has to make them."""
        names = [layout.decoded] if layout.decoded else [level.score for level in layout.levels]
        if not self.ran:
            probable = self.probabilities.issuperset(name for name in names if name)
        else:
            probable = all(_within(self._score(run, layout, name)) for run in self.runs for name in names)
        return "sigmoid" if probable else "logits"

    def doubt(self, layout: Layout) -> str | None:
        """Return why the values do not mean what the shapes suggest; None where they do."""
        if not self.ran:
            return None
        numpy = require("numpy", "looking at the outputs")
        for run in self.runs:
            for name, array in run.items():
                if not numpy.isfinite(array).all():
                    return f"the output {name!r} is not finite on a plain test picture; the model is damaged."
            if layout.decoded is not None:
                rows = run[layout.decoded].reshape(-1, DECODED)
                boxes = rows[:, :4]
                if numpy.abs(boxes).max() <= 2:
                    return "its decoded boxes are fractions of the picture; SCRFD's are in pixels of the input."
                if ((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])).mean() > 0.5:
                    return "its decoded boxes are not corners (x1, y1, x2, y2); SCRFD's are."
        return None

    @staticmethod
    def _score(run: dict[str, Any], layout: Layout, name: str | None) -> Any:  # noqa: ANN401 - an array
        array = run[str(name)]
        return array.reshape(-1, DECODED)[:, 4] if layout.decoded else array


def measure(model: Model, name: str, size: tuple[int, int]) -> Measured:
    """Run ``model`` on noise and on two plain pictures of ``size`` (width, height).

    Logits of an untrained or a trained head are negative on most anchors of such pictures, so one run that
    leaves [0, 1] tells them from probabilities. :class:`ModelError` where the model does not run.
    """
    numpy = require("numpy", "running the model")
    running = Running(model.data if not model.external else model.proto.SerializeToString())
    shape = (1, 3, size[1], size[0])
    pictures = [noise(shape), numpy.zeros(shape, numpy.float32), numpy.full(shape, -127.5 / 128, numpy.float32)]
    runs = [dict(zip(running.names, running.run({name: picture}), strict=True)) for picture in pictures]
    outputs = [Output(key, tuple(map(int, array.shape))) for key, array in runs[0].items()]
    return Measured(outputs, ran=True, runs=runs)


def declared(model: Model, name: str, size: tuple[int, int]) -> Measured:
    """Return the shapes that the model declares or, better, those inferred for ``size``; nothing is run."""
    onnx = require("onnx", "inferring shapes")
    said = {entry.name: shape_of(entry) for entry in model.proto.graph.output}
    copy = onnx.ModelProto()
    copy.CopyFrom(model.proto)
    _fix_input(copy, name, size)
    # What is declared would win over what is inferred, stale as it may be.
    del copy.graph.value_info[:]
    for entry in copy.graph.output:
        entry.type.tensor_type.ClearField("shape")
    notes = [_NOT_RUN]
    try:
        copy = onnx.shape_inference.infer_shapes(copy, data_prop=True)
    except (onnx.shape_inference.InferenceError, RuntimeError) as error:
        notes.append(f"shapes could not be inferred: {' '.join(str(error).split())[:200]}")
    inferred = {entry.name: shape_of(entry) for entry in copy.graph.output}
    outputs = [Output(key, _better(inferred.get(key), shape)) for key, shape in said.items()]
    return Measured(outputs, ran=False, notes=tuple(notes), probabilities=_probabilities(model.proto))


_NOT_RUN = "the model was not run (onnxruntime is not installed or not asked for): declared shapes are believed."


def _fix_input(proto: ModelProto, name: str, size: tuple[int, int]) -> None:
    for entry in proto.graph.input:
        if entry.name == name:
            for dim, value in zip(entry.type.tensor_type.shape.dim, (1, 3, size[1], size[0]), strict=True):
                dim.dim_value = value


def _better(inferred: _Shape, said: _Shape) -> tuple[int, ...]:
    """Return an inferred shape, its open dimensions as declared; what nobody knows is 0, which no layout has.

    An open first dimension of three or more is the batch: it is 1, as the input's.
    """
    if inferred is None or (said is not None and len(said) != len(inferred)):
        inferred, said = said or (), None
    known = [
        next((dim for dim in pair if isinstance(dim, int)), 0)
        for pair in zip(inferred, said or (None,) * len(inferred), strict=True)
    ]
    if len(known) >= 3 and not known[0]:
        known[0] = 1
    return tuple(known)


def _within(array: Any) -> bool:  # noqa: ANN401 - an array
    return bool(array.min() >= 0 and array.max() <= 1)


def _probabilities(proto: ModelProto) -> frozenset[str]:
    """Return the outputs in which a Sigmoid or Softmax ends, seen through operators that only move values."""
    makers = {output: node for node in proto.graph.node for output in node.output}
    found = set()
    for entry in proto.graph.output:
        waiting, seen = [entry.name], set()
        while waiting:
            name = waiting.pop()
            node = makers.get(name)
            if node is None or name in seen:
                continue
            seen.add(name)
            if node.op_type in _TO_PROBABILITY:
                found.add(entry.name)
            elif node.op_type in _MOVES:
                # A decoded row is a Concat of box, score and keypoints: any part may be the score.
                waiting.extend(node.input if node.op_type == "Concat" else node.input[:1])
    return frozenset(found)
