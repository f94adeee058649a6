from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from ortdoctor import __version__
from ortdoctor.bundle.manifest import to_bytes
from ortdoctor.bundle.manifest_check import REQUIRED
from ortdoctor.bundle.verify import verify
from ortdoctor.bundle.write import write_bundle
from ortdoctor.data import folder
from ortdoctor.errors import BundleError, DowngradeError, ModelError, UsageError
from tests.unit.model.made import constant_model, outputs_of, save, scrfd_file

if TYPE_CHECKING:
    from pathlib import Path

    from ortdoctor.diagnose.matrix import Matrix


def test_a_bundle_holds_what_the_document_says(written: Path, model_file: Path) -> None:
    manifest = json.loads((written / "manifest.json").read_bytes())
    present = {str(path.relative_to(written).as_posix()) for path in written.rglob("*") if path.is_file()}
    assert present == {*manifest["files"], "manifest.json"}
    assert present >= {*REQUIRED, *(f"golden/output_{index}.npy" for index in range(9))}
    assert (written / "model.onnx").read_bytes() == model_file.read_bytes()
    assert manifest["model"]["source_sha256"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert (manifest["model"]["changed"], manifest["model"]["changes"]) == (False, [])
    assert manifest["target"] == {"id": "cpu", "expected_providers": ["CPUExecutionProvider"]}
    for path in (folder("templates")).glob("*.py"):
        assert (written / path.name).read_bytes() == path.read_bytes()
    assert verify(written).ok


def test_the_doctor_goes_with_it_and_leaves_it_whole(written: Path) -> None:
    command = [sys.executable, "-I", str(written / "ortdoctor.pyz"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=written)
    assert done.stdout == f"ortdoctor {__version__}\n"
    assert verify(written).ok
    assert "python ortdoctor.pyz check" in (written / "README.md").read_text(encoding="ascii")


def test_nothing_of_this_machine_is_in_it(written: Path, model_file: Path) -> None:
    for path in written.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert str(model_file.parent).encode() not in data
            assert str(written).encode() not in data


def test_golden_data_are_what_the_runner_gives(written: Path) -> None:
    tensor = np.load(written / "golden" / "input.npy", allow_pickle=False)
    assert (tensor.shape, tensor.dtype) == ((1, 3, 64, 64), np.float32)
    first = (written / "golden" / "input.npy").read_bytes()
    assert first[:8] == b"\x93NUMPY\x01\x00"
    scores = np.load(written / "golden" / "output_0.npy", allow_pickle=False)
    assert scores.shape == (1, 128, 1)
    golden = json.loads((written / "golden" / "detections.json").read_bytes())
    assert golden["image"] == "input.png"
    # Anchor 2 is the second cell of the first line (two anchors a cell): x 8, y 0, distances of half a
    # stride; the picture of 60x40 is enlarged to 64x42.
    (face,) = golden["detections"]
    scale = 42 / 40
    assert face["score"] == pytest.approx(0.9, abs=1e-4)
    assert face["bbox"] == pytest.approx([4 / scale, -4 / scale, 12 / scale, 4 / scale], abs=1e-3)
    assert face["keypoints"] == [pytest.approx([12 / scale, 4 / scale], abs=1e-3)] * 5


def test_the_model_is_brought_down_for_cuda10(tmp_path: Path, model_file: Path, picture: Path, matrix: Matrix) -> None:
    result = write_bundle(model_file, "cuda10", tmp_path / "out", image=picture, matrix=matrix)
    model = onnx.load(result.path / "model.onnx")
    assert (model.opset_import[0].version, model.ir_version) == (11, 6)
    assert len(result.changes) == 2
    assert result.difference == 0.0
    assert result.manifest["model"]["changed"] is True
    assert result.manifest["model"]["changes"] == list(result.changes)


def test_a_model_that_cannot_be_brought_down_leaves_nothing(tmp_path: Path, picture: Path, matrix: Matrix) -> None:
    proto = constant_model(outputs_of("batched"), opset=13, ir=7)
    path = save(proto, tmp_path)
    with pytest.raises(DowngradeError, match=r"target 'cuda10', which takes opset 11 and IR version 6.*Identity"):
        write_bundle(path, "cuda10", tmp_path / "new" / "out", image=picture, matrix=matrix)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("target", ["cpu", "cuda10"])
def test_what_is_no_scrfd_leaves_nothing(tmp_path: Path, matrix: Matrix, target: str) -> None:
    path = save(constant_model({"p": np.zeros((1, 1000), np.float32)}), tmp_path)
    with pytest.raises(ModelError, match="not an SCRFD"):
        write_bundle(path, target, tmp_path / "out", matrix=matrix)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.onnx"]


def test_a_picture_that_is_none_is_a_sentence(tmp_path: Path, model_file: Path, matrix: Matrix) -> None:
    with pytest.raises(BundleError, match=r"golden data cannot be computed.*model\.onnx is not a picture"):
        write_bundle(model_file, "cpu", tmp_path / "out", image=model_file, matrix=matrix)


def test_scores_that_leave_their_bounds_on_the_picture_are_refused(
    tmp_path: Path, model_file: Path, matrix: Matrix
) -> None:
    # The scores rise with the mean colour, which is high in a white picture and in none of the plain tests.
    proto = onnx.load(model_file)
    for name, value in (("edge", 0.2), ("steep", 1000.0)):
        proto.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    name = proto.graph.output[0].name
    proto.graph.node[0].output[0] = "plain"
    proto.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["input.1"], ["mean"], keepdims=0),
            helper.make_node("Sub", ["mean", "edge"], ["over"]),
            helper.make_node("Relu", ["over"], ["above"]),
            helper.make_node("Mul", ["above", "steep"], ["much"]),
            helper.make_node("Add", ["plain", "much"], [name]),
        ]
    )
    white = tmp_path / "white.png"
    assert cv2.imwrite(str(white), np.full((40, 60, 3), 255, np.uint8))
    with pytest.raises(BundleError, match="no probabilities"):
        write_bundle(save(proto, tmp_path), "cpu", tmp_path / "out", image=white, matrix=matrix)


def test_the_size_of_a_dynamic_model_can_be_chosen(tmp_path: Path, picture: Path, matrix: Matrix) -> None:
    path = scrfd_file(tmp_path, shape=(1, 3, "h", "w"))
    result = write_bundle(path, "cpu", tmp_path / "out", image=picture, size=(64, 64), matrix=matrix)
    assert result.spec["input"]["size"] == [64, 64]
    assert result.spec["input"]["dynamic"] is True


def test_host_without_facts_writes_nothing(tmp_path: Path, model_file: Path, matrix: Matrix) -> None:
    with pytest.raises(UsageError, match="needs the facts"):
        write_bundle(model_file, "host", tmp_path / "out", matrix=matrix)
    assert not (tmp_path / "out").exists()


def test_json_is_sorted_and_ascii() -> None:
    assert to_bytes({"b": "\u00e9", "a": 1}) == b'{\n  "a": 1,\n  "b": "\\u00e9"\n}\n'
