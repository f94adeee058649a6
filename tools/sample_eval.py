"""Measure the sample model: a small SCRFD decoder of its own, and average precision on held-back drawings.

Independent of the runner in templates/, so that one can be held against the other. NumPy and OpenCV only; the
model is any callable from a tensor (1, 3, H, W) to its nine outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from tools.draw_faces import draw_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from tools.draw_clutter import Image
    from tools.draw_faces import Scene

    Array = NDArray[np.float64]
    Model = Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]]

STRIDES = (8, 16, 32)
ANCHORS = 2
NMS_THRESHOLD = 0.4
MATCH_IOU = 0.5
HELD_BACK_SEED = 9_000_000  # up to a million drawings; training begins above them


class Detections(NamedTuple):
    """Found faces, best first: boxes (N, 4), scores (N,), keypoints (N, 5, 2); pixels of the picture."""

    boxes: Array
    scores: Array
    keypoints: Array


def letterbox(image: Image, width: int, height: int) -> tuple[NDArray[np.float32], float]:
    """Return the input tensor (1, 3, height, width) and the factor from the picture to it.

    As insightface's ``SCRFD.detect`` does: aspect kept, size truncated, top-left, black below and to the
    right, BGR to RGB, ``(x - 127.5) / 128``.
    """
    if image.shape[0] / image.shape[1] > height / width:
        new_width, new_height = int(height / (image.shape[0] / image.shape[1])), height
    else:
        new_width, new_height = width, int(width * (image.shape[0] / image.shape[1]))
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[:new_height, :new_width] = cv2.resize(image, (new_width, new_height))
    tensor = (canvas[..., ::-1].astype(np.float32) - 127.5) / 128.0
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None]), new_height / image.shape[0]


def overlap(box: Array, others: Array, extra: float = 0.0) -> Array:
    """Return the intersection over union of a box (4,) with others (N, 4), each side longer by ``extra``."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.maximum(0.0, high - low + extra), axis=1)
    area = np.prod(box[2:] - box[:2] + extra)
    return np.asarray(shared / (area + np.prod(others[:, 2:] - others[:, :2] + extra, axis=1) - shared))


def centres(stride: int, width: int, height: int) -> Array:
    """Return the anchor centres (N, 2) of a level: row by row, both anchors of a cell beside each other."""
    rows, columns = np.mgrid[: height // stride, : width // stride]
    return np.repeat(np.stack([columns, rows], axis=-1).reshape(-1, 2) * float(stride), ANCHORS, axis=0)


def detect(model: Model, image: Image, size: tuple[int, int], threshold: float) -> Detections:
    """Run the model on a BGR picture and return the faces scored at least ``threshold`` after suppression."""
    tensor, factor = letterbox(image, *size)
    outputs = [output[0].astype(np.float64) for output in model(tensor)]
    boxes, scores, keypoints = [], [], []
    for level, stride in enumerate(STRIDES):
        score, distance, offset = (outputs[level + 3 * part] for part in range(3))
        keep = score[:, 0] >= threshold
        centre = centres(stride, *size)[keep]
        distance, offset = distance[keep] * stride, offset[keep].reshape(-1, 5, 2) * stride
        boxes.append(np.hstack([centre - distance[:, :2], centre + distance[:, 2:]]) / factor)
        scores.append(score[keep, 0])
        keypoints.append((centre[:, None] + offset) / factor)
    box, confidence = np.vstack(boxes), np.hstack(scores)
    waiting, kept = np.argsort(-confidence, kind="stable"), []
    while waiting.size:
        kept.append(waiting[0])
        waiting = waiting[1:][overlap(box[waiting[0]], box[waiting[1:]], extra=1.0) <= NMS_THRESHOLD]
    order = np.array(kept, dtype=np.intp)
    return Detections(box[order], confidence[order], np.vstack(keypoints)[order])


def match(scene: Scene, found: Detections) -> list[int]:
    """Return for each found face, best first, the index of the true face that it claims, or -1."""
    free, claims = set(range(len(scene.boxes))), []
    for box in found.boxes:
        shares = overlap(box, scene.boxes) if free else np.zeros(0)
        best = max(free, key=lambda index: float(shares[index]), default=-1)
        claims.append(best if best >= 0 and shares[best] >= MATCH_IOU else -1)
        free.discard(claims[-1])
    return claims


class Accuracy(NamedTuple):
    """How well a model does on drawings; recall, precision and keypoints at the score threshold.

    ``keypoint_error`` is the mean distance in fractions of the root of the true box's area.
    """

    drawings: int
    faces: int
    ap50: float
    recall: float
    precision: float
    keypoint_error: float
    mean_iou: float


def _average_precision(scores: Array, hits: NDArray[np.bool_], faces: int) -> float:
    """Return the area below the precision envelope over all recalls (VOC 2010 and later)."""
    hit = hits[np.argsort(-scores, kind="stable")]
    recall = np.concatenate([[0.0], np.cumsum(hit) / faces])
    precision = np.concatenate([np.cumsum(hit) / np.arange(1, hit.size + 1), [0.0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1][:-1]
    return float(np.sum(np.diff(recall) * envelope))


def measure(model: Model, scenes: Iterable[Scene], size: tuple[int, int], threshold: float = 0.5) -> Accuracy:
    """Detect on every drawing and compare with the truth."""
    scores: list[float] = []
    hits: list[bool] = []
    errors: list[float] = []
    shares: list[float] = []
    drawings = faces = 0
    for scene in scenes:
        found = detect(model, scene.image, size, 0.02)
        drawings, faces = drawings + 1, faces + len(scene.boxes)
        for index, claim in enumerate(match(scene, found)):
            scores.append(float(found.scores[index]))
            hits.append(claim >= 0)
            if claim >= 0 and scores[-1] >= threshold:
                true = scene.boxes[claim]
                away = np.linalg.norm(found.keypoints[index] - scene.keypoints[claim], axis=1)
                errors.append(float(away.mean() / np.sqrt(np.prod(true[2:] - true[:2]))))
                shares.append(float(overlap(found.boxes[index], true[None])[0]))
    score, hit = np.array(scores), np.array(hits, dtype=bool)
    sure = score >= threshold
    return Accuracy(
        drawings, faces, _average_precision(score, hit, faces), float(hit[sure].sum() / faces),
        float(hit[sure].mean()) if sure.any() else 0.0,
        float(np.mean(errors)) if errors else 1.0, float(np.mean(shares)) if shares else 0.0,
    )  # fmt: skip


def held_back(count: int, first: int = 0) -> Iterable[Scene]:
    """Draw pictures, 640 x 480, that no training has seen."""
    return (draw_scene(HELD_BACK_SEED + first + index) for index in range(count))
