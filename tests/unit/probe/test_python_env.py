import json
import os
import site
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ortdoctor.probe import python_env
from ortdoctor.probe.collect import KEYS
from ortdoctor.probe.context import here
from ortdoctor.probe.fact import value
from ortdoctor.probe.python_env import abi_tag, environment_tool, version_text

TAGS = [
    ("cpython", (3, 6), {"WITH_PYMALLOC": 1}, "cp36m"),
    ("cpython", (3, 6), {"WITH_PYMALLOC": None}, "cp36m"),  # Windows states nothing
    ("cpython", (3, 7), {"WITH_PYMALLOC": 0}, "cp37"),
    ("cpython", (3, 7), {"WITH_PYMALLOC": 1, "Py_DEBUG": 1}, "cp37dm"),
    ("cpython", (3, 8), {"WITH_PYMALLOC": 1}, "cp38"),
    ("cpython", (3, 10), {"Py_GIL_DISABLED": None}, "cp310"),
    ("cpython", (3, 13), {"Py_GIL_DISABLED": 0}, "cp313"),
    ("cpython", (3, 13), {"Py_GIL_DISABLED": 1}, "cp313t"),
    ("cpython", (3, 14), {"Py_GIL_DISABLED": 1, "Py_DEBUG": 1}, "cp314td"),
    ("pypy", (3, 10), {"SOABI": "pypy310-pp73-x86_64-linux-gnu"}, "pypy310_pp73"),
    ("pypy", (3, 6), {"SOABI": "pypy36-pp73"}, "pypy36_pp73"),
    ("graalpy", (3, 8), {"SOABI": "graalpy-38-native"}, "graalpy_38_native"),
]


@pytest.mark.parametrize(("implementation", "version", "flags", "tag"), TAGS, ids=[case[3] for case in TAGS])
def test_abi_tags(implementation: str, version: tuple[int, int], flags: dict[str, object], tag: str) -> None:
    assert abi_tag(implementation, version, flags) == tag


def test_this_interpreter() -> None:
    facts = python_env.collect(here())
    assert set(facts) == {"python." + key for key in KEYS["python"]}
    assert value(facts, "python.version").startswith(".".join(map(str, sys.version_info[:3])))
    assert value(facts, "python.executable") == sys.executable
    assert value(facts, "python.bits") == 8 * struct.calcsize("P")
    assert [key for key, fact in facts.items() if fact["error"]] == []


def test_its_abi_tag_is_the_one_that_packaging_computes() -> None:
    tags = pytest.importorskip("packaging.tags")
    assert value(python_env.collect(here()), "python.abi_tag") == next(iter(tags.sys_tags())).abi


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ((3, 14, 0, "candidate", 2), "3.14.0rc2"),
        ((3, 15, 0, "alpha", 1), "3.15.0a1"),
        ((3, 6, 15, "final", 0), "3.6.15"),
    ],
)
def test_version_text(info: tuple[int, int, int, str, int], text: str) -> None:
    assert version_text(info) == text


@pytest.mark.parametrize(
    ("lines", "tool"),
    [
        ("home = /usr/bin\nimplementation = CPython\nuv = 0.4.20\nversion_info = 3.11.10\n", "uv"),
        ("home = /usr/bin\nvirtualenv = 20.26.6\n", "virtualenv"),
        ("home = /uv/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n", "venv"),
    ],
)
def test_who_made_a_virtual_environment(tmp_path: Path, lines: str, tool: str) -> None:
    (tmp_path / "pyvenv.cfg").write_text(lines)
    assert environment_tool(str(tmp_path), old_virtualenv=False) == tool


def test_virtualenv_before_20_left_no_file(tmp_path: Path) -> None:
    assert environment_tool(str(tmp_path), old_virtualenv=True) == "virtualenv"


def _environment_of(python: Path) -> dict[str, object]:
    code = (
        "import json; from ortdoctor.probe.python_env import _environment; "
        "print(json.dumps(_environment()['python.environment']['value']))"
    )
    root = Path(python_env.__file__).parents[2]
    env = {"PATH": os.defpath, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run([python, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=60)
    seen: dict[str, object] = json.loads(ran.stdout)
    return seen


def test_a_virtual_environment_is_told_from_its_base(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True, timeout=60)
    python = tmp_path / "env" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs a POSIX layout")
    assert _environment_of(python) == {
        "kind": "venv",
        "path": str(tmp_path / "env"),
        "tool": "venv",
        "externally_managed": False,
    }
    # A venv made by hand into a conda environment stays a venv.
    (tmp_path / "env" / "conda-meta").mkdir()
    assert _environment_of(python)["kind"] == "venv"


def test_conda_is_told_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conda-meta").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    seen = python_env._environment()["python.environment"]["value"]
    assert (seen["kind"], seen["path"]) == ("conda", str(tmp_path))


def _system(monkeypatch: pytest.MonkeyPatch, folder: Path, writable: bool) -> dict[str, object]:
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder / name))
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(os, "access", lambda *_: writable)
    seen: dict[str, object] = python_env._environment()["python.environment"]["value"]
    return seen


def test_an_interpreter_that_pip_may_not_touch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stdlib").mkdir()
    (tmp_path / "stdlib" / "EXTERNALLY-MANAGED").touch()
    seen = _system(monkeypatch, tmp_path, writable=True)
    assert (seen["kind"], seen["externally_managed"]) == ("system", True)


def test_packages_go_to_the_user_where_the_interpreters_folder_is_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _system(monkeypatch, tmp_path, writable=False)
    assert (seen["kind"], seen["path"]) == ("user", site.getuserbase())


def test_onlyvariables_that_change_what_is_loaded() -> None:
    env = {"LD_LIBRARY_PATH": "/l", "CUDA_PATH_V11_8": "C:\\c", "ORT_LOG": "1", "HOME": "/h", "API_KEY": "k"}
    facts = python_env.variables(here()._replace(env=env))
    assert value(facts, "python.env") == {
        "CUDA_PATH_V11_8": "C:\\c",
        "LD_LIBRARY_PATH": "/l",
        "ORT_LOG": "1",
    }
