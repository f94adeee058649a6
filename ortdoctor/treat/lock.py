"""One treatment of an environment at a time; the lock ends with the last process that a treatment started."""

import os
from typing import Optional


class BusyError(Exception):
    """Another treatment of this environment is going on; ``str()`` is one sentence."""


def hold(path: str) -> Optional[int]:
    """Lock the file ``path`` and return its descriptor; None where the platform has no such locks (Windows).

    Children inherit it: an installer that outlives a killed treatment still counts as one. Raises :class:`BusyError`.
    """
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return None
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise BusyError(
            "another treatment of this environment is going on, or what it started still is (%s is locked)" % path
        ) from error
    os.set_inheritable(held, True)  # noqa: FBT003 - it takes no name
    return held


def release(held: Optional[int]) -> None:
    """Give the lock back."""
    if held is not None:
        os.close(held)
