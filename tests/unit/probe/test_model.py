"""The facts of a model: what is on the disk, and what a session over it says."""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.probe import model, ort_use
from ortdoctor.probe.context import here
from ortdoctor.probe.fact import failed, found

from .test_onnx_file import SAMPLE, rich_model

if TYPE_CHECKING:
    from pathlib import Path

    from ortdoctor.probe.fact import Facts

CONTEXT = here()
WORKS = {"requested": [], "active": ["CPUExecutionProvider"], "error": None, "signal": None, "exit": 0}

BROKEN = {
    "empty": (b"", "other", "is empty"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n", "other", "of 1234 bytes"),
    "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "other", "web page"),
    "openvino": (b'<?xml version="1.0"?>\n<net name="x" version="11">', "other", "OpenVINO"),
    "zip": (b"PK\x03\x04" + b"\0" * 60, "other", "ZIP archive: a PyTorch checkpoint"),
    "safetensors": (struct.pack("<Q", 12) + b'{"a": "bcd"}' + b"\0" * 9, "other", "safetensors"),
    "tflite": (b"\x1c\0\0\0TFL3" + b"\0" * 64, "other", "TensorFlow Lite"),
    "yaml": (b"backbone:\n  - [-1, 1, Conv, [64, 3, 2]]\n", "other", "plain text.*begins with 'backbone:'"),
    "json": (b'{"format": "graph-model", "generatedBy": "2.8"}', "other", "is JSON"),
    "zeros": (b"\0" * 4096, "other", "zero bytes"),
    "cut": (SAMPLE[:-1000], "truncated", "is cut off: it has 301860 bytes, and .* needs 994 more"),
    "noise": (b"\xff" * 64, "damaged", "byte 0 does not read"),
    "no graph": (onnx.ModelProto(ir_version=6, producer_name="x").SerializeToString(), "damaged", "holds no graph"),
    "frozen": (b"\x0a\x10" + b"\x0a\x0einput_tensor_1" + b"\x12\x00", "damaged", "field 1 is not ONNX's"),
}


def collected(path: Path) -> Facts:
    facts = model.collect(CONTEXT, str(path))
    assert set(facts) == {"model.file", "model.content", "model.operators", "model.external_data"}
    return facts


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_model_is_said_exactly(tmp_path: Path, kind: str) -> None:
    data, code, words = BROKEN[kind]
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    facts = collected(path)
    file = facts["model.file"]["value"]
    assert (file["path"], file["size"], file["code"]) == (str(path), len(data), code)
    assert re.search(words, file["problem"])
    assert str(path) in facts["model.content"]["error"]


def test_what_is_not_there_or_not_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "inner.onnx").write_bytes(SAMPLE)
    os.mkfifo(tmp_path / "pipe")
    told = {name: collected(tmp_path / name)["model.file"]["value"] for name in ("nothing", "", "pipe", "inner.onnx/x")}
    assert [told[name]["code"] for name in told] == ["not_found", "other", "other", "not_found"]
    assert "is a folder, not an ONNX file; it holds inner.onnx" in told[""]["problem"]


def test_a_file_over_the_limit_of_protobuf_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as stream:
        stream.write(SAMPLE)
        stream.truncate(model.LARGEST + 1)
    file = collected(path)["model.file"]["value"]
    assert (file["code"], file["size"]) == ("too_large", 1 << 31)


def test_external_data_is_looked_for_beside_the_model(tmp_path: Path) -> None:
    proto = rich_model()
    tensor = proto.graph.initializer[0]
    path = tmp_path / "model.onnx"

    def entry(location: str) -> dict[str, Any]:
        tensor.external_data[0].value = location
        path.write_bytes(proto.SerializeToString())
        rows: list[dict[str, Any]] = collected(path)["model.external_data"]["value"]
        return rows[0]

    assert entry("w.bin")["problem"] == "missing"
    (tmp_path / "w.bin").write_bytes(bytes(65))
    assert (entry("w.bin")["problem"], entry("w.bin")["size"], entry("w.bin")["needs"]) == ("short", 65, 66)
    (tmp_path / "w.bin").write_bytes(bytes(66))
    assert entry("w.bin")["problem"] is None
    assert entry("./w.bin")["problem"] is None
    assert [entry(name)["problem"] for name in ("../w.bin", "/etc/passwd", "", "a/../../b", "nul\0l")] == [
        "outside",
        "outside",
        "missing",
        "outside",
        "outside",
    ]


@given(data=st.data())
@settings(max_examples=120)
def test_a_corrupted_sample_gives_facts_and_never_raises(data: st.DataObject, tmp_path_factory: Any) -> None:
    whole = bytearray(SAMPLE)
    kind = data.draw(st.sampled_from(["bytes", "cut", "hole", "insert"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    if kind == "bytes":
        for offset in data.draw(st.lists(st.integers(0, 3000), min_size=1, max_size=20)):
            whole[offset] = data.draw(st.integers(0, 255))
    elif kind == "cut":
        del whole[at:]
    elif kind == "hole":
        whole[at : at + 5000] = bytes(len(whole[at : at + 5000]))
    else:
        whole[at:at] = data.draw(st.binary(min_size=1, max_size=50))
    path = tmp_path_factory.getbasetemp() / "corrupted.onnx"
    path.write_bytes(bytes(whole))
    facts = collected(path)
    file = facts["model.file"]
    assert file["error"] is None
    assert (file["value"]["code"] is None) == (facts["model.content"]["value"] is not None)
    if kind == "cut":
        assert file["value"]["code"] in ("truncated", "other", "damaged")


def test_no_session_is_tried_where_none_works_or_the_file_is_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort_use, "load", lambda *_: pytest.fail("a session was tried"))
    path = tmp_path / "model.onnx"
    path.write_bytes(SAMPLE)
    facts = collected(path)
    for broken in (failed("import failed", "x"), found({"cpu": dict(WORKS, error="no"), "cuda": None}, "x")):
        said = model.sessions(CONTEXT, dict(facts, **{"ort.session": broken}))["model.session"]
        assert "none works here" in said["error"]
    path.write_bytes(b"PK\x03\x04")
    works = found({"cpu": WORKS, "cuda": None}, "x")
    absent = model.sessions(CONTEXT, dict(collected(path), **{"ort.session": works}))["model.session"]
    assert (absent["value"], absent["error"]) == (None, None)


def test_a_real_session_loads_the_sample_and_says_what_it_refuses(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    works: Facts = {"ort.session": found({"cpu": WORKS, "cuda": None}, "x")}
    good, bad = tmp_path / "good.onnx", tmp_path / "bad.onnx"
    good.write_bytes(SAMPLE)
    bad.write_bytes(rich_model().SerializeToString())
    told = {}
    for path in (good, bad):
        told[path] = model.sessions(CONTEXT, dict(model.collect(CONTEXT, str(path)), **works))["model.session"]["value"]
    assert (told[good]["cpu"]["active"], told[good]["cpu"]["error"]) == (["CPUExecutionProvider"], None)
    assert told[bad]["cpu"]["error"]
    assert told[good]["cuda"] is None


def test_a_session_that_takes_too_long_is_a_failed_fact(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(SAMPLE)
    facts = dict(collected(path), **{"ort.session": found({"cpu": WORKS, "cuda": None}, "x")})
    assert "no answer within 0.01 s" in model.sessions(CONTEXT, facts, 0.01)["model.session"]["error"]
