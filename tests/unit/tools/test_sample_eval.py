"""The tool's own decoder and its figures, against cases counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("numpy", reason="needs numpy")
pytest.importorskip("cv2", reason="needs OpenCV")

import numpy as np

from tools.draw_faces import Scene
from tools.sample_eval import Detections, centres, detect, letterbox, match, measure, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Outputs = list[NDArray[np.float32]]

LEVELS = ((8, 32), (16, 8), (32, 2))  # stride and anchors of a 32 x 32 input


def outputs(*faces: tuple[int, int, float]) -> Outputs:
    """Return raw outputs where (level, anchor) is a box two strides wide around its centre."""
    arrays = [np.zeros((1, count, values), np.float32) for values in (1, 4, 10) for _, count in LEVELS]
    for level, anchor, score in faces:
        arrays[level][0, anchor] = score
        arrays[level + 3][0, anchor] = 1.0
        arrays[level + 6][0, anchor] = np.linspace(-0.5, 0.4, 10)
    return arrays


def run(arrays: Outputs, image: NDArray[np.uint8]) -> Detections:
    def model(_: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        return arrays

    return detect(model, image, (32, 32), 0.5)


def test_letterbox_truncates_and_pads_below_and_right() -> None:
    tensor, factor = letterbox(np.full((30, 101, 3), (0, 0, 255), np.uint8), 32, 32)
    assert tensor.shape == (1, 3, 32, 32)
    assert factor == 9 / 30  # int(32 * 30 / 101) rows
    assert tensor[0, 0, 8, 31] == pytest.approx(127.5 / 128)  # red comes first
    assert tensor[0, 2, 8, 31] == tensor[0, 0, 9, 0] == pytest.approx(-127.5 / 128)


def test_centres_go_row_by_row_with_both_anchors_together() -> None:
    assert centres(16, 48, 32).tolist() == [
        [0, 0], [0, 0], [16, 0], [16, 0], [32, 0], [32, 0],
        [0, 16], [0, 16], [16, 16], [16, 16], [32, 16], [32, 16],
    ]  # fmt: skip


def test_boxes_and_keypoints_come_back_in_pixels_of_the_picture() -> None:
    found = run(outputs((1, 7, 0.9)), np.zeros((64, 64, 3), np.uint8))
    assert found.boxes.tolist() == [[0, 0, 64, 64]]  # centre (16, 16) in a picture of half the size
    assert found.scores == pytest.approx([0.9])
    assert found.keypoints[0, 0] == pytest.approx([32 * (1 - 0.5), 32 * (1 - 0.4)])


def test_the_better_of_two_overlapping_boxes_stays() -> None:
    raw = outputs((0, 10, 0.6), (0, 11, 0.8), (0, 31, 0.7), (0, 0, 0.4))
    found = run(raw, np.zeros((32, 32, 3), np.uint8))
    assert found.scores == pytest.approx([0.8, 0.7])


def test_nothing_found_is_empty() -> None:
    found = run(outputs(), np.zeros((32, 32, 3), np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.keypoints.shape == (0, 5, 2)


def test_overlap_of_shifted_squares() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    assert overlap(boxes[0], boxes) == pytest.approx([1.0, 50 / 150, 0.0])


def test_a_face_is_claimed_once() -> None:
    truth = Scene(np.zeros((40, 40, 3), np.uint8), np.array([[0.0, 0, 10, 10]]), np.zeros((1, 5, 2)))
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [30, 30, 35, 35]])
    assert match(truth, Detections(boxes, np.array([0.9, 0.8, 0.7]), np.zeros((3, 5, 2)))) == [0, -1, -1]


def test_average_precision_of_a_hit_a_false_alarm_and_a_hit() -> None:
    """Two faces, found first and third: precision 1 up to recall 1/2, then 2/3: (1 + 2/3) / 2."""
    image = np.zeros((32, 32, 3), np.uint8)
    arrays = outputs((0, 10, 0.9), (0, 14, 0.8), (0, 26, 0.7))
    centre = centres(8, 32, 32)
    boxes = np.array([[*(centre[index] - 8), *(centre[index] + 8)] for index in (10, 26)])
    points = np.stack([centre[index] + 8 * np.linspace(-0.5, 0.4, 10).reshape(5, 2) for index in (10, 26)])
    points[1] += (3.2, 0)
    accuracy = measure(lambda _: arrays, [Scene(image, boxes, points)], (32, 32))
    assert accuracy.ap50 == pytest.approx(5 / 6)
    assert accuracy.recall == 1.0
    assert accuracy.precision == pytest.approx(2 / 3)
    assert accuracy.keypoint_error == pytest.approx(0.1, abs=1e-6)
    assert accuracy.mean_iou == pytest.approx(1.0)
