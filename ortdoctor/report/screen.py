"""The report of a check for people: in colour on a terminal, else as the plain text that the zipapp prints."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ortdoctor.diagnose.judge import Report


def printer(*, verbose: bool = False, ascii_only: bool = False) -> Callable[..., None]:
    """Return what prints a report, its facts and the causes; what it needs is loaded now, not when it is called.

    FORCE_COLOR asks for colour in a file or a pipe, too, as rich takes it.
    """
    if os.environ.get("FORCE_COLOR") or (sys.stdout is not None and sys.stdout.isatty()):
        from ortdoctor.report.console import print_report  # noqa: PLC0415 - rich takes a third of a whole check
        from ortdoctor.report.terminal import Terminal  # noqa: PLC0415 - as above

        return functools.partial(print_report, Terminal(), verbose=verbose, ascii_only=ascii_only)
    from ortdoctor.report import text  # noqa: PLC0415 - as above

    def show(report: Report, document: dict[str, Any], causes: Sequence[dict[str, Any]]) -> None:
        if sys.stdout is None:  # it was closed before we started
            return
        name = sys.stdout.encoding or "ascii"
        said = text.render(report, document, causes, verbose, ascii_only or not text.encodes(name))
        # Names in facts may hold what the stream's encoding has not.
        sys.stdout.write(said.encode(name, "backslashreplace").decode(name))
        sys.stdout.flush()

    return show
