"""Environments in which pip itself is the difficulty: too old, none, not allowed, not the tool that made them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.interpreters import interpreter
from tests.ward import health, tool
from tests.ward.bed import home, made, prepared
from tests.ward.patient import NOTHING, Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed

_ABSENT = ("onnxruntime_not_installed",)
_BROKEN = ("broken_onnxruntime_install",)


def pip_18(bed: Bed) -> None:
    bed.venv("3.6", pip="pip==18.1")
    refuses(bed, "onnxruntime==1.10.0")


def pip_19(bed: Bed) -> None:
    bed.venv("3.7", pip="pip==19.0.3")
    refuses(bed, "onnxruntime==1.14.1")


def python_3_6(bed: Bed) -> None:
    bed.venv("3.6")
    refuses(bed, "onnxruntime==1.22.0")


def python_3_13(bed: Bed) -> None:
    bed.venv("3.13")
    refuses(bed, "onnxruntime==1.17.0")


def gone_release(bed: Bed) -> None:
    bed.venv("3.11")
    refuses(bed, "onnxruntime-gpu==1.14.0")


def refuses(bed: Bed, requirement: str) -> None:
    """Check that pip really finds no such wheel: this is what the user saw."""
    done = bed.run(bed.python, "-m", "pip", "install", requirement, check=False)
    assert done.returncode != 0, f"pip installs {requirement}"
    assert "No matching distribution" in done.stderr, done.stderr[-500:]


def without_pip(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0", pip="")
    bed.extension().unlink()


def made_by_uv(bed: Bed) -> None:
    uv = prepared("3.11", "uv", pip=None, env=bed.env) / "bin" / "uv"
    (bed.root / "bin").mkdir()
    (bed.root / "bin" / "uv").symlink_to(uv)
    bed.env["PATH"] = f"{bed.root / 'bin'}:{bed.env['PATH']}"
    bed.run(uv, "venv", "-q", "--python", interpreter("3.11"), bed.root / "env")
    bed.python = bed.root / "env" / "bin" / "python"
    bed.run(uv, "pip", "install", "-q", "--python", bed.python, "onnxruntime==1.22.0")
    (bed.package / "capi" / "onnxruntime_inference_collection.py").unlink()


def read_only(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")
    (bed.package / "capi" / "onnxruntime_inference_collection.py").unlink()
    bed.write_protect()


def stays_as_it_was(bed: Bed, report: dict[str, Any]) -> None:
    """Check that the cure fails in words and changes nothing; and that it cures once writing is allowed."""
    assert report["verdict"] == "problems"
    fingerprint = bed.fingerprint()
    told = tool.fix(bed).report["treatment"]
    assert told["outcome"] in ("failed", "refused"), told["rounds"]
    assert told["rounds"][-1]["error"], told["rounds"]
    assert bed.fingerprint() == fingerprint, "the failed cure changed the environment"
    bed.unprotect()
    assert tool.fix(bed).report["treatment"]["outcome"] == "cured"
    health.whole(bed)


def system_python() -> Path:
    """Return a whole interpreter that its system manages (PEP 668): a copy of one at hand, with the marker."""
    folder = home() / "managed"
    command = [interpreter("3.11"), "-c", "import sys; print(sys.base_prefix)"]
    base = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())

    def make() -> None:
        left_out = shutil.ignore_patterns("test", "tests", "site-packages", "__pycache__", "share", "*.a", "idlelib")
        shutil.copytree(base, folder, symlinks=True, ignore=left_out)
        site = folder / "lib" / "python3.11" / "site-packages"
        site.mkdir()
        (folder / "lib" / "python3.11" / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=use apt\n")

    return made(folder, make)


def externally_managed(bed: Bed) -> None:
    shutil.copytree(system_python(), bed.root / "usr", symlinks=True)
    bed.python = bed.root / "usr" / "bin" / "python3.11"


def new_environment_works(bed: Bed) -> None:
    """Check the environment that the remedy made beside the system's Python, and take it as the user's from now on."""
    made_beside = bed.cwd / "ort-env" / "bin" / "python"
    assert made_beside.exists(), "no environment was made"
    bed.python = made_beside
    health.whole(bed)


PATIENTS = [
    Patient(
        "pip-18-on-3.6",
        "pip 18.1 finds no onnxruntime: it does not know manylinux2010 and later",
        pip_18,
        ("pip_too_old_for_wheel",),
        health.whole,
    ),
    Patient(
        "pip-19.0-on-3.7",
        "pip 19.0 does not know manylinux2014",
        pip_19,
        ("pip_too_old_for_wheel",),
        health.whole,
    ),
    Patient("new-release-on-3.6", "a release that has no wheel for Python 3.6", python_3_6, _ABSENT, health.whole),
    Patient("old-pin-on-3.13", "a release from before Python 3.13", python_3_13, _ABSENT, health.whole),
    Patient("pinned-release-gone", "a GPU release that the index has no more", gone_release, _ABSENT, health.whole),
    Patient("no-pip", "an environment without pip, with a damaged package", without_pip, _BROKEN, health.whole),
    Patient("made-by-uv", "an environment of uv, with a damaged package", made_by_uv, _BROKEN, health.whole),
    Patient(
        "read-only",
        "a damaged package in folders that nobody may write to",
        read_only,
        _BROKEN,
        health.whole,
        cure=NOTHING,
        steps=stays_as_it_was,
        why="only who protected the folders can open them; until then the failed cure leaves all as it was",
    ),
    Patient(
        "externally-managed",
        "a system's own Python (PEP 668) without onnxruntime",
        externally_managed,
        _ABSENT,
        new_environment_works,
    ),
]

