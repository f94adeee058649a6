"""Small models made for the tests: SCRFD of every form with constant outputs, and what is not SCRFD."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

STRIDES = (8, 16, 32)
VALUES = {"score": 1, "bbox": 4, "kps": 10}


def head(form: str, size: tuple[int, int], stride: int, kind: str, anchors: int, *, logits: bool = False) -> Any:
    """Return the constant output of one head; every anchor finds nothing but the third of stride 8."""
    columns, lines = ceil(size[0] / stride), ceil(size[1] / stride)
    grid = np.full((lines, columns, anchors, VALUES[kind]), 0.5, np.float32)
    if kind == "score":
        grid[:] = -4.0 if logits else 0.01
        if stride == 8:
            grid.reshape(-1)[2] = 2.0 if logits else 0.9
    if form == "nchw":
        return grid.transpose(2, 3, 0, 1).reshape(1, anchors * VALUES[kind], lines, columns)
    flat = grid.reshape(-1, VALUES[kind])
    return flat[None] if form == "batched" else flat


def outputs_of(
    form: str,
    size: tuple[int, int] = (64, 64),
    anchors: int = 2,
    *,
    keypoints: bool = True,
    logits: bool = False,
) -> dict[str, Any]:
    """Return the outputs by a name that says what each is."""
    if form == "decoded":
        total = sum(ceil(size[0] / stride) * ceil(size[1] / stride) for stride in STRIDES)
        rows = np.tile(np.array([4, 4, 30, 30, 0.01] + [10] * 10, np.float32), (anchors * total, 1))
        rows[2, 4] = 0.9
        return {"pred": rows}
    kinds = ("score", "bbox", "kps") if keypoints else ("score", "bbox")
    return {
        f"{kind}_{stride}": head(form, size, stride, kind, anchors, logits=logits)
        for kind in kinds
        for stride in STRIDES
    }


def constant_model(
    outputs: dict[str, Any],
    *,
    shape: tuple[int | str, ...] = (1, 3, 64, 64),
    input_name: str = "input.1",
    declared: str = "right",
    opset: int = 11,
    ir: int = 6,
) -> ModelProto:
    """Return a model that gives ``outputs`` whatever it is shown.

    ``declared`` says what the model tells of its output shapes: ``right``, ``none`` (no shape) or ``open``.
    """
    infos, nodes, tensors = [], [], []
    for index, (name, array) in enumerate(outputs.items()):
        told = {"right": list(array.shape), "none": None, "open": [None] * array.ndim}[declared]
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, told))
        nodes.append(helper.make_node("Identity", [f"c{index}"], [name], name=f"identity{index}"))
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), f"c{index}"))
    entry = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(nodes, "made", [entry], infos, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def save(model: ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    """Write ``model`` and return its path."""
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def scrfd_file(folder: Path, form: str = "batched", **options: Any) -> Path:
    """Write a small SCRFD and return its path; options of :func:`outputs_of` and :func:`constant_model`."""
    ours = {key: options.pop(key) for key in ("size", "anchors", "keypoints", "logits") if key in options}
    size = ours.get("size", (64, 64))
    options.setdefault("shape", (1, 3, size[1], size[0]))
    return save(constant_model(outputs_of(form, **ours), **options), folder)
