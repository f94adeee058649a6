"""What is imported is not what is installed: another file, another folder, another interpreter's packages."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from tests.ward import health
from tests.ward.patient import STEPS, Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed


def local_file(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")
    (bed.cwd / "onnxruntime.py").write_text("print('my first try')\n")


def local_checkout(bed: Bed) -> None:
    """Stand in the folder of the sources: its Python files, and nothing that was built of them."""
    bed.venv("3.11", "onnxruntime==1.22.0")
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "build_and_package_info.py")
    shutil.copytree(bed.package, bed.cwd / "onnxruntime", ignore=ignored)


def folder_and_nothing_installed(bed: Bed) -> None:
    bed.venv("3.11")
    (bed.cwd / "onnxruntime" / "docs").mkdir(parents=True)
    (bed.cwd / "onnxruntime" / "README.md").write_text("# a clone\n")


def another_interpreter(bed: Bed) -> None:
    other = bed.venv("3.10", "onnxruntime==1.22.0", name="venv")
    bed.env["PATH"] = f"{other.parent}:{bed.env['PATH']}"
    bed.venv("3.11")


def pythonpath_of_another_python(bed: Bed) -> None:
    bed.venv("3.10", "onnxruntime==1.22.0", name="venv")
    bed.env["PYTHONPATH"] = str(bed.site)
    bed.venv("3.11", "onnxruntime==1.22.0")


def _remedy(report: dict[str, Any]) -> str:
    return str(report["findings"][0]["remedy"]["text"])


def rename_file(bed: Bed, report: dict[str, Any]) -> None:
    assert f"Rename {bed.cwd / 'onnxruntime.py'}" in _remedy(report)
    (bed.cwd / "onnxruntime.py").rename(bed.cwd / "first_try.py")


def change_folder(bed: Bed, report: dict[str, Any]) -> None:
    assert "run from another folder" in _remedy(report)
    assert str(bed.cwd / "onnxruntime" / "__init__.py") in _remedy(report)
    bed.cwd = bed.root / "elsewhere"
    bed.cwd.mkdir()


def unset_pythonpath(bed: Bed, report: dict[str, Any]) -> None:
    assert "PYTHONPATH" in _remedy(report)
    commands = [command for command in report["findings"][0]["remedy"]["commands"] if "PYTHONPATH" in command]
    assert commands == ["unset PYTHONPATH"]
    bed.shell(commands)


PATIENTS = [
    Patient(
        "local-onnxruntime-py",
        "the user's own onnxruntime.py in the current folder",
        local_file,
        ("shadowed_or_source_dir_import",),
        health.whole,
        cure=STEPS,
        steps=rename_file,
        why="the file is the user's own: only he can name it anew",
    ),
    Patient(
        "source-checkout",
        "the current folder holds the sources of ONNX Runtime, not built",
        local_checkout,
        ("shadowed_or_source_dir_import",),
        health.whole,
        cure=STEPS,
        steps=change_folder,
        why="where a program is started is the user's",
    ),
    Patient(
        "clone-and-nothing-installed",
        "a folder onnxruntime/ without __init__.py in the current folder, and no package",
        folder_and_nothing_installed,
        ("onnxruntime_not_installed",),
        health.whole,
    ),
    Patient(
        "installed-for-another-python",
        "pip of one interpreter installed it, another one is asked",
        another_interpreter,
        ("onnxruntime_not_installed", "installed_in_other_environment"),
        health.whole,
    ),
    Patient(
        "pythonpath-of-another-python",
        "PYTHONPATH names the packages of Python 3.10, whose native modules 3.11 does not load",
        pythonpath_of_another_python,
        ("shadowed_or_source_dir_import", "wheel_tag_not_supported", "env_var_conflict"),
        health.whole,
        cure=STEPS,
        steps=unset_pythonpath,
        why="a variable of the user's shell",
    ),
]
