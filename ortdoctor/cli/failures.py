"""Ends a command of typer's as :mod:`ortdoctor.commands.failures` says."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from ortdoctor.commands.failures import failure

P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that what users can cause ends in a sentence on stderr, never in a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except typer.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:
            told = failure(error)
            if told is None:
                raise
            if told.sentence is None:
                sys.stderr.close()
            else:
                typer.echo(f"ortdoctor: {told.sentence}", err=True)
            raise typer.Exit(told.exit_code) from error

    return run
