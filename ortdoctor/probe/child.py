"""Child processes that cannot hang the probe: a time limit, bounded output, no terminal, never a raise."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from typing import BinaryIO, Callable, Dict, List, NamedTuple, Optional, Tuple

#: Seconds that a child may take. nvidia-smi takes up to about 10 s on a box with many GPUs and no
#: persistence daemon; past that it hangs in the driver.
TIME_LIMIT = 20.0

#: Bytes of one stream that are kept.
OUTPUT_LIMIT = 1 << 20

#: Bytes of one stream past which a child is stopped: one that prints garbage for ever fills a disk in no time.
FLOOD_LIMIT = 32 << 20

#: Seconds between two looks at how much a child has printed, and between two at what it says while it is watched.
_LOOK = 0.1
_WATCH = 0.005

#: How the error of a child begins that was stopped at its limit.
LATE = "gave no answer within"


def _scratch() -> BinaryIO:
    """Return an unnamed file; it is in memory where no folder can be written to (a system that is read-only)."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("ortdoctor"), "w+b")
        return tempfile.TemporaryFile(dir="/dev/shm")  # Python 3.6 and 3.7


class Ran(NamedTuple):
    """What became of a child: ``exit`` is None when it could not start or was stopped at the limit."""

    command: str
    exit: Optional[int]
    out: str
    err: str
    error: Optional[str]

    @property
    def signal(self) -> Optional[str]:
        """Name of the signal that ended the child (``SIGSEGV``), or None."""
        if self.exit is None or self.exit >= 0:
            return None
        try:
            return signal.Signals(-self.exit).name
        except ValueError:
            return "signal %d" % -self.exit


def run(
    command: List[str],
    limit: float = TIME_LIMIT,
    env: Optional[Dict[str, str]] = None,
    cwd: Optional[str] = None,
    stdin: Optional[bytes] = None,
    *,
    watch: Optional[Callable[[str], bool]] = None,
) -> Ran:
    """Run ``command`` without a shell and return what became of it; never raises, never outlives ``limit``.

    ``watch`` is given what the child has printed so far, again and again until it returns True (where the
    platform can read a file beside its writer, which Windows cannot: it is not called there).

    Output goes to unnamed files rather than pipes: a grandchild that keeps a pipe open would hang a
    reader after the child itself was killed. The child leads a process group of its own (POSIX), so
    that stopping it stops what it started.
    """
    shown = " ".join(command)
    try:
        streams = _scratch(), _scratch()
    except OSError as error:
        return Ran(shown, None, "", "", "%s could not be started: nowhere to put its output: %s" % (command[0], error))
    with streams[0] as out, streams[1] as err:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=out,
                stderr=err,
                env=env,
                cwd=cwd,
                start_new_session=os.name == "posix",
            )
        except (OSError, ValueError) as error:
            return Ran(shown, None, "", "", "%s could not be started: %s" % (command[0], error))
        if stdin is not None:
            _feed(child, stdin)
        ended = _ended(child)
        trouble = _wait(ended, (out, err), limit, watch)
        if trouble is not None:
            _stop(child, ended)
            return Ran(shown, None, _read(out), _read(err), "%s %s" % (shown, trouble))
        return Ran(shown, child.returncode, _read(out), _read(err), None)


def _ended(child: "subprocess.Popen[bytes]") -> threading.Event:
    """Return what is set as soon as the child has ended: Popen.wait() with a limit looks only every 50 ms."""
    ended = threading.Event()

    def wait() -> None:
        child.wait()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


def _wait(
    ended: threading.Event, streams: Tuple[BinaryIO, ...], limit: float, watch: Optional[Callable[[str], bool]]
) -> Optional[str]:
    """Wait until the child ends; return why it has to be stopped where it does not."""
    deadline = time.monotonic() + limit
    while True:
        left = deadline - time.monotonic()
        if ended.wait(max(0.0, min(left, _WATCH if watch else _LOOK))):
            return None
        if watch and (not hasattr(os, "pread") or watch(_so_far(streams[0]))):
            watch = None
        if any(os.fstat(stream.fileno()).st_size > FLOOD_LIMIT for stream in streams):
            return "printed more than %d MiB and was stopped" % (FLOOD_LIMIT >> 20)
        if left <= 0:
            return "%s %g s" % (LATE, limit)


def _so_far(stream: BinaryIO) -> str:
    """Read without a seek: the place in the file is the child's, too."""
    return os.pread(stream.fileno(), OUTPUT_LIMIT, 0).decode("utf-8", "replace")


def _feed(child: "subprocess.Popen[bytes]", data: bytes) -> None:
    """Write to the child's standard input from a thread: a child that never reads must not block us."""

    def write() -> None:
        stream = child.stdin
        if stream is None:
            return
        try:
            stream.write(data)
            stream.close()
        except OSError:
            return  # the child ended first; its exit status says why

    threading.Thread(target=write, daemon=True).start()


def _stop(child: "subprocess.Popen[bytes]", ended: threading.Event) -> None:
    try:
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except OSError:
        return  # it ended by itself between the limit and here
    # A child stuck in the kernel (a hung driver) cannot be reaped: do not wait for it for ever.
    ended.wait(2)


def _read(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read(OUTPUT_LIMIT).decode("utf-8", "replace").replace("\r\n", "\n")
