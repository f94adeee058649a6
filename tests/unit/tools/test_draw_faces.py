"""Drawings are a function of their seed, and the truth about them is where the faces are."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="needs numpy")
pytest.importorskip("cv2", reason="needs OpenCV")

import numpy as np

from tools import draw_faces
from tools.draw_clutter import Pen
from tools.draw_faces import draw_scene


@pytest.mark.parametrize("seed", [0, 1, 4066])
def test_a_seed_gives_one_drawing(seed: int) -> None:
    first, second = draw_scene(seed, 320, 240), draw_scene(seed, 320, 240)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.boxes, second.boxes)
    assert np.array_equal(first.keypoints, second.keypoints)
    assert not np.array_equal(first.image, draw_scene(seed + 1, 320, 240).image)


def test_truth_is_inside_the_picture_and_in_order() -> None:
    faces = 0
    for seed in range(40):
        scene = draw_scene(seed, 320, 240, sizes=(16.0, 150.0))
        assert scene.image.shape == (240, 320, 3)
        assert scene.image.dtype == np.uint8
        assert scene.boxes.shape == (len(scene.boxes), 4)
        assert scene.keypoints.shape == (len(scene.boxes), 5, 2)
        faces += len(scene.boxes)
        for box, points in zip(scene.boxes, scene.keypoints, strict=True):
            assert (box[:2] >= 0).all()
            assert (box[2:] <= (319, 239)).all()
            assert 10 < box[3] - box[1] <= 216
            assert ((points > box[:2]) & (points < box[2:])).all()
            left_eye, right_eye, _, left_mouth, right_mouth = points
            assert left_eye[0] < right_eye[0]
            assert left_mouth[0] < right_mouth[0]
            assert left_eye[1] < left_mouth[1]
            assert right_eye[1] < right_mouth[1]
    assert faces > 60


@pytest.mark.parametrize(("height", "turn"), [(40.0, 0.0), (90.0, 25.0), (200.0, -38.0)])
def test_what_is_drawn_on_a_patch_lands_where_the_truth_says(height: float, turn: float) -> None:
    place = draw_faces._Place(130.3, 121.8, height, turn)
    scale = 2 * height / 2
    size = (round(2 * draw_faces._PATCH[1] * scale), round(2 * draw_faces._PATCH[0] * scale))
    patch, cover = np.zeros((*size, 3), np.uint8), np.full(size, 255, np.uint8)
    mark = np.array([0.35, -0.4])
    pen = Pen(patch, (draw_faces._PATCH[0] * scale, draw_faces._PATCH[1] * scale), scale)
    pen.oval((0.35, -0.4), (0.1, 0.1), (255.0, 255.0, 255.0))
    image = np.zeros((256, 256, 3), np.uint8)
    draw_faces._put(image, (patch, cover), place)
    rows, columns = np.mgrid[:256, :256]
    weight = image[..., 0].astype(np.float64)
    seen = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    assert np.abs(seen - place.to_picture(mark[None])[0]).max() < 1.0


def test_no_faces_on_request() -> None:
    scene = draw_scene(3, faces=0)
    assert scene.boxes.shape == (0, 4)
    assert scene.keypoints.shape == (0, 5, 2)
