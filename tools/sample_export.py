"""Write the sample's layers as an ONNX graph: opset 11, IR 6, batch normalisation folded in.

ONNX and NumPy only. The graph is put together by hand, so that it holds just Conv, Relu, Resize, Add,
Transpose, Reshape and Sigmoid, nothing of the training, and loads in every ONNX Runtime since 1.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tools.sample_model import Layer

    Array = NDArray[np.float32]

OPSET = 11
IR_VERSION = 6
DOC = (
    "Tiny SCRFD-style face detector of the ortdoctor project, trained on procedurally drawn faces only; "
    "not fit for photographs. Licence: Apache-2.0. "
    "Input: RGB, (x - 127.5) / 128. Outputs: scores, box distances and keypoint offsets in units of the "
    "stride at strides 8, 16 and 32, two anchors a cell."
)


class Weights(NamedTuple):
    """A convolution with everything folded in: kernel (O, I/g, k, k), bias (O,)."""

    kernel: Array
    bias: Array


def fold_norm(
    kernel: Array, *, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float
) -> Weights:
    """Fold a batch normalisation into the convolution before it (which has no bias)."""
    factor = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return Weights(
        (kernel * factor[:, None, None, None]).astype(np.float32), (beta - mean * factor).astype(np.float32)
    )


def _conv(layer: Layer, weights: Weights) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    result = f"{layer.name}.conv" if layer.active else f"{layer.name}.raw"
    pad = layer.kernel // 2
    nodes = [
        helper.make_node(
            "Conv", [layer.source, f"{layer.name}.weight", f"{layer.name}.bias"], [result], name=result,
            kernel_shape=[layer.kernel] * 2, strides=[layer.stride] * 2, pads=[pad] * 4, dilations=[1, 1],
            group=layer.groups,
        )
    ]  # fmt: skip
    if layer.active:
        nodes.append(helper.make_node("Relu", [result], [layer.name], name=layer.name))
    tensors = [
        numpy_helper.from_array(weights.kernel, f"{layer.name}.weight"),
        numpy_helper.from_array(weights.bias, f"{layer.name}.bias"),
    ]
    return nodes, tensors


def _sum(layer: Layer) -> list[onnx.NodeProto]:
    return [
        helper.make_node(
            "Resize", [layer.below, "resize.roi", "resize.scales"], [f"{layer.name}.up"],
            name=f"{layer.name}.up", mode="nearest", coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        helper.make_node("Add", [layer.source, f"{layer.name}.up"], [layer.name], name=layer.name),
    ]  # fmt: skip


def _batched(name: str) -> list[onnx.NodeProto]:
    """Bring a map (1, anchors * k, H, W) to (1, H * W * anchors, k)."""
    part = name.split("_", maxsplit=1)[0]
    last = f"{name}.logits" if part == "score" else name
    nodes = [
        helper.make_node(
            "Transpose", [f"{name}.raw"], [f"{name}.cells"], name=f"{name}.cells", perm=[0, 2, 3, 1]
        ),
        helper.make_node("Reshape", [f"{name}.cells", f"{part}.shape"], [last], name=last),
    ]
    if part == "score":
        nodes.append(helper.make_node("Sigmoid", [last], [name], name=name))
    return nodes


def build_model(layers: list[Layer], weights: Mapping[str, Weights], shapes: Mapping[str, list[int]],
                size: tuple[int, int]) -> onnx.ModelProto:  # fmt: skip
    """Return the checked model; ``shapes`` gives the outputs in their order, ``size`` is width and height."""
    nodes: list[onnx.NodeProto] = []
    tensors = [
        numpy_helper.from_array(np.zeros(0, np.float32), "resize.roi"),
        numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "resize.scales"),
        *(numpy_helper.from_array(np.array([1, -1, values], np.int64), f"{part}.shape")
          for part, values in (("score", 1), ("bbox", 4), ("kps", 10))),
    ]  # fmt: skip
    for layer in layers:
        if layer.below:
            nodes += _sum(layer)
            continue
        made, held = _conv(layer, weights[layer.name])
        nodes, tensors = nodes + made, tensors + held
        if layer.name in shapes:
            nodes += _batched(layer.name)
    graph = helper.make_graph(
        nodes, "scrfd_sample",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, size[1], size[0]])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        initializer=tensors,
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
        producer_name="ortdoctor", doc_string=DOC,
    )  # fmt: skip
    onnx.checker.check_model(model, full_check=True)
    return model
