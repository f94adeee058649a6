from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.templates import bundles
from tests.unit.templates.bundles import FACES, REFERENCE, Face, Network

if TYPE_CHECKING:
    from pathlib import Path

runner = bundles.load_script("scrfd")


def _detector(folder: Path, network: Network) -> Any:
    bundles.write_model(folder, network.model(), network.spec())
    return runner.SCRFD(str(folder))


@pytest.mark.parametrize("form", ["batched", "flat", "nchw", "decoded"])
@pytest.mark.parametrize("keypoints", [True, False], ids=["keypoints", "boxes only"])
@pytest.mark.parametrize("size", [(64, 64), (100, 76), (640, 352)], ids=str)
def test_every_form_gives_the_faces_that_the_network_was_made_with(
    tmp_path: Path, form: str, keypoints: bool, size: tuple[int, int]
) -> None:
    detector = _detector(tmp_path, Network(form, size, keypoints=keypoints, faces=FACES))
    image = np.zeros((size[1] * 2, size[0] * 2, 3), np.uint8)  # the letterbox halves it
    found = detector.detect(image)
    assert [face.score for face in found] == pytest.approx([0.9, 0.7])
    for face, made in zip(found, [FACES[0], FACES[2]], strict=True):
        assert face.bbox == pytest.approx([value * 2 for value in made.box], abs=1e-4)
        if keypoints:
            np.testing.assert_allclose(face.keypoints, np.array(made.points) * 2, atol=1e-4)
        else:
            assert face.keypoints is None


@pytest.mark.parametrize("form", ["flat", "nchw"])
def test_one_anchor_and_raw_logits(tmp_path: Path, form: str) -> None:
    faces = [Face((40, 40, 60, 60), 0.75, 8, 6, 5), Face((2, 3, 20, 33), 0.625, 32, 1, 1)]
    detector = _detector(tmp_path, Network(form, (96, 64), anchors=1, scores="logits", faces=faces))
    found = detector.detect(np.zeros((64, 96, 3), np.uint8))
    assert [face.score for face in found] == pytest.approx([0.75, 0.625])
    assert [face.bbox for face in found] == [pytest.approx(face.box, abs=1e-4) for face in faces]


def test_the_last_cell_of_a_grid_that_is_cut_off_is_found(tmp_path: Path) -> None:
    # 100 px on a stride of 32 are 4 columns, the last one of them partly outside.
    face = Face((90, 70, 110, 84), 0.9, 32, 3, 2, 1)
    found = _detector(tmp_path, Network("nchw", (100, 76), faces=[face])).detect(
        np.zeros((76, 100, 3), np.uint8)
    )
    assert [face.bbox for face in found] == [pytest.approx(face.box, abs=1e-4)]  # not clipped to the picture


def test_extreme_logits_neither_warn_nor_overflow(tmp_path: Path) -> None:
    detector = _detector(tmp_path, Network("flat", scores="logits", faces=FACES))
    outputs = detector.forward(np.zeros((1, 3, 64, 64), np.float32))
    outputs[0] = np.where(outputs[0] > 0, np.float32(200), np.float32(-200))
    with np.errstate(all="raise"):
        assert [face.score for face in detector.postprocess(outputs, 1.0)] == [1.0, pytest.approx(0.7)]


def test_thresholds_of_the_call_replace_those_of_the_spec(tmp_path: Path) -> None:
    detector = _detector(tmp_path, Network(faces=FACES))
    image = np.zeros((64, 64, 3), np.uint8)
    assert [round(face.score, 2) for face in detector.detect(image, nms_threshold=0.95)] == [0.9, 0.8, 0.7]
    assert len(detector.detect(image, score_threshold=0.75)) == 1
    assert len(detector.detect(image, score_threshold=float(np.float32(0.9)))) == 1  # equal to it: stays
    assert detector.detect(image, score_threshold=0.95) == []


def test_values_that_are_no_numbers_are_an_error_and_not_no_faces(tmp_path: Path) -> None:
    detector = _detector(tmp_path, Network("flat", faces=FACES))
    outputs = detector.forward(np.zeros((1, 3, 64, 64), np.float32))
    broken = [np.full_like(output, np.nan) for output in outputs]
    with pytest.raises(runner.ScrfdError, match="scores that are no numbers on CPUExecutionProvider"):
        detector.postprocess(broken, 1.0)
    with pytest.raises(runner.ScrfdError, match="boxes that are no numbers"):
        detector.postprocess([*outputs[:3], *broken[3:]], 1.0)


def test_a_spec_of_another_model_is_told(tmp_path: Path) -> None:
    made = Network("flat", (64, 64), faces=FACES)
    bundles.write_model(tmp_path, made.model(), Network("flat", (96, 64)).spec())
    detector = runner.SCRFD(str(tmp_path))
    outputs = detector.forward(np.zeros((1, 3, 64, 64), np.float32))
    with pytest.raises(runner.ScrfdError, match=r"spec\.json gives output score_8 12 x 8 x 2 x 1 values"):
        detector.postprocess(outputs, 1.0)
    detector.spec = Network("decoded").spec()
    with pytest.raises(runner.ScrfdError, match="do not belong together: no 'pred'"):
        detector.postprocess(outputs, 1.0)
    with pytest.raises(runner.ScrfdError, match="could not run the model on CPUExecutionProvider"):
        detector.forward(np.zeros((1, 3, 8, 8), np.float32))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "should be a JSON object"),
        ("[1, 2]", "should be a JSON object"),
        ('{"schema": "ortdoctor.scrfd/9"}', "lacks form, input"),
        ("\xff", "should be a JSON object"),
    ],
)
def test_a_spec_that_is_of_no_use_is_a_sentence(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "spec.json").write_text(text, encoding="latin-1")
    with pytest.raises(runner.ScrfdError, match=match):
        runner.load_spec(str(tmp_path))


def test_another_schema_and_a_missing_spec_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(runner.ScrfdError, match=r"spec\.json cannot be read: No such file"):
        runner.load_spec(str(tmp_path))
    (tmp_path / "spec.json").write_text(json.dumps({**Network().spec(), "schema": "ortdoctor.scrfd/9"}))
    with pytest.raises(runner.ScrfdError, match=r"has the schema ortdoctor\.scrfd/9"):
        runner.load_spec(str(tmp_path))


# --- pictures ---


def _reference_input(image: Any, size: tuple[int, int]) -> tuple[Any, float]:
    """Pre-process as the reference does: a zero canvas of bytes, then normalise all of it."""
    width, height, scale = runner.letterbox(image.shape[1], image.shape[0], size)
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.dnn.blobFromImage(canvas, 1.0 / 128, size, (127.5, 127.5, 127.5), swapRB=True), scale


@settings(deadline=None, max_examples=25)
@given(
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    size=st.sampled_from([(64, 64), (96, 40), (33, 70)]),
    seed=st.integers(0, 2**16),
)
def test_preprocessing_equals_the_reference_bit_for_bit(
    width: int, height: int, size: tuple[int, int], seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    detector = object.__new__(runner.SCRFD)
    detector.spec, detector._size = Network().spec(), size
    dirty = np.full((1, 3, size[1], size[0]), np.nan, np.float32)
    want, scale = _reference_input(image, size)
    for out in (None, dirty):
        got, got_scale = detector.preprocess(image, out)
        assert got.dtype == np.float32
        assert got_scale == scale
        np.testing.assert_array_equal(got, want)
    assert got is dirty


@settings(deadline=None, max_examples=200)
@given(width=st.integers(1, 9000), height=st.integers(1, 9000), w=st.integers(8, 700), h=st.integers(8, 700))
def test_letterbox_keeps_the_aspect_and_stays_inside(width: int, height: int, w: int, h: int) -> None:
    new_width, new_height, scale = runner.letterbox(width, height, (w, h))
    assert 1 <= new_width <= w
    assert 1 <= new_height <= h
    assert scale == new_height / height
    exact = min(w / width, h / height)
    assert abs(new_width - max(1, width * exact)) <= 1 + 1e-6
    assert abs(new_height - max(1, height * exact)) <= 1 + 1e-6


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        "face.jpg",
        None,
    ],
    ids=["gray", "four channels", "empty", "float", "a path", "nothing"],
)
def test_what_is_no_picture_is_a_sentence(tmp_path: Path, image: Any) -> None:
    with pytest.raises(runner.ScrfdError, match=r"uint8 array \(height, width, 3\), BGR; this is "):
        _detector(tmp_path, Network()).preprocess(image)


def _png16(path: Path) -> None:
    cv2.imwrite(str(path), np.full((5, 7, 3), (1000, 30000, 65535), np.uint16))


def _jpeg_turned(path: Path) -> None:
    data = cv2.imencode(".jpg", np.full((4, 9, 3), 200, np.uint8))[1].tobytes()
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])


WRITERS = {
    "gray.png": lambda path: cv2.imwrite(str(path), np.full((5, 7), 90, np.uint8)),
    "bgra.png": lambda path: cv2.imwrite(str(path), np.full((5, 7, 4), (1, 2, 3, 128), np.uint8)),
    "deep.png": _png16,
    "turned.jpg": _jpeg_turned,
}


@pytest.mark.parametrize("name", list(WRITERS))
def test_pictures_are_read_as_imread_does_from_any_path(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    want = cv2.imread(str(tmp_path / name))
    moved = (tmp_path / name).rename(tmp_path / f"žluťoučký 顔 {name}")
    got = runner.read_image(str(moved))
    np.testing.assert_array_equal(got, want)
    assert got.dtype == np.uint8
    assert got.shape == ((9, 4, 3) if name == "turned.jpg" else (5, 7, 3))


def test_files_that_are_no_pictures_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("version https://git-lfs.github.com/spec/v1")
    huge = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    header = b"IHDR" + huge
    chunk = struct.pack(">I", len(huge)) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    for name, match in [
        ("empty.png", "is empty"),
        ("text.png", "is not a picture that OpenCV"),
        ("huge.png", r"is not a picture|cannot decode"),
        ("none.png", "cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
    ]:
        with pytest.raises(runner.ScrfdError, match=match):
            runner.read_image(str(tmp_path / name))


def test_drawing_leaves_the_picture_alone_and_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    face = runner.Detection((-5.0, 3.0, 40.0, 90.0), 0.9, ((10.0, 10.0),) * 5)
    drawn = runner.draw(image, [face, face._replace(keypoints=None)])
    assert not image.any()
    assert drawn.any()
    target = tmp_path / "顔.png"
    runner.write_image(str(target), drawn)
    np.testing.assert_array_equal(runner.read_image(str(target)), drawn)
    for bad in ("no-extension", "a.xyz", "not/there.png"):
        with pytest.raises(runner.ScrfdError, match="cannot be written"):
            runner.write_image(str(tmp_path / bad), drawn)
    assert [path.name for path in tmp_path.iterdir()] == ["顔.png"]


# --- suppression ---

_SIDE = st.integers(0, 40)
_BOXES = st.lists(st.tuples(_SIDE, _SIDE, _SIDE, _SIDE, st.integers(0, 4)), max_size=25)


def _greedy(boxes: list[tuple[float, ...]], scores: list[float], threshold: float) -> list[int]:
    """Suppress one by one, as plainly as it can be said."""
    keep: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        for kept in keep:
            a, b = boxes[index], boxes[kept]
            shared = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1) * max(
                0, min(a[3], b[3]) - max(a[1], b[1]) + 1
            )
            areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
            if shared / (sum(areas) - shared) > threshold:
                break
        else:
            keep.append(index)
    return keep


@settings(deadline=None, max_examples=150)
@given(drawn=_BOXES, threshold=st.sampled_from([0.0, 0.3, 0.4, 0.9, 1.0]))
def test_suppression_equals_the_plain_loop_and_keeps_the_order_of_equals(
    drawn: list[tuple[int, ...]], threshold: float
) -> None:
    boxes = [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h, _ in drawn]
    scores = [row[4] / 8 for row in drawn]  # many are equal
    got = runner.nms(np.array(boxes, np.float64).reshape(-1, 4), np.array(scores, np.float64), threshold)
    assert got == _greedy(list(boxes), scores, threshold)


# --- the real models ---


@pytest.mark.skipif(not REFERENCE.exists(), reason="the shared models are not here (../shared)")
@pytest.mark.parametrize("name", list(bundles.SHARED_FORMS))
def test_the_real_models_agree_with_the_reference_implementation(tmp_path: Path, name: str) -> None:
    reference = json.loads(REFERENCE.read_text())[name]
    spec = bundles.shared_spec(name, tuple(reference["det_size_wh"]))
    bundles.write_model(tmp_path, (REFERENCE.parent / f"{name}.onnx").read_bytes(), spec)
    detector = runner.SCRFD(str(tmp_path))
    for row in reference["images"]:
        found = detector.detect(runner.read_image(str(bundles.SHARED / "images" / row["image"])))
        assert len(found) == len(row["detections"]), row["image"]
        for face, want in zip(found, row["detections"], strict=True):
            np.testing.assert_allclose(face.bbox, want["bbox"], atol=0.01)
            assert face.score == pytest.approx(want["score"], abs=1e-4)
            if want["kps"]:
                np.testing.assert_allclose(face.keypoints, want["kps"], atol=0.01)
            else:
                assert face.keypoints is None
