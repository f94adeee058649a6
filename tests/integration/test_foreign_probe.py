"""The same facts from interpreters of very different ages, each collected by that interpreter."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.probe.collect import KEYS
from ortdoctor.probe.fact import value
from ortdoctor.probe.foreign import ProbeError, collect_with

PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"

ALL_KEYS = {f"{group}.{key}" for group, keys in KEYS.items() for key in keys}

VERSIONS = {"3.6.15": "cp36m", "3.7": "cp37m", "3.8": "cp38", "3.10": "cp310", "3.13": "cp313"}


def _interpreter(version: str) -> str:
    """Return the interpreter of ``version`` (or of any patch release of it) under pyenv's root."""
    for folder in sorted(PYENV.glob(version + "*")):
        python = folder / "bin" / "python"
        if folder.name == version or folder.name.startswith(version + "."):
            return str(python)
    pytest.skip(f"needs Python {version} in {PYENV}")


def _environment(python: str, folder: Path) -> str:
    """Make a virtual environment of ``python``, so that what is installed beside it has no say."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    return str(folder / "bin" / "python")


def _facts(python: str, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(cwd)
    facts: dict[str, Any] = collect_with(python)["facts"]
    return facts


@pytest.mark.parametrize(("version", "tag"), VERSIONS.items())
def test_an_interpreter_tells_its_own_facts(
    version: str, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = _interpreter(version)
    python = _environment(base, tmp_path / "env")
    (tmp_path / "empty").mkdir()
    facts = _facts(python, tmp_path / "empty", monkeypatch)
    assert set(facts) == ALL_KEYS
    errors = {key: fact["error"] for key, fact in facts.items() if fact["error"]}
    assert {key: error for key, error in errors.items() if not key.startswith("ort.")} == {}
    assert value(facts, "python.version").startswith(version)
    assert value(facts, "python.abi_tag") == tag
    assert value(facts, "python.executable") == python
    assert value(facts, "python.environment") == {
        "kind": "venv",
        "path": str(tmp_path / "env"),
        "tool": "venv",
        "externally_managed": False,
    }
    assert value(facts, "python.packages") == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_machine_is_the_same_whoever_looks(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = _facts(_environment(_interpreter(version), tmp_path / "theirs"), tmp_path, monkeypatch)
    ours = _facts(_environment(sys.executable, tmp_path / "ours"), tmp_path, monkeypatch)
    for key in sorted(ALL_KEYS):
        if key.startswith(("system.", "gpu.")):
            assert theirs[key] == ours[key], key


@pytest.mark.parametrize(("version", "manylinux2014"), [("3.6.15", False), ("3.13", True)])
def test_the_wheels_that_its_own_pip_takes(
    version: str, manylinux2014: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = _interpreter(version)
    env = tmp_path / "env"
    subprocess.run([python, "-m", "venv", env], check=True, timeout=120)
    facts = _facts(str(env / "bin" / "python"), tmp_path, monkeypatch)
    if value(facts, "system.libc", {}).get("name") != "glibc":
        pytest.skip("manylinux wheels are for glibc")
    # 3.6 brings pip 18.1, which knows manylinux1 only.
    assert value(facts, "python.wheel_tags")["manylinux2014"] is manylinux2014


def test_an_interpreter_that_is_too_old_is_a_sentence() -> None:
    with pytest.raises(ProbeError, match=r"is Python 2\.7\.\d+, expected Python 3\.6 or later"):
        collect_with(_interpreter("2.7"))
