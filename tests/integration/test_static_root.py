"""Roots with real wheels: of another architecture, and an environment whose files are read and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor.diagnose.judge import judge
from ortdoctor.probe.gather import Wanted, gather
from tests import recorded
from tests.unit.probe.roots import ARM, X86, system

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.heavy

SITE = "usr/local/lib/python3.10/dist-packages"


def install(target: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "--only-binary", ":all:"]
    subprocess.run([*command, *arguments], check=True, timeout=600)


@pytest.mark.parametrize(("machine", "arch"), [(X86, "x86_64"), (ARM, "aarch64")])
def test_a_real_wheel_in_a_root_of_any_architecture(machine: int, arch: str, tmp_path: Path) -> None:
    system(tmp_path, machine)
    shutil.rmtree(tmp_path / SITE)
    tags = [f"--platform=manylinux{tag}_{arch}" for tag in ("2014", "_2_27", "_2_28")]
    install(tmp_path / SITE, *tags, "--python-version", "3.10", "onnxruntime==1.19.2", "numpy<2.1")
    told = gather(Wanted(root=str(tmp_path)))
    report = judge(told, recorded.matrix())
    assert (report.verdict, report.findings) == ("healthy", [])
    facts: dict[str, Any] = {key: fact["value"] for key, fact in told["facts"].items()}
    assert (facts["system.arch"], facts["ort.version"]) == (arch, "1.19.2")
    assert (facts["ort.extension"]["machine"], facts["ort.extension"]["python"]) == (arch, "cp310")
    assert facts["ort.distributions"][0]["changed"] == facts["ort.distributions"][0]["missing"] == []
    library = tmp_path / SITE / f"onnxruntime/capi/onnxruntime_pybind11_state.cpython-310-{arch}-linux-gnu.so"
    library.write_bytes(library.read_bytes()[: 1 << 20])
    broken = judge(gather(Wanted(root=str(tmp_path))), recorded.matrix())
    assert [row.cause for row in broken.findings] == ["broken_onnxruntime_install"]


@pytest.mark.parametrize(
    "packages", [["onnxruntime==1.22.0"], ["onnxruntime-gpu==1.22.0"], ["onnxruntime==1.17.1", "numpy==2.2.6"]]
)
def test_files_alone_tell_what_the_import_and_a_session_tell(packages: list[str], tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True, timeout=120)
    python = str(tmp_path / "env" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True, timeout=600)
    found = []
    for wanted in (Wanted(static=True, python=python), Wanted(python=python)):
        report = judge(json.loads(json.dumps(gather(wanted))), recorded.matrix())
        found.append((report.verdict, [(row.cause, row.severity) for row in report.findings]))
    assert found[0] == found[1]
