"""Real environments, really treated: cured, or left as they were to the byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.treat import tree
from tests.interpreters import interpreter

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
BOTH = ("onnxruntime-gpu==1.20.2", "onnxruntime==1.20.1")


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=900, check=False, cwd=ROOT, env={**os.environ, **env}
    )


def environment(folder: Path, version: str, *requirements: str) -> Path:
    """Make an environment with each of ``requirements`` installed after the other; return its interpreter."""
    assert run(interpreter(version), "-m", "venv", str(folder)).returncode == 0
    python = folder / "bin" / "python"
    for requirement in requirements:
        done = run(str(python), "-m", "pip", "install", "-q", requirement)
        assert done.returncode == 0, done.stderr
    return python


def fix(python: Path, *options: str, **env: str) -> tuple[int, dict[str, Any]]:
    command = (sys.executable, "-m", "ortdoctor", "check", "--fix", "--yes", "--json", "--python", str(python))
    done = run(*command, *options, **env)
    return done.returncode, json.loads(done.stdout)


def content(python: Path) -> dict[str, Any]:
    """Return every entry of the environment, and the bytes of its files, without what Python compiles by itself."""
    root = python.parents[1]
    entries = {path: entry for path, entry in tree.read(str(root)).items() if "__pycache__" not in path}
    files = {path: (root / path).read_bytes() for path, entry in entries.items() if entry.kind == tree.FILE}
    return {path: (entry, files.get(path)) for path, entry in entries.items()}


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]], ids=["cpu last", "gpu last"])
def test_both_packages(tmp_path: Path, order: tuple[str, ...]) -> None:
    python = environment(tmp_path / "env", "3.11", *order)
    code, told = fix(python)
    assert (code, told["verdict"], told["treatment"]["outcome"]) == (0, "healthy", "cured")
    left = [name for name in told["treatment"]["after"]["distributions"] if name.startswith("onnxruntime")]
    assert len(left) == 1
    program = "import onnxruntime; print(onnxruntime.get_available_providers())"
    assert "CPUExecutionProvider" in run(str(python), "-c", program).stdout


def test_files_that_were_deleted(tmp_path: Path) -> None:
    python = environment(tmp_path / "env", "3.11", "onnxruntime==1.20.1")
    (package,) = (tmp_path / "env").glob("lib/python3*/site-packages/onnxruntime")
    shutil.rmtree(package / "capi")
    (package / "mine.py").write_text("my work")
    code, told = fix(python)
    assert (code, told["treatment"]["outcome"]) == (0, "cured")
    (aside,) = told["treatment"]["rounds"][0]["kept"]
    assert Path(aside).read_text() == "my work"


def test_no_network(tmp_path: Path) -> None:
    python = environment(tmp_path / "env", "3.11", *BOTH)
    before = content(python)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    _, told = fix(python, **nowhere, PIP_FIND_LINKS="", PIP_EXTRA_INDEX_URL="")
    (row,) = told["treatment"]["rounds"]
    assert (row["outcome"], row["restored"]) == ("failed", True)
    assert "uninstall" not in "".join(did["command"] for did in row["ran"])
    assert content(python) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_in_the_middle_of_an_installation(tmp_path: Path, number: int) -> None:
    python = environment(tmp_path / "env", "3.11", *BOTH)
    before = content(python)
    command = [sys.executable, "-m", "ortdoctor", "check", "--fix", "--yes", "--python", str(python)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    assert child.stdout is not None
    for line in child.stdout:
        if "Successfully uninstalled" in line:
            child.send_signal(number)
            break
    if number == signal.SIGKILL:
        child.wait(timeout=120)
        told = fix(python)[1]
        while "another treatment" in str(told["treatment"]["rounds"]):
            time.sleep(1)  # pip outlives us, and goes on until it is done
            told = fix(python)[1]
        assert (told["treatment"]["recovered"], told["verdict"]) == ([], "healthy")
        return
    assert "every file is as it was" in child.stdout.read()
    child.wait(timeout=120)
    assert content(python) == before
