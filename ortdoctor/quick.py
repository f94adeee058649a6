"""``ortdoctor check`` with flags alone: nothing in it can be wrong, and typer takes longer than the probe to say so."""

from __future__ import annotations

import sys

from ortdoctor.commands import check as command
from ortdoctor.commands.failures import end
from ortdoctor.probe.together import later


def check(*, as_json: bool = False, verbose: bool = False, strict: bool = False, ascii_only: bool = False) -> int:
    """Do what the command does and return its exit code."""
    try:
        return _check(command.Asked(strict=strict), as_json=as_json, verbose=verbose, ascii_only=ascii_only)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - what is a fault of ours is raised again
        return end(error)


def _check(asked: command.Asked, *, as_json: bool, verbose: bool, ascii_only: bool) -> int:
    judged = later(lambda: command.check(asked))
    if as_json:
        checked = judged()
        sys.stdout.write(checked.json() + "\n")
        sys.stdout.flush()
        return checked.exit_code
    from ortdoctor.report import screen  # noqa: PLC0415 - while the children run

    show = screen.printer(verbose=verbose, ascii_only=ascii_only)
    checked = judged()
    show(checked.report, checked.document, checked.causes)
    if (said := command.hint(asked, "ortdoctor")) is not None:
        print(said, file=sys.stderr)
    return checked.exit_code
