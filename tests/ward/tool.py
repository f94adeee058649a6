"""The tool as a user runs it: the command line of this source tree, a process of its own, in the patient's shell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.ward.bed import Bed

_ROOT = Path(__file__).resolve().parents[2]

#: ``-c`` puts the current folder first, which may hold a patient's files: the source tree takes its place.
_PROGRAM = f"import sys; sys.path[0] = {str(_ROOT)!r}; from ortdoctor.cli import main; main()"

#: Seconds for a check, and for a cure, which may download a gigabyte.
_CHECK_LIMIT, _FIX_LIMIT = 300, 2400


class Checked(NamedTuple):
    """A report of ``check --json``, its exit code and the seconds that it took."""

    report: dict[str, Any]
    exit_code: int
    seconds: float

    @property
    def verdict(self) -> str:
        return str(self.report["verdict"])

    @property
    def found(self) -> list[str]:
        """The ids of the findings, the first first."""
        return [row["id"] for row in self.report["findings"]]

    @property
    def errors(self) -> list[str]:
        """The ids of the findings that are errors."""
        return [row["id"] for row in self.report["findings"] if row["severity"] == "error"]

    @property
    def commands(self) -> list[str]:
        """The commands of the first finding that has any: what a person would run."""
        return next((row["remedy"]["commands"] for row in self.report["findings"] if row["remedy"]["commands"]), [])


def check(bed: Bed, *options: str) -> Checked:
    return _ran(bed, [*options, "--json"], _CHECK_LIMIT)


def fix(bed: Bed, *options: str) -> Checked:
    """Run the tool's own cure without a question; its report is the one after it."""
    return _ran(bed, [*options, "--fix", "--yes", "--json"], _FIX_LIMIT)


def _ran(bed: Bed, options: list[str], limit: float) -> Checked:
    command = [*bed.under, sys.executable, "-c", _PROGRAM, "check", "--python", str(bed.python), *options]
    started = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=limit, check=False, env=bed.env,
        cwd=bed.cwd, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    assert done.returncode in (0, 1, 3), f"exit {done.returncode}: {done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return Checked(json.loads(done.stdout), done.returncode, seconds)
