"""Python 3.6 finds in every text what this interpreter finds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ortdoctor.probe.texts import parse
from tests.interpreters import interpreter

from .samples import samples

_PROBE = Path(__file__).resolve().parents[4] / "ortdoctor" / "probe"

# The folder is loaded under another name and without its parent, as in a foreign interpreter.
_PROGRAM = """
import io, json, sys
sys.path.insert(0, sys.argv[1])
import texts
cases = json.loads(sys.stdin.buffer.read().decode("utf-8"))
print(json.dumps([texts.parse(kind, text) for kind, text in cases]))
"""


@pytest.mark.parametrize("version", ["3.6", "3.13"])
def test_another_python_finds_the_same(version: str) -> None:
    cases = [(sample.kind, sample.text) for sample in samples()]
    done = subprocess.run(
        [interpreter(version), "-I", "-c", _PROGRAM, str(_PROBE)],
        input=json.dumps(cases).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [parse(kind, text) for kind, text in cases]
