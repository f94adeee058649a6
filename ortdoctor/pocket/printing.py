"""Printing to whatever standard output is: an ASCII terminal, a closed pipe, nothing at all."""

import os
import sys
from typing import Optional, TextIO


def encoding() -> Optional[str]:
    """Return the encoding of standard output; None where there is none."""
    return getattr(sys.stdout, "encoding", None)


def out(text: str) -> None:
    """Print ``text`` as it is; :class:`OSError` where it could not be printed, so that nobody takes it for told."""
    try:
        _print(sys.stdout, text)
    except OSError:
        # What is left in the buffer would fail once more at the end, and change the exit code.
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        raise


def err(sentence: str) -> None:
    """Print a sentence to standard error, where there is one."""
    try:
        _print(sys.stderr, sentence + "\n")
    except OSError:
        return  # nobody is left to be told


def _print(stream: Optional[TextIO], text: str) -> None:
    if stream is None:  # it was closed before we started
        return
    name = stream.encoding or "ascii"
    stream.write(text.encode(name, "backslashreplace").decode(name))
    stream.flush()
