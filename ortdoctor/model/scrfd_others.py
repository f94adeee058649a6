"""Name the detectors and classifiers that are taken for SCRFD, by the shapes of their outputs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Shapes = list[tuple[int, ...]]


def another_detector(shapes: Shapes) -> str | None:
    """Return which other network has outputs of these ``shapes``, as a sentence; None where none is known."""
    for test, name in _KNOWN:
        if test(shapes):
            return f"{name}."
    return None


def _values(shapes: Shapes) -> Counter[int]:
    return Counter(shape[-1] for shape in shapes if shape)


def _yunet(shapes: Shapes) -> bool:
    # opencv_zoo, face_detection_yunet: cls, obj, bbox and kps at each of three strides.
    return len(shapes) == 12 and _values(shapes) == Counter({1: 6, 4: 3, 10: 3})


def _retinaface(shapes: Shapes) -> bool:
    # Pytorch_Retinaface: boxes [1, N, 4], two classes [1, N, 2], five points [1, N, 10].
    return len(shapes) == 3 and _values(shapes) == Counter({4: 1, 2: 1, 10: 1})


def _retinaface_heads(shapes: Shapes) -> bool:
    # insightface RetinaFace: per stride two classes, a box and five points for each of two anchors.
    maps = Counter(shape[1] for shape in shapes if len(shape) == 4)
    return len(shapes) == 9 and maps == Counter({4: 3, 8: 3, 20: 3})


def _ultraface(shapes: Shapes) -> bool:
    # Ultra-Light-Fast-Generic-Face-Detector: two classes [1, N, 2] and boxes [1, N, 4].
    return len(shapes) == 2 and _values(shapes) == Counter({2: 1, 4: 1})


def _blazeface(shapes: Shapes) -> bool:
    # MediaPipe: 896 anchors with box and six points, and their scores.
    return len(shapes) == 2 and _values(shapes) == Counter({16: 1, 1: 1})


def _yolo_heads(shapes: Shapes) -> bool:
    return len(shapes) in (1, 2, 3, 4) and all(len(shape) == 5 and shape[1] == 3 for shape in shapes)


def _yolo(shapes: Shapes) -> bool:
    # YOLOv5 to v7: [1, N, 5 + classes]; v8 and later: [1, 4 + classes, N].
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return False
    _, rows, values = shapes[0]
    return (rows >= 100 and 6 <= values <= 600 and values != 15) or (values >= 100 and 5 <= rows <= 600)


def _detections(shapes: Shapes) -> bool:
    # Non-maximum suppression inside the graph: boxes with their count, labels or scores beside them.
    return len(shapes) in (3, 4) and any(len(shape) == 3 and shape[-1] == 4 for shape in shapes)


def _classifier(shapes: Shapes) -> bool:
    if len(shapes) != 1:
        return False
    trimmed = [size for size in shapes[0] if size != 1]
    return len(trimmed) <= 1 and len(shapes[0]) in (2, 4)


_KNOWN: tuple[tuple[Callable[[Shapes], bool], str], ...] = (
    (_yunet, "its twelve outputs (class, objectness, box and keypoints at three strides) are those of YuNet"),
    (_retinaface, "its three outputs (boxes, two classes, keypoints) are those of RetinaFace"),
    (_retinaface_heads, "its nine heads with two classes an anchor are those of RetinaFace"),
    (_ultraface, "its two outputs (two classes, boxes) are those of UltraFace"),
    (_blazeface, "its two outputs (box with six points, score) are those of BlazeFace"),
    (_yolo_heads, "its five-dimensional heads are those of a YOLO detector"),
    (_yolo, "its single output is that of a YOLO detector"),
    (_detections, "its outputs are the final boxes of a detector with non-maximum suppression inside"),
    (_classifier, "its single output is a vector: a classifier or an embedding, not a detector"),
)
