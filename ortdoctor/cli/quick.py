"""``ortdoctor check`` with flags alone: nothing in it can be wrong, so typer need not read it, which takes 0.2 s."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from ortdoctor.cli.check import check as command
from ortdoctor.cli.failures import guarded


def check(*, as_json: bool = False, verbose: bool = False, strict: bool = False, ascii_only: bool = False) -> NoReturn:
    """Run the command and exit with its code."""
    try:
        guarded(command)(as_json=as_json, verbose=verbose, strict=strict, ascii_only=ascii_only)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    sys.exit(0)
