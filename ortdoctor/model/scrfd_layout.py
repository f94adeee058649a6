"""Tell from the shapes of a model's outputs which of them is which, or why they are not those of SCRFD."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ortdoctor.model.scrfd_others import another_detector

#: Values per anchor: a score, four distances of the box, five keypoints.
SCORE, BBOX, KEYPOINTS = 1, 4, 10
#: A decoded row: the box, the score, the keypoints.
DECODED = BBOX + SCORE + KEYPOINTS

#: Every published SCRFD has these strides; each level is a quarter of the cells of the one before.
STRIDES = (8, 16, 32)
ANCHORS = (2, 1)


@dataclass(frozen=True)
class Output:
    """An output of a model: its name and shape."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """The outputs of one stride."""

    stride: int
    score: str
    bbox: str
    keypoints: str | None


@dataclass(frozen=True)
class Layout:
    """Which output is which. ``form`` as in docs/bundle.md; ``anchors`` per cell."""

    form: str
    anchors: int
    levels: tuple[Level, ...]
    decoded: str | None = None
    strides: tuple[int, ...] = STRIDES

    @property
    def keypoints(self) -> bool:
        """Whether the model finds keypoints."""
        return self.decoded is not None or all(level.keypoints for level in self.levels)


def grid(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return (rows, columns) of cells for an input of (width, height): partial cells count."""
    return ceil(size[1] / stride), ceil(size[0] / stride)


def cells(size: tuple[int, int], stride: int) -> int:
    """Return the number of cells of a stride."""
    rows, columns = grid(size, stride)
    return rows * columns


def arrange(outputs: list[Output], size: tuple[int, int]) -> Layout | str:
    """Return the layout of ``outputs`` at an input of ``size`` (width, height), or why it is not SCRFD's."""
    if len(outputs) == 1:
        found = _decoded(outputs[0], size)
    elif len(outputs) in (6, 9):
        found = _heads(outputs, size)
    else:
        found = f"it has {len(outputs)} outputs; SCRFD has 9, 6 (without keypoints) or 1 (decoded)."
    if isinstance(found, str):
        return another_detector([output.shape for output in outputs]) or found
    return found


def _decoded(output: Output, size: tuple[int, int]) -> Layout | str:
    shape = output.shape
    if len(shape) not in (2, 3) or shape[-1] != DECODED or (len(shape) == 3 and shape[0] != 1):
        return f"its only output has the shape {_text(shape)}; a decoded SCRFD has [N, {DECODED}]."
    total = sum(cells(size, stride) for stride in STRIDES)
    for anchors in ANCHORS:
        if shape[-2] == anchors * total:
            return Layout("decoded", anchors, (), output.name)
    return (
        f"its output has {shape[-2]} rows; strides 8, 16 and 32 at {size[0]}x{size[1]} give {2 * total} "
        f"with two anchors a cell, {total} with one."
    )


def _heads(outputs: list[Output], size: tuple[int, int]) -> Layout | str:
    ranks = {len(output.shape) for output in outputs}
    if len(ranks) != 1:
        return f"its outputs have different numbers of dimensions ({', '.join(map(str, sorted(ranks)))})."
    rank = ranks.pop()
    if rank == 4:
        return _choose("nchw", outputs, size)
    if rank == 3:
        if any(output.shape[0] != 1 for output in outputs):
            return "the first dimension of its outputs is not the batch of one picture."
        return _choose("batched", outputs, size)
    if rank == 2:
        return _choose("flat", outputs, size)
    return f"its outputs have {rank} dimensions; those of SCRFD have 2, 3 or 4."


def _choose(form: str, outputs: list[Output], size: tuple[int, int]) -> Layout | str:
    """Return the layout for two anchors or one, whichever fits every output exactly."""
    reason = ""
    for anchors in ANCHORS:
        found = _fit(form, outputs, size, anchors)
        if not isinstance(found, str):
            return found
        reason = reason or found
    return reason


def _fit(form: str, outputs: list[Output], size: tuple[int, int], anchors: int) -> Layout | str:
    slots: dict[tuple[int, int], str] = {}
    wanted = {
        _shape(form, stride, values, size, anchors): (stride, values)
        for stride in STRIDES
        for values in (SCORE, BBOX, KEYPOINTS)
    }
    for output in outputs:
        slot = wanted.get(output.shape)
        if slot is None:
            return (
                f"an output has the shape {_text(output.shape)}, which is no score, box or keypoint head of "
                f"stride 8, 16 or 32 at {size[0]}x{size[1]} (two anchors: {_examples(form, size)})."
            )
        if slot in slots:
            return f"two outputs have the shape {_text(output.shape)}, so they cannot be told apart."
        slots[slot] = output.name
    kinds = (SCORE, BBOX, KEYPOINTS) if len(outputs) == 9 else (SCORE, BBOX)
    missing = [(stride, values) for stride in STRIDES for values in kinds if (stride, values) not in slots]
    if missing:
        names = {SCORE: "score", BBOX: "box", KEYPOINTS: "keypoint"}
        return f"it has no {names[missing[0][1]]} output for stride {missing[0][0]}."
    levels = tuple(
        Level(stride, slots[stride, SCORE], slots[stride, BBOX], slots.get((stride, KEYPOINTS))) for stride in STRIDES
    )
    return Layout(form, anchors, levels)


def _shape(form: str, stride: int, values: int, size: tuple[int, int], anchors: int) -> tuple[int, ...]:
    if form == "nchw":
        return (1, anchors * values, *grid(size, stride))
    rows = anchors * cells(size, stride)
    return (1, rows, values) if form == "batched" else (rows, values)


def _examples(form: str, size: tuple[int, int]) -> str:
    shapes = [_shape(form, stride, SCORE, size, 2) for stride in STRIDES]
    return ", ".join(map(_text, shapes))


def _text(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
