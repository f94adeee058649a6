from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.errors import ModelError
from ortdoctor.model.load import load
from ortdoctor.model.scrfd import recognise, require_spec
from ortdoctor.model.scrfd_layout import Layout, Output, arrange
from ortdoctor.model.scrfd_others import another_detector
from tests.unit.model.made import constant_model, outputs_of, save, scrfd_file

if TYPE_CHECKING:
    from pathlib import Path

FORMS = ("batched", "flat", "nchw", "decoded")


@pytest.mark.parametrize("run", [True, False])
@pytest.mark.parametrize("anchors", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised(tmp_path: Path, form: str, anchors: int, run: bool) -> None:
    found = recognise(load(scrfd_file(tmp_path, form, anchors=anchors)), run=run)
    assert found.spec is not None, found.reason
    spec = found.spec
    assert (spec["form"], spec["anchors"], spec["keypoints"]) == (form, anchors, 5)
    assert spec["input"] == {"name": "input.1", "shape": [1, 3, 64, 64], "dynamic": False, "size": [64, 64]}
    if form == "decoded":
        assert spec["decoded"] == {"output": "pred", "bbox": [0, 4], "score": 4, "keypoints": [5, 15]}
        assert spec["levels"] == []
    else:
        assert spec["levels"] == [
            {"stride": stride, "score": f"score_{stride}", "bbox": f"bbox_{stride}", "keypoints": f"kps_{stride}"}
            for stride in (8, 16, 32)
        ]
    assert found.measured is run


@pytest.mark.parametrize("form", ["batched", "flat", "nchw"])
def test_six_outputs_have_no_keypoints(tmp_path: Path, form: str) -> None:
    spec = require_spec(load(scrfd_file(tmp_path, form, keypoints=False)))
    assert spec["keypoints"] == 0
    assert [level["keypoints"] for level in spec["levels"]] == [None, None, None]


@pytest.mark.parametrize(("logits", "told"), [(True, "logits"), (False, "sigmoid")])
def test_logits_are_told_from_probabilities_by_running(tmp_path: Path, logits: bool, told: str) -> None:
    assert require_spec(load(scrfd_file(tmp_path, logits=logits)))["scores"] == told


@pytest.mark.parametrize("declared", ["none", "open"])
def test_undeclared_shapes_are_measured(tmp_path: Path, declared: str) -> None:
    assert require_spec(load(scrfd_file(tmp_path, declared=declared)))["form"] == "batched"


def test_stale_shapes_are_overruled_by_a_run_and_named(tmp_path: Path) -> None:
    model = constant_model(outputs_of("flat"), shape=(1, 3, "height", "width"))
    for entry in model.graph.output:  # what an export at 640x640 leaves behind
        entry.type.tensor_type.shape.dim[0].dim_value *= 100
    found = recognise(load(save(model, tmp_path)), size=(64, 64))
    assert found.spec is not None
    assert found.spec["input"] == {"name": "input.1", "shape": [1, 3, None, None], "dynamic": True, "size": [64, 64]}
    assert "9 of 9 outputs have another shape" in found.notes[0]


@given(
    form=st.sampled_from(["batched", "flat", "nchw"]),
    width=st.integers(33, 400),
    height=st.integers(33, 400),
    anchors=st.sampled_from([1, 2]),
    keypoints=st.booleans(),
    seed=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_any_order_and_any_size_are_told_apart_by_shape_alone(
    *, form: str, width: int, height: int, anchors: int, keypoints: bool, seed: Any
) -> None:
    named = list(outputs_of(form, (width, height), anchors, keypoints=keypoints).items())
    seed.shuffle(named)
    layout = arrange([Output(name, array.shape) for name, array in named], (width, height))
    assert isinstance(layout, Layout), layout
    assert layout.anchors == anchors
    assert [(level.stride, level.score, level.bbox) for level in layout.levels] == [
        (stride, f"score_{stride}", f"bbox_{stride}") for stride in (8, 16, 32)
    ]
    assert layout.keypoints is keypoints


@given(st.lists(st.lists(st.integers(0, 700), max_size=5).map(tuple), max_size=13))
@settings(max_examples=200, deadline=None)
def test_any_shapes_give_a_layout_or_a_sentence(shapes: list[tuple[int, ...]]) -> None:
    found = arrange([Output(str(index), shape) for index, shape in enumerate(shapes)], (640, 640))
    assert isinstance(found, Layout) or found.endswith(".")


OTHERS: dict[str, list[tuple[int, ...]]] = {
    "YuNet": [(1, rows, values) for values in (1, 1, 4, 10) for rows in (6400, 1600, 400)],
    "RetinaFace": [(1, 16800, 4), (1, 16800, 2), (1, 16800, 10)],
    "UltraFace": [(1, 4420, 2), (1, 4420, 4)],
    "BlazeFace": [(1, 896, 16), (1, 896, 1)],
    "YOLO": [(1, 25200, 85)],
    "YOLO ": [(1, 84, 8400)],
    "YOLO  ": [(1, 3, 80, 80, 85), (1, 3, 40, 40, 85), (1, 3, 20, 20, 85)],
    "classifier": [(1, 1000)],
    "non-maximum suppression": [(1, 100, 4), (1, 100), (1, 100)],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_are_named(name: str) -> None:
    found = arrange([Output(str(index), shape) for index, shape in enumerate(OTHERS[name])], (640, 640))
    assert isinstance(found, str)
    assert name.strip() in found


def test_retinaface_heads_are_named() -> None:
    shapes: list[tuple[int, ...]] = [(1, channels, side, side) for channels in (4, 8, 20) for side in (80, 40, 20)]
    assert "RetinaFace" in (another_detector(shapes) or "")


def test_equal_shapes_cannot_be_told_apart() -> None:
    outputs = [Output(name, array.shape) for name, array in outputs_of("flat").items()]
    outputs[1] = Output("twin", outputs[0].shape)
    found = arrange(outputs, (64, 64))
    assert isinstance(found, str)
    assert "cannot be told apart" in found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": (1, 64, 64, 3)}, "NHWC"),
        ({"shape": (4, 3, 64, 64)}, "batches of exactly 4"),
        ({"shape": (1, 3, 64)}, "3 dimensions"),
        ({"shape": (1, 3, 96, 96)}, "stride 8, 16 or 32 at 96x96"),
    ],
)
def test_inputs_that_are_no_picture_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    found = recognise(load(scrfd_file(tmp_path, **change)))
    assert found.spec is None
    assert words in (found.reason or "")


def test_a_fixed_size_cannot_be_asked_otherwise(tmp_path: Path) -> None:
    found = recognise(load(scrfd_file(tmp_path)), size=(96, 64))
    assert "fixed to 64x64" in (found.reason or "")


def test_decoded_boxes_must_be_corners_in_pixels(tmp_path: Path) -> None:
    rows = outputs_of("decoded")["pred"]
    fractions, centres = rows.copy(), rows.copy()
    fractions[:, :4] /= 64
    centres[:, :4] = (32, 32, 8, 8)
    for array, words in ((fractions, "fractions"), (centres, "corners")):
        found = recognise(load(save(constant_model({"pred": array}), tmp_path)))
        assert words in (found.reason or "")


def test_outputs_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    outputs = outputs_of("flat")
    outputs["bbox_16"] = np.full_like(outputs["bbox_16"], np.nan)
    found = recognise(load(save(constant_model(outputs), tmp_path)))
    assert "'bbox_16' is not finite" in (found.reason or "")


def test_the_error_names_the_file_and_what_was_expected(tmp_path: Path) -> None:
    path = save(constant_model({"p": np.zeros((1, 1000), np.float32)}), tmp_path)
    with pytest.raises(ModelError, match=r"model\.onnx is not an SCRFD.*classifier.*Expected three strides"):
        require_spec(load(path))
