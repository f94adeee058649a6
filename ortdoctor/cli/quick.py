"""``ortdoctor check`` with flags alone: nothing in it can be wrong, so typer need not read it, which takes 0.2 s."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from ortdoctor.cli.check import check as command
from ortdoctor.cli.failures import guarded


def check(flags: dict[str, bool]) -> NoReturn:
    """Run the command with ``flags`` and exit with its code."""
    try:
        guarded(command)(**flags)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    sys.exit(0)
