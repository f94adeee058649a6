"""The installed wheel carries its data: it is built, laid out alone, and run from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ortdoctor.bundle.zipapp import write_zipapp

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(site), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "ortdoctor", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


def test_the_wheel_is_what_is_run(site: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(site)}
    program = "import ortdoctor, ortdoctor.data as d; print(ortdoctor.__file__, d.folder('compat'), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert all(line.startswith(str(site)) for line in done.stdout.splitlines())


def test_check_works_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "check", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == {"healthy": 0, "problems": 1, "undetermined": 3}[report["verdict"]]


def test_demo_works_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the demo runs a model: needs the extra cpu or gpu")
    pytest.importorskip("cv2", reason="the demo draws a picture: needs the extra cpu or gpu")
    done = run(site, tmp_path, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "ortdoctor-demo" / "faces.png").stat().st_size > 10_000
    assert (tmp_path / "ortdoctor-demo" / "bundle" / "smoke_report.json").is_file()


def test_the_zipapp_of_the_wheel_is_that_of_the_checkout(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "pyz", "-o", "box.pyz")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Wrote box.pyz (")
    write_zipapp(tmp_path / "ours.pyz")
    assert (tmp_path / "box.pyz").read_bytes() == (tmp_path / "ours.pyz").read_bytes()
    alone = subprocess.run(
        [sys.executable, "-I", "box.pyz", "--version"], cwd=tmp_path, capture_output=True, timeout=60, check=True
    )
    assert alone.stdout.startswith(b"ortdoctor ")
    assert run(site, tmp_path, "pyz", "-o", str(tmp_path)).returncode == 1


def test_a_bare_install_brings_neither_a_runtime_nor_opencv(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert sorted(line.split()[1].split(">")[0] for line in required) == ["packaging", "rich", "typer"]
