"""Where reports in colour are printed."""

from __future__ import annotations

import contextlib

from rich.console import Console


class Terminal(Console):
    """A console whose reader may have what it wanted before the end (``| head``): rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Leave what becomes of it to whoever maps exceptions to exit codes."""
        with contextlib.suppress(SystemExit):
            super().on_broken_pipe()  # what is left in the buffer must not fail once more at the end
        raise BrokenPipeError
