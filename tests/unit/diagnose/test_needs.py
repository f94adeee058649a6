"""Rules on what the import needs beside ONNX Runtime: NumPy, other packages, a build for this interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor import data
from ortdoctor.diagnose.judge import judge
from tests.recorded import machine

if TYPE_CHECKING:
    from ortdoctor.diagnose.findings import Finding


def failing(imported: dict[str, Any], **facts: Any) -> list[Finding]:
    """Judge a CPU-only box whose import failed as ``imported`` says."""
    document = machine("linux-cpu-only")["document"]
    record: dict[str, Any] = {"ok": False, "error": None, "error_type": None, "warnings": [], "stderr": "", "exit": 1}
    values = {"ort.import": {**record, **imported}, **{key.replace("__", "."): value for key, value in facts.items()}}
    for key, value in values.items():
        document["facts"][key] = {"value": value, "source": "a test", "error": None}
    for key in ("ort.session", "ort.available_providers", "ort.device", "ort.build_info"):
        document["facts"][key] = {"value": None, "source": "a test", "error": "could not be imported"}
    return judge(document, data.matrix()).findings


@pytest.mark.parametrize(
    "imported",
    [
        {"error": "No module named 'numpy'", "error_type": "ModuleNotFoundError"},
        # Releases since 1.20: the exception has no words, and the line stands on standard error.
        {"error": "", "error_type": "ImportError", "stderr": "ModuleNotFoundError: No module named 'numpy'"},
        {"error": "", "error_type": "ImportError"},
    ],
)
def test_a_missing_package_is_named_wherever_it_is_told(imported: dict[str, Any]) -> None:
    found = failing({**imported, "numpy": {"ok": False, "error": "x", "signal": None}}, python__packages={})
    assert [row.cause for row in found] == ["python_dependency_missing"]
    assert found[0].values == {"module": "numpy"}
    assert found[0].commands[0].endswith("-m pip install numpy")


def test_a_missing_part_of_a_package_that_is_there_is_damage() -> None:
    text = "ModuleNotFoundError: No module named 'google.protobuf'"
    found = failing({"error": "", "stderr": text}, python__packages={"protobuf": "5.29.0", "numpy": "2.0.0"})
    assert [(row.cause, row.values["module"]) for row in found] == [("python_dependency_broken", "protobuf")]


@pytest.mark.parametrize(
    ("imported", "numpy"),
    [
        ({"error": "ended", "signal": "SIGBUS", "exit": -7}, {"ok": False, "error": None, "signal": "SIGBUS"}),
        ({"error": "no answer", "hangs": True, "exit": None}, {"ok": False, "error": "no answer", "signal": None}),
        ({"error": ""}, {"ok": False, "error": "ImportError: numpy is cut", "signal": None}),
    ],
)
def test_a_numpy_that_fails_alone_is_the_cause(imported: dict[str, Any], numpy: dict[str, Any]) -> None:
    found = failing({**imported, "numpy": numpy}, python__packages={"numpy": "2.1.0"})
    assert [row.cause for row in found] == ["python_dependency_broken"]
    assert found[0].commands[0].endswith("-m pip install --force-reinstall --no-deps numpy==2.1.0")


@pytest.mark.parametrize(
    ("imported", "cause"),
    [
        ({"error": "ended by SIGBUS", "signal": "SIGBUS", "exit": -7}, "onnxruntime_import_crashes"),
        ({"error": "gave no answer within 60 s", "hangs": True, "exit": None}, "onnxruntime_import_hangs"),
        ({"error": "no", "error_type": "ImportError"}, "onnxruntime_import_fails"),
    ],
)
def test_a_numpy_that_works_alone_explains_nothing(imported: dict[str, Any], cause: str) -> None:
    found = failing({**imported, "numpy": {"ok": True, "error": None, "signal": None}})
    assert [row.cause for row in found] == [cause]


@pytest.mark.parametrize(
    ("native", "error", "foreign"),
    [
        ("onnxruntime_pybind11_state.cpython-311-aarch64-linux-gnu.so", "No module named 'x'", True),
        ("onnxruntime_pybind11_state.cpython-37m-x86_64-linux-gnu.so", "No module named 'x'", True),
        ("onnxruntime_pybind11_state.so", "onnxruntime_pybind11_state.so: wrong ELF class: ELFCLASS32", True),
        (
            "onnxruntime_pybind11_state.so",
            "/x/capi/onnxruntime_pybind11_state.so: cannot open shared object file: No such file or directory",
            True,
        ),
        ("onnxruntime_pybind11_state.so", "libfoo.so.1: cannot open shared object file", False),
        ("libonnxruntime_providers_shared.so", "No module named 'x'", False),
    ],
)
def test_a_native_module_of_another_machine(native: str, error: str, foreign: bool) -> None:
    folder = {"path": "/env/lib/python3.11/site-packages/onnxruntime", "has_init": True, "native": [native]}
    found = failing({"error": error, "error_type": "ImportError"}, ort__folder=folder)
    assert ([row.cause for row in found] == ["wheel_tag_not_supported"]) is foreign
    if foreign:
        assert found[0].values["file"] == native
        assert any("install onnxruntime==" in command for command in found[0].commands)


def test_the_tag_of_this_interpreter_is_no_reason() -> None:
    tag = machine("linux-cpu-only")["document"]["facts"]["python.abi_tag"]["value"].removeprefix("cp")
    native = f"onnxruntime_pybind11_state.cpython-{tag}-x86_64-linux-gnu.so"
    folder = {"path": "/env/lib/python3.11/site-packages/onnxruntime", "has_init": True, "native": [native]}
    found = failing({"error": "no", "error_type": "ImportError"}, ort__folder=folder)
    assert [row.cause for row in found] == ["onnxruntime_import_fails"]


def test_a_changed_python_file_explains_an_import_that_nothing_else_does() -> None:
    changed = machine("linux-cpu-only")["document"]["facts"]["ort.distributions"]["value"]
    changed[0]["changed"] = ["onnxruntime/capi/_pybind_state.py"]
    masked = "cannot import name 'ExecutionMode' from 'onnxruntime.capi._pybind_state'"
    found = failing({"error": masked, "error_type": "ImportError"}, ort__distributions=changed)
    assert found[0].cause == "broken_onnxruntime_install"
    native = {"error": masked, "stderr": "version `GLIBC_2.38' not found (required by x.so)"}
    assert failing(native, ort__distributions=changed)[0].cause == "glibc_too_old"


def test_missing_notes_do_not_hide_a_missing_package() -> None:
    slim = machine("linux-cpu-only")["document"]["facts"]["ort.distributions"]["value"]
    slim[0]["missing"] = ["onnxruntime/Privacy.md"]
    found = failing({"error": "No module named 'numpy'"}, ort__distributions=slim, python__packages={})
    assert [row.cause for row in found] == ["python_dependency_missing"]


def test_a_folder_of_pythonpath_is_not_removed_but_left_out() -> None:
    native = "onnxruntime_pybind11_state.cpython-37m-x86_64-linux-gnu.so"
    folder = {"path": "/other/site-packages/onnxruntime", "has_init": True, "native": [native]}
    env = {"PATH": "/usr/bin", "PYTHONPATH": "/lib/mine:/other/site-packages/"}
    found = failing({"error": "no", "error_type": "ImportError"}, ort__folder=folder, python__env=env)
    assert [(row.cause, row.variant) for row in found] == [("shadowed_or_source_dir_import", "pythonpath")]
    assert found[0].commands == ["unset PYTHONPATH"]


def test_two_releases_in_folders_of_their_own_share_nothing() -> None:
    rows = machine("linux-cpu-only")["document"]["facts"]["ort.distributions"]["value"]
    rows.append({**rows[0], "location": "/other/site-packages"})
    found = failing({"error": "no", "error_type": "ImportError"}, ort__distributions=rows)
    assert "both_cpu_and_gpu_packages" not in [row.cause for row in found]


def test_an_executable_stack_is_cured_by_another_release() -> None:
    text = "x.so: cannot enable executable stack as shared object requires: Permission denied"
    found = failing({"error": text, "error_type": "ImportError"})
    assert [row.cause for row in found] == ["executable_stack_blocked"]
    assert any("install onnxruntime==" in command for command in found[0].commands)
