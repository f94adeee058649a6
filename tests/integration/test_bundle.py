"""Bundles of real models, proved by their own scripts; skipped where ../shared is absent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.bundle.verify import verify
from ortdoctor.bundle.write import write_bundle
from ortdoctor.data import compat_json, template_path
from ortdoctor.diagnose.matrix import STEMS, Matrix
from ortdoctor.errors import MatrixError, ModelError
from tests.interpreters import interpreter
from tests.unit.templates.bundles import SHARED_FORMS

SHARED = Path(__file__).resolve().parents[3] / "shared"
MODELS = SHARED / "models"
NAMES = sorted(path.stem for path in MODELS.glob("scrfd_*.onnx"))

needs_models = pytest.mark.skipif(not NAMES, reason="../shared/models is not there")


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return Matrix({stem: compat_json(stem) for stem in STEMS})


def run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def smoke(folder: Path, python: str | Path = sys.executable) -> tuple[int, dict[str, Any]]:
    done = run([python, folder / "smoke_test.py", "--runs", "1", "--json"])
    return done.returncode, json.loads(done.stdout)


def test_the_sample_passes_its_own_smoke_test_and_a_changed_byte_does_not(tmp_path: Path, matrix: Matrix) -> None:
    try:
        sample = template_path("sample/sample.onnx")
    except MatrixError:
        pytest.skip("there is no sample model yet")
    out = write_bundle(sample, "cpu", tmp_path / "out", matrix=matrix).path
    assert smoke(out)[0] == 0
    assert verify(out).ok
    model = bytearray((out / "model.onnx").read_bytes())
    model[len(model) // 2] ^= 1
    (out / "model.onnx").write_bytes(model)
    assert [problem.file for problem in verify(out).problems] == ["model.onnx"]
    code, report = smoke(out)
    assert code == 1
    assert "model.onnx" in report["steps"][0]["detail"]


@needs_models
@pytest.mark.parametrize("target", ["cpu", "cuda10"])
@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_packed_and_passes(tmp_path: Path, matrix: Matrix, name: str, target: str) -> None:
    result = write_bundle(MODELS / f"{name}.onnx", target, tmp_path / "out", matrix=matrix)
    assert result.spec["form"] == SHARED_FORMS.get(name, result.spec["form"])
    assert result.detections > 0
    assert verify(result.path).ok
    if target == "cuda10":
        assert max(result.manifest["model"]["opset"]["ai.onnx"] - 11, result.manifest["model"]["ir"] - 6) <= 0
    code, report = smoke(result.path)
    on_cpu = report["active_providers"] == ["CPUExecutionProvider"]
    assert code == (3 if target == "cuda10" and on_cpu else 0), report


@needs_models
@pytest.mark.parametrize("name", NAMES)
def test_the_runner_agrees_with_the_reference(tmp_path: Path, matrix: Matrix, name: str) -> None:
    """Compare with what insightface's own detector finds, within a pixel and 0.01 of score."""
    reference = json.loads((MODELS / "reference_detections.json").read_text("utf-8")).get(name)
    if reference is None or reference["det_size_wh"] != [640, 640]:
        pytest.skip("the reference has no detections for this model at its default size")
    out = write_bundle(MODELS / f"{name}.onnx", "cpu", tmp_path / "out", matrix=matrix).path
    for image in reference["images"]:
        done = run([sys.executable, out / "scrfd.py", SHARED / "images" / image["image"], "--json"])
        found = json.loads(done.stdout)["detections"]
        assert len(found) == len(image["detections"]), image["image"]
        for ours, theirs in zip(found, image["detections"], strict=True):
            assert ours["bbox"] == pytest.approx(theirs["bbox"], abs=1)
            assert ours["score"] == pytest.approx(theirs["score"], abs=0.01)
            for mine, other in zip(ours["keypoints"] or [], theirs.get("kps") or [], strict=True):
                assert mine == pytest.approx(other, abs=1)


@needs_models
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken_lfs_pointer", "Git LFS pointer"),
        ("broken_truncated", "cut off"),
        ("not_scrfd_yunet", "those of YuNet"),
    ],
)
def test_what_cannot_be_packed_is_a_sentence(tmp_path: Path, matrix: Matrix, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        write_bundle(MODELS / f"{name}.onnx", "cpu", tmp_path / "out", matrix=matrix)
    assert not (tmp_path / "out").exists()


@needs_models
@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_two_archives_of_a_real_model_are_identical(tmp_path: Path, matrix: Matrix, suffix: str) -> None:
    paths = [tmp_path / f"{number}.{suffix}" for number in (1, 2)]
    for path in paths:
        write_bundle(MODELS / "scrfd_500m_kps.onnx", "cpu", path, matrix=matrix)
        assert verify(path).ok
    assert paths[0].read_bytes() == paths[1].read_bytes()


def _environment(folder: Path, version: str, requirements: list[str]) -> Path:
    """Make an environment of an old Python and return its interpreter."""
    subprocess.run([interpreter(version), "-m", "venv", folder], check=True, timeout=120)
    python = folder / "bin" / "python"
    # The pip that comes with Python 3.6 sees no manylinux2014 wheels; pip 21 is the last that runs there.
    upgrade = [["--upgrade", "pip<22"]] if version == "3.6" else []
    for arguments in (*upgrade, requirements):
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--only-binary", ":all:", *arguments], check=True, timeout=600
        )
    return python


@pytest.mark.heavy
@needs_models
def test_cuda10_runs_on_onnxruntime_1_2_and_python_3_7(tmp_path: Path, matrix: Matrix) -> None:
    wanted = ["onnxruntime==1.2.0", "numpy==1.21.6", "opencv-python-headless==4.5.5.64"]
    python = _environment(tmp_path / "env", "3.7", wanted)
    for name in NAMES:
        out = write_bundle(MODELS / f"{name}.onnx", "cuda10", tmp_path / name, matrix=matrix).path
        code, report = smoke(out, python)
        assert code == 3, report
        assert {step["status"] for step in report["steps"]} <= {"pass", "warn"}, report


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("target", "version", "code"),
    [("cpu", version, 0) for version in ("3.6", "3.7", "3.8", "3.9", "3.10", "3.12", "3.13")]
    + [("cuda10", version, 3) for version in ("3.6", "3.7", "3.8")],
)
def test_requirements_install_and_the_bundle_runs(
    tmp_path: Path, matrix: Matrix, target: str, version: str, code: int
) -> None:
    out = write_bundle(template_path("sample/sample.onnx"), target, tmp_path / "out", matrix=matrix).path
    python = _environment(tmp_path / "env", version, ["-r", str(out / "requirements.txt")])
    assert smoke(out, python)[0] == code
