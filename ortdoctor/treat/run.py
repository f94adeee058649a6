"""Running what takes minutes: output is told as it comes, the end of it is kept, Ctrl-C ends it with all it started."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from typing import Callable, Deque, Dict, List, NamedTuple, Optional

#: Seconds for one command. The CUDA libraries are 2 to 3 GB, and a slow line takes its time.
LIMIT = 2 * 60 * 60.0

#: Lines of output that a report keeps.
TAIL = 40

#: Seconds that a command has to end by itself after it was asked to.
_GRACE = 5.0

#: Settings that would make pip write somewhere else than into the environment, or ask.
_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PYTHONHOME", "__PYVENV_LAUNCHER__")

Tell = Callable[[str], None]


class Ran(NamedTuple):
    """What became of a command: ``exit`` is None where it could not start or was stopped; ``error`` says which."""

    exit: Optional[int]
    tail: List[str]
    seconds: float
    error: Optional[str] = None

    @property
    def ok(self) -> bool:
        """Whether it went through."""
        return self.exit == 0


def run(argv: List[str], tell: Tell, cwd: str, limit: float = LIMIT) -> Ran:
    """Run ``argv`` and tell its output line by line.

    Whatever is raised meanwhile (Ctrl-C) is raised again once the command and its children are ended.
    """
    began = time.monotonic()
    tail: Deque[str] = deque(maxlen=TAIL)
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment(),
            close_fds=False,  # the lock of a treatment is the only one that is passed on
            start_new_session=os.name == "posix",
        )
    except (OSError, ValueError) as error:
        return Ran(None, [], 0.0, "%s could not be started: %s" % (argv[0], error))
    reader = threading.Thread(target=_read, args=(child, tail, tell), daemon=True)
    try:
        reader.start()
        child.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        _stop(child)
        return Ran(None, list(tail), time.monotonic() - began, "it was stopped after %g s" % limit)
    except BaseException:
        _stop(child)
        raise
    reader.join(timeout=_GRACE)
    return Ran(child.returncode, list(tail), time.monotonic() - began)


def environment() -> Dict[str, str]:
    """Return the variables for a command: this process's own, without what would lead pip elsewhere."""
    kept = {name: text for name, text in os.environ.items() if name not in _ELSEWHERE}
    quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off"}
    return dict(kept, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8", NO_COLOR="1", **quiet)


def _read(child: "subprocess.Popen[bytes]", tail: Deque[str], tell: Tell) -> None:
    if child.stdout is None:
        return
    for raw in iter(child.stdout.readline, b""):
        line = raw.decode("utf-8", "replace").rstrip()
        tail.append(line)
        tell(line)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """End the command and what it started; it has a moment to tidy up."""
    for name in ("SIGTERM", "SIGKILL"):
        try:
            if os.name == "posix":
                os.killpg(child.pid, getattr(signal, name))
            else:
                child.kill()
        except OSError:
            pass  # it has ended by itself
        try:
            child.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            continue
        return
