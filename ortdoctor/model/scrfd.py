"""Recognise an SCRFD face detector and its form; the result is the ``spec.json`` of docs/bundle.md.

The form is told from the shapes of the outputs, never from names, which exporters choose at will. Where
onnxruntime is installed the shapes are measured by running the model, because declared ones are often missing
or stale; without it the declared and inferred shapes decide, and the notes say so.

Source of the layout: insightface, detection/scrfd/tools/scrfd.py and tools/scrfd2onnx.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ortdoctor.errors import ModelError, OrtDoctorError
from ortdoctor.model.extras import at_hand
from ortdoctor.model.graphs import real_inputs, shape_of
from ortdoctor.model.scrfd_layout import Layout, Output, arrange
from ortdoctor.model.scrfd_measure import Measured, declared, measure

if TYPE_CHECKING:
    from ortdoctor.model.load import Model

SCHEMA = "ortdoctor.scrfd/1"

#: (width, height) for a model that takes any: what the reference implementation uses.
DEFAULT_SIZE = (640, 640)

#: The reference preprocesses (pixel - mean) / std in RGB, keeps faces from 0.5 and merges boxes over 0.4.
MEAN, STD, CHANNELS = 127.5, 128.0, "rgb"
SCORE_THRESHOLD, NMS_THRESHOLD = 0.5, 0.4

#: TensorProto.FLOAT
_FLOAT32 = 1


@dataclass(frozen=True)
class Recognition:
    """What a model is: ``spec`` for an SCRFD, else ``reason``, one sentence. ``notes`` qualify either.

    ``measured`` says that the model was run; without, declared shapes were believed.
    """

    spec: dict[str, Any] | None
    reason: str | None
    measured: bool
    notes: tuple[str, ...] = ()

    @property
    def form(self) -> str | None:
        """``batched``, ``flat``, ``nchw`` or ``decoded``; None for what is not SCRFD."""
        return None if self.spec is None else str(self.spec["form"])


def recognise(model: Model, *, size: tuple[int, int] | None = None, run: bool | None = None) -> Recognition:
    """Return what ``model`` is.

    ``size`` (width, height) is for a model whose input is dynamic; a static one takes its own size only.
    ``run`` None runs the model where onnxruntime is installed; True insists, False believes what is declared.
    """
    entry = _input(model)
    if isinstance(entry, str):
        return Recognition(None, entry, measured=False)
    shape = [dim if isinstance(dim, int) else None for dim in entry[1]]
    wanted = _size(shape, size)
    if isinstance(wanted, str):
        return Recognition(None, wanted, measured=False)
    try:
        seen = _look(model, entry[0], wanted, run)
    except ModelError as error:
        return Recognition(None, f"it could not be run: {error}", measured=True)
    layout = arrange(seen.outputs, wanted)
    if isinstance(layout, str) and not seen.ran and any(0 in output.shape for output in seen.outputs):
        layout = f"its output shapes cannot be told without running it: {seen.notes[0]}"
    if isinstance(layout, str):
        return Recognition(None, layout, measured=seen.ran, notes=seen.notes)
    doubt = seen.doubt(layout)
    if doubt:
        return Recognition(None, doubt, measured=seen.ran, notes=seen.notes)
    spec = _spec(entry[0], shape, wanted, layout, seen.scores(layout))
    notes = (*seen.notes, *_stale(model, seen.outputs, seen))
    return Recognition(spec, None, measured=seen.ran, notes=notes)


def require_spec(model: Model, *, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return the spec of an SCRFD model; :class:`ModelError` says why another is not one."""
    found = recognise(model, size=size, run=True)
    if found.spec is None:
        raise ModelError(
            f"{model.path} is not an SCRFD face detector: {found.reason} "
            "Expected three strides (8, 16, 32) with a score, a box and, if it has them, five keypoints per anchor."
        )
    return found.spec


def _look(model: Model, name: str, size: tuple[int, int], run: bool | None) -> Measured:
    """Run the model or believe what it declares; a broken onnxruntime is no reason to say nothing, unless asked to."""
    if run is False or (run is None and not at_hand("onnxruntime")):
        return declared(model, name, size)
    try:
        return measure(model, name, size)
    except ModelError:
        raise
    except OrtDoctorError as error:
        if run:
            raise
        seen = declared(model, name, size)
        return replace(seen, notes=(*seen.notes, str(error)))


def _input(model: Model) -> tuple[str, tuple[int | str | None, ...]] | str:
    inputs = real_inputs(model.proto.graph)
    if len(inputs) != 1:
        return f"it takes {len(inputs)} inputs, a detector takes one picture."
    kind = inputs[0].type.tensor_type
    shape = shape_of(inputs[0])
    if kind.elem_type != _FLOAT32:
        return "its input is not float32 (half precision and quantised inputs are not supported)."
    if shape is None or len(shape) != 4:
        return f"its input has {'no declared shape' if shape is None else f'{len(shape)} dimensions'}, a picture has 4."
    if shape[1] != 3:
        last = " (the colours are last: NHWC)" if shape[3] == 3 else ""
        return f"its input has {shape[1] or 'unknown'} channels in dimension 1, a colour picture has 3{last}."
    if isinstance(shape[0], int) and shape[0] != 1:
        return f"it takes batches of exactly {shape[0]} pictures; export it for one."
    return inputs[0].name, shape


def _size(shape: list[int | None], size: tuple[int, int] | None) -> tuple[int, int] | str:
    """Return (width, height) that pictures are fitted into, or why ``size`` cannot be had."""
    wanted = (shape[3] or (size or DEFAULT_SIZE)[0], shape[2] or (size or DEFAULT_SIZE)[1])
    if size is not None and wanted != size:
        return f"its input is fixed to {wanted[0]}x{wanted[1]}, and {size[0]}x{size[1]} was asked for."
    return wanted


def _spec(name: str, shape: list[int | None], size: tuple[int, int], layout: Layout, scores: str) -> dict[str, Any]:
    decoded = None
    if layout.decoded is not None:
        decoded = {"output": layout.decoded, "bbox": [0, 4], "score": 4, "keypoints": [5, 15]}
    levels = [
        {"stride": level.stride, "score": level.score, "bbox": level.bbox, "keypoints": level.keypoints}
        for level in layout.levels
    ]
    return {
        "schema": SCHEMA,
        "form": layout.form,
        "input": {
            "name": name,
            "shape": shape,
            "dynamic": shape[2] is None or shape[3] is None,
            "size": list(size),
        },
        "mean": MEAN,
        "std": STD,
        "channels": CHANNELS,
        "strides": list(layout.strides),
        "anchors": layout.anchors,
        "keypoints": 5 if layout.keypoints else 0,
        "scores": scores,
        "levels": levels,
        "decoded": decoded,
        "score_threshold": SCORE_THRESHOLD,
        "nms_threshold": NMS_THRESHOLD,
    }


def _stale(model: Model, outputs: list[Output], seen: Measured) -> list[str]:
    """Say where the model declares another output shape than it gives."""
    if not seen.ran:
        return []
    said = {entry.name: shape_of(entry) for entry in model.proto.graph.output}
    wrong = [
        output.name
        for output in outputs
        if (shape := said.get(output.name)) is not None and not _agrees(shape, output.shape)
    ]
    if not wrong:
        return []
    return [f"{len(wrong)} of {len(outputs)} outputs have another shape than declared; the measured ones are used."]


def _agrees(said: tuple[int | str | None, ...], measured: tuple[int, ...]) -> bool:
    return len(said) == len(measured) and all(
        not isinstance(a, int) or a == b for a, b in zip(said, measured, strict=True)
    )
