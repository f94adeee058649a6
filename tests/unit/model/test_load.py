from __future__ import annotations

import gzip
import io
import pickle
import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.errors import ModelError
from ortdoctor.model.content import not_a_model, truncation
from ortdoctor.model.load import load
from tests.unit.model.made import constant_model, save, scrfd_file

if TYPE_CHECKING:
    from pathlib import Path


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("archive/data.pkl", b"x")
    return stream.getvalue()


BROKEN = {
    "empty": (b"", "is empty"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n", "Git LFS pointer.*1234 bytes"),
    "html": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
    "zip": (_zip(), "ZIP archive"),
    "gzip": (gzip.compress(b"model"), "gzip-compressed"),
    "pickle": (pickle.dumps({"state_dict": {}}, protocol=2), "Python pickle"),
    "tflite": (b"\x1c\0\0\0TFL3" + b"\0" * 64, "TensorFlow Lite"),
    "ort": (b"\x1c\0\0\0ORTM" + b"\0" * 64, "ONNX Runtime's own format"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "HDF5"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "picture"),
    "zeros": (b"\0" * 4096, "4096 zero bytes"),
    "text": (b"just some notes about a model\n", "not a readable ONNX model"),
    "no graph": (
        onnx.ModelProto(ir_version=6, producer_name="x").SerializeToString(),
        "no graph.*ir_version, producer",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_each_broken_kind_has_its_sentence(tmp_path: Path, kind: str) -> None:
    data, words = BROKEN[kind]
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=words) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_what_is_not_there_or_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        load(tmp_path / "nothing.onnx")
    scrfd_file(tmp_path)
    with pytest.raises(ModelError, match=r"is a folder.*model\.onnx"):
        load(tmp_path)


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    path = scrfd_file(tmp_path)
    model = load(path)
    assert model.data == path.read_bytes()
    assert model.size == path.stat().st_size
    assert re.fullmatch("[0-9a-f]{64}", model.sha256)
    assert len(model.proto.graph.output) == 9


@given(share=st.floats(min_value=0.3, max_value=0.99))
@settings(max_examples=20, deadline=None)
def test_a_cut_file_says_how_much_is_missing(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = scrfd_file(folder)
    whole = path.read_bytes()
    cut = whole[: int(len(whole) * share)]
    path.write_bytes(cut)
    missing = truncation(cut)
    assert 0 < missing <= len(whole) - len(cut)
    with pytest.raises(ModelError, match=rf"cut off: it has {len(cut)} bytes.* {missing} more"):
        load(path)


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_a_model_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(data)
    truncation(data)
    not_a_model(data)
    try:
        model = load(path)
    except ModelError:
        return  # a sentence: that nothing else is raised is what is tested
    assert model.proto.graph.output


def _with_external_data(folder: Path) -> Path:
    model = constant_model({"a": np.ones((64, 64), np.float32)})
    path = folder / "model.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def test_external_data_are_read_in(tmp_path: Path) -> None:
    model = load(_with_external_data(tmp_path))
    assert model.external == ("weights.bin",)
    assert onnx.numpy_helper.to_array(model.proto.graph.initializer[0]).sum() == 64 * 64


def test_missing_external_data_are_named(tmp_path: Path) -> None:
    path = _with_external_data(tmp_path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"'weights\.bin', which is not beside it"):
        load(path)


def test_external_data_outside_the_folder_are_refused(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = _with_external_data(inner)
    (inner / "weights.bin").rename(tmp_path / "weights.bin")
    proto = onnx.load(str(path), load_external_data=False)
    for entry in proto.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../weights.bin"
    save(proto, inner)
    with pytest.raises(ModelError, match="outside the folder"):
        load(path)
