"""The sample's network as data, its training form in PyTorch, and the assignment and losses of SCRFD.

``LAYERS`` is the only description of the network: ``forward`` runs it in PyTorch with batch normalisation,
and ``tools/sample_export.py`` writes the same list as an ONNX graph with the normalisation folded in.
Run by ``tools/train_sample.py``; imports PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tools.sample_eval import ANCHORS, STRIDES, centres

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = (320, 320)
# The sides of the two anchors of each level in pixels. They only steer which anchor learns which face and the
# scale of the raw outputs; a decoder needs the centres and the strides alone.
ANCHOR_SIDES = ((16.0, 28.0), (48.0, 76.0), (116.0, 176.0))
CANDIDATES = 9  # ATSS: anchors a level that are considered for a face


class Layer(NamedTuple):
    """A convolution, or the sum of a layer and one of half its size (``below``) brought to its size."""

    name: str
    source: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    groups: int = 1
    active: bool = True  # batch normalisation and ReLU follow
    below: str = ""


def _separable(name: str, source: str, inputs: int, outputs: int, stride: int = 1) -> list[Layer]:
    """Return a depthwise and a pointwise convolution."""
    return [
        Layer(f"{name}_dw", source, inputs, inputs, 3, stride, inputs),
        Layer(name, f"{name}_dw", inputs, outputs, 1),
    ]


def _layers() -> list[Layer]:
    layers = [
        Layer("stem", "images", 3, 12, 3, 2),
        Layer("early", "stem", 12, 24, 3, 2),
        *_separable("c3a", "early", 24, 40, 2),
        *_separable("c3", "c3a", 40, 40),
        *_separable("c4a", "c3", 40, 64, 2),
        *_separable("c4b", "c4a", 64, 64),
        *_separable("c4", "c4b", 64, 64),
        *_separable("c5a", "c4", 64, 96, 2),
        *_separable("c5b", "c5a", 96, 96),
        *_separable("c5", "c5b", 96, 96),
    ]
    width = 40
    layers += [
        Layer(f"lateral{level}", f"c{level}", count, width, 1) for level, count in ((3, 40), (4, 64), (5, 96))
    ]
    layers += [
        Layer("sum4", "lateral4", width, width, below="lateral5"),
        *_separable("p4", "sum4", width, width),
        Layer("sum3", "lateral3", width, width, below="p4"),
    ]
    for stride, source in zip(STRIDES, ("sum3", "p4", "lateral5"), strict=True):
        layers += _separable(f"head{stride}a", source, width, width)
        layers += _separable(f"head{stride}", f"head{stride}a", width, width)
        layers += [
            Layer(f"{part}_{stride}", f"head{stride}", width, ANCHORS * values, 1, active=False)
            for part, values in (("score", 1), ("bbox", 4), ("kps", 10))
        ]
    return layers


LAYERS = _layers()
OUTPUTS = [f"{part}_{stride}" for part in ("score", "bbox", "kps") for stride in STRIDES]


def build() -> nn.ModuleDict:
    """Return the network's modules by layer name, freshly initialised from torch's generator."""
    modules = nn.ModuleDict()
    for layer in LAYERS:
        if layer.below:
            continue
        conv = nn.Conv2d(
            layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.kernel // 2,
            groups=layer.groups, bias=not layer.active,
        )  # fmt: skip
        if layer.active:
            nn.init.kaiming_normal_(conv.weight, mode="fan_out" if layer.groups == 1 else "fan_in")
            modules[layer.name] = nn.Sequential(conv, nn.BatchNorm2d(layer.outputs), nn.ReLU(inplace=True))
        else:
            nn.init.normal_(conv.weight, std=0.01)
            nn.init.constant_(conv.bias, -4.0 if layer.name.startswith("score") else 0.0)
            modules[layer.name] = conv
    return modules


def unit_scale(name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (channels,) factor and shift to units of the stride: ``value = factor * raw + shift``.

    A raw 0 is a box of the anchor's size around its centre, with all keypoints in the middle.
    """
    part, stride = name.split("_")
    values = {"score": 1, "bbox": 4, "kps": 10}[part]
    if part == "score":
        return np.ones(ANCHORS, np.float32), np.zeros(ANCHORS, np.float32)
    sides = np.array(ANCHOR_SIDES[STRIDES.index(int(stride))], np.float32) / float(stride)
    factor = np.repeat(sides / 2.0, values).astype(np.float32)
    return factor, factor if part == "bbox" else np.zeros_like(factor)


def forward(modules: nn.ModuleDict, images: Any) -> list[Any]:  # noqa: ANN401 - torch ships no types to this check
    """Return nine tensors (B, N, k) for images (B, 3, H, W): score logits, distances, offsets in strides."""
    values = {"images": images}
    for layer in LAYERS:
        source = values[layer.source]
        if layer.below:
            values[layer.name] = source + functional.interpolate(
                values[layer.below], scale_factor=2.0, mode="nearest"
            )
        else:
            values[layer.name] = modules[layer.name](source)
    result = []
    for name in OUTPUTS:
        factor, shift = (torch.from_numpy(array) for array in unit_scale(name))
        raw = values[name].permute(0, 2, 3, 1) * factor + shift
        result.append(raw.reshape(images.shape[0], -1, raw.shape[-1] // ANCHORS))
    return result


class Grid(NamedTuple):
    """Every anchor: centre (N, 2), box (N, 4), stride (N,), in the order of the outputs laid end to end."""

    centre: Any
    box: Any
    stride: Any
    counts: tuple[int, ...]


def grid() -> Grid:
    """Lay out the anchors of ``SIZE``."""
    centre, side, stride, counts = [], [], [], []
    for step, sides in zip(STRIDES, ANCHOR_SIDES, strict=True):
        level = centres(step, *SIZE)
        centre.append(level)
        side.append(np.tile(np.array(sides), len(level) // ANCHORS))
        stride.append(np.full(len(level), float(step)))
        counts.append(len(level))
    middle, half = np.vstack(centre), np.hstack(side)[:, None] / 2
    tensors = (middle, np.hstack([middle - half, middle + half]), np.hstack(stride))
    places, box, steps = (torch.from_numpy(array.astype(np.float32)) for array in tensors)
    return Grid(places, box, steps, tuple(counts))


def pair_iou(first: Any, second: Any) -> tuple[Any, Any]:  # noqa: ANN401 - torch ships no types to this check
    """Return IoU and distance-IoU (Zheng et al. 2020) of boxes (.., 4) with boxes (.., 4), broadcast."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).clamp(min=0).prod(-1) for box in (first, second)]
    iou = shared / (areas[0] + areas[1] - shared).clamp(min=1e-6)
    hull = torch.maximum(first[..., 2:], second[..., 2:]) - torch.minimum(first[..., :2], second[..., :2])
    away = (first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) / 2
    return iou, iou - away.square().sum(-1) / hull.square().sum(-1).clamp(min=1e-6)


def assign(anchors: Grid, boxes: Any) -> Any:  # noqa: ANN401 - torch ships no types to this check
    """Return (N,) the index of each anchor's face or -1, by ATSS (Zhang et al. 2020); boxes are (M, 4)."""
    owner = torch.full((len(anchors.box),), -1)
    if not len(boxes):
        return owner
    iou, _ = pair_iou(anchors.box[:, None], boxes[None])
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = (anchors.centre[:, None] - middle[None]).norm(dim=-1)
    near, start = [], 0
    for count in anchors.counts:
        near.append(away[start : start + count].topk(CANDIDATES, dim=0, largest=False).indices + start)
        start += count
    chosen = torch.cat(near)
    quality = iou.gather(0, chosen)
    bound = quality.mean(0) + quality.std(0)
    inside = torch.minimum(
        (anchors.centre[:, None] - boxes[None, :, :2]).amin(-1),
        (boxes[None, :, 2:] - anchors.centre[:, None]).amin(-1),
    )
    good = (quality >= bound) & (inside.gather(0, chosen) > 0)
    best = torch.full_like(iou, -1.0).scatter(0, chosen, torch.where(good, quality, -1.0))
    value, index = best.max(dim=1)
    return torch.where(value > 0, index, owner)


class Losses(NamedTuple):
    """The three parts of the loss, each already weighted."""

    score: Any
    box: Any
    keypoints: Any


def losses(anchors: Grid, outputs: list[Any], boxes: list[Any], keypoints: list[Any]) -> Losses:
    """Compare the outputs of a batch with its faces.

    Scores: quality focal loss (Li et al. 2020). The target is the root of the predicted box's IoU, not the
    IoU: a face that is just matched (0.5) should score 0.7, well above the threshold of 0.5 that the runner
    uses. Boxes: distance-IoU. Keypoints: smooth L1 in fractions of the face's side. Both weighted by the
    target.
    """
    logits, distances, offsets = (torch.cat(outputs[start : start + 3], dim=1) for start in (0, 3, 6))
    stride = anchors.stride[:, None]
    predicted = torch.cat(
        [anchors.centre - distances[..., :2] * stride, anchors.centre + distances[..., 2:] * stride], -1
    )
    points = anchors.centre[:, None] + offsets.unflatten(-1, (5, 2)) * stride[:, None]
    target = torch.zeros_like(logits[..., 0])
    true_box, true_points, rows, columns = [], [], [], []
    for row, (box, point) in enumerate(zip(boxes, keypoints, strict=True)):
        owner = assign(anchors, box)
        column = torch.nonzero(owner >= 0)[:, 0]
        rows.append(torch.full_like(column, row))
        columns.append(column)
        true_box.append(box[owner[column]])
        true_points.append(point[owner[column]])
    where = (torch.cat(rows), torch.cat(columns))
    truth, true_point = torch.cat(true_box), torch.cat(true_points)
    iou, distance_iou = pair_iou(predicted[where], truth)
    quality = iou.detach().clamp(min=0, max=1).sqrt()
    target[where] = quality
    count, weight = max(1, len(truth)), quality.clamp(min=0.2)
    chance = logits[..., 0].sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(logits[..., 0], target, reduction="none")
    score = (entropy * (target - chance).square()).sum() / count
    total = weight.sum().clamp(min=1.0)
    box_loss = ((1 - distance_iou) * weight).sum() / total
    side = (truth[:, 2:] - truth[:, :2]).clamp(min=1).prod(-1).sqrt()[:, None, None]
    away = functional.smooth_l1_loss(
        points[where] / side, true_point / side, beta=0.05, reduction="none"
    ).mean((1, 2))
    return Losses(score, 2.0 * box_loss, 3.0 * (away * weight).sum() / total)
