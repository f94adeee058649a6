from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ortdoctor.pocket import main, start
from tests.interpreters import interpreter


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 5, 10)])
def test_an_old_interpreter_gets_a_sentence(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = ".".join(map(str, version))
    monkeypatch.setattr(sys, "version_info", (*version, "final", 0))
    monkeypatch.setattr(sys, "version", f"{shown} (default)")
    monkeypatch.setattr(sys, "argv", ["ortdoctor.pyz", "check"])
    assert start.main() == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(f"ortdoctor: expected Python 3.6 or later, found Python {shown} (")
    assert error.count("\n") == 1


@pytest.mark.parametrize("version", [(3, 6, 0), (3, 14, 0), (4, 0, 0)])
def test_a_newer_interpreter_runs_the_command_line(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, "final", 0))
    monkeypatch.setattr(sys, "argv", ["ortdoctor.pyz", "check", "--json"])
    monkeypatch.setattr(main, "main", lambda arguments: 3 if arguments == ["check", "--json"] else 9)
    assert start.main() == 3


def test_a_real_python_27_reads_it() -> None:
    done = subprocess.run(
        [interpreter("2.7"), Path(start.__file__)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ortdoctor: expected Python 3.6 or later, found Python 2.7.")
    assert done.stderr.count("\n") == 1
