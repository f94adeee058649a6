from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from ortdoctor.errors import MissingExtraError, OrtDoctorError
from ortdoctor.model.extras import at_hand, require
from ortdoctor.model.load import load
from ortdoctor.model.scrfd import recognise, require_spec
from tests.unit.model.made import scrfd_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_package_is_a_sentence_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = scrfd_file(tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"reading an ONNX model needs.*'onnx'.*pip install 'ortdoctor\[cpu\]'"):
        load(path)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match="opencv-python-headless"):
        require("cv2", "drawing")


def test_without_onnxruntime_the_declared_shapes_decide_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = load(scrfd_file(tmp_path))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not at_hand("onnxruntime")
    found = recognise(model)
    assert (found.form, found.measured) == ("batched", False)
    assert "was not run" in found.notes[0]
    with pytest.raises(MissingExtraError):
        require_spec(model)


def test_a_broken_package_is_told_from_a_missing_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "site" / "onnxruntime"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('DLL load failed')")
    model = load(scrfd_file(tmp_path))
    monkeypatch.syspath_prepend(broken.parent)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    with pytest.raises(OrtDoctorError, match="does not import here: DLL load failed") as caught:
        require("onnxruntime", "running the model")
    assert not isinstance(caught.value, MissingExtraError)
    found = recognise(model)
    assert found.form == "batched"
    assert "DLL load failed" in found.notes[-1]
