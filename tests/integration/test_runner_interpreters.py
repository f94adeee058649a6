"""The runner and the smoke test with real releases of onnxruntime, numpy and OpenCV, old and new."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

for needed in ("numpy", "onnx", "onnxruntime", "cv2"):
    pytest.importorskip(needed, reason=f"making the bundles needs {needed}: pip install -e '.[cpu,dev]'")

import numpy as np  # noqa: E402 - after the check that it is here

from tests.unit.templates import bundles  # noqa: E402 - as above
from tests.unit.templates.bundles import REFERENCE  # noqa: E402 - as above

pytestmark = pytest.mark.heavy


class Age(NamedTuple):
    """An interpreter and what is installed for it."""

    python: str
    packages: tuple[str, ...]
    models: tuple[str, ...]  # shared models that this onnxruntime can load
    pictures: bool = True

    @property
    def id(self) -> str:
        return f"{self.python}-{self.packages[0]}"


BOTH = ("scrfd_2.5g_kps_dynamic", "scrfd_500m_kps")
OLD = BOTH[:1]  # the other one has opset 12
HEADLESS = "opencv-python-headless"
AGES = [
    Age("3.6", ("onnxruntime==1.10.0", "numpy==1.19.5", f"{HEADLESS}==4.5.4.60"), BOTH),
    Age("3.7", ("onnxruntime==1.0.0", "numpy==1.16.6", "protobuf==3.20.3", f"{HEADLESS}==4.1.2.30"), OLD),
    Age("3.7", ("onnxruntime==1.2.0", "numpy==1.21.6", "protobuf==3.20.3", f"{HEADLESS}==4.5.5.64"), OLD),
    Age("3.8", ("onnxruntime==1.16.3", "numpy==1.24.4", f"{HEADLESS}==4.8.1.78"), BOTH),
    Age("3.9", ("onnxruntime==1.8.0", "numpy==1.21.6"), (), pictures=False),
    Age("3.13", ("onnxruntime", "numpy", HEADLESS), BOTH),
]


def _interpreter(version: str) -> str:
    """Return a real interpreter of ``version``: pyenv's own, since its shims only run the chosen one."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [*sorted(root.glob(f"versions/{version}.*/bin/python")), shutil.which(f"python{version}") or ""]
    for path in found:
        command = [str(path), "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False)
        except OSError:
            continue
        if done.stdout.strip() == version:
            return str(path)
    pytest.skip(f"there is no Python {version} here")


def _execute(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", params=AGES, ids=lambda age: age.id)
def age(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Age, str]:
    """An age and the interpreter of an environment with what it has installed."""
    wanted: Age = request.param
    folder = tmp_path_factory.mktemp("age")
    _execute(_interpreter(wanted.python), "-m", "venv", str(folder))
    python = str(folder / "bin" / "python")
    # The pip that comes with 3.6 does not know manylinux2014, which onnxruntime needs from 1.4 on.
    if wanted.python == "3.6":
        _execute(python, "-m", "pip", "install", "-q", "--upgrade", "pip<22")
    _execute(python, "-m", "pip", "install", "-q", "--prefer-binary", *wanted.packages)
    return wanted, python


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of our own, whose model every onnxruntime can load."""
    network = bundles.Network(size=(160, 128), faces=bundles.FACES, gain=0.05)
    folder = tmp_path_factory.mktemp("made") / "bundle"
    return bundles.write_bundle(folder, network.model(), network.spec(), bundles.picture(450, 300))


def _program(python: str, script: Path, *arguments: str) -> tuple[int, Any]:
    command = [python, str(script), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_smoke_test_passes_on_releases_of_every_age(
    age: tuple[Age, str], bundle: Path, tmp_path: Path
) -> None:
    wanted, python = age
    report = str(tmp_path / "report.json")
    code, document = _program(python, bundle / "smoke_test.py", "--runs", "3", "--report", report)
    rows = {row["step"]: row for row in document["steps"]}
    assert code == 0, document
    assert {step for step, row in rows.items() if row["status"] not in {"pass", "warn"}} == (
        set() if wanted.pictures else {"preprocessing"}
    )
    assert rows["detections"]["data"]["matched"] == 2
    assert rows["detections"]["data"]["pixels"] < 0.01
    if wanted.pictures:
        assert rows["preprocessing"]["data"]["levels"] == 0  # the resize of these releases is the same
    code, document = _program(
        python,
        bundle / "smoke_test.py",
        "--runs",
        "0",
        "--report",
        report,
        "--provider",
        "CUDAExecutionProvider",
    )
    assert (code, document["active_providers"]) == (3, ["CPUExecutionProvider"])


@pytest.mark.skipif(not REFERENCE.exists(), reason="the shared models are not here (../shared)")
def test_the_real_models_give_the_same_faces_everywhere(age: tuple[Age, str], tmp_path: Path) -> None:
    wanted, python = age
    if not wanted.pictures:
        pytest.skip("this environment is without OpenCV on purpose")
    for name in wanted.models:
        reference = json.loads(REFERENCE.read_text())[name]
        spec = bundles.shared_spec(name, tuple(reference["det_size_wh"]))
        folder = bundles.write_model(tmp_path / name, (REFERENCE.parent / f"{name}.onnx").read_bytes(), spec)
        pictures = [str(bundles.SHARED / "images" / row["image"]) for row in reference["images"]]
        code, found = _program(python, folder / "scrfd.py", *pictures)
        assert code == 0
        for row, want in zip(found, reference["images"], strict=True):
            assert len(row["detections"]) == len(want["detections"])
            for got, face in zip(row["detections"], want["detections"], strict=True):
                np.testing.assert_allclose(got["bbox"], face["bbox"], atol=1.0)
                np.testing.assert_allclose(got["keypoints"], face["kps"], atol=1.0)
                assert got["score"] == pytest.approx(face["score"], abs=0.01)
