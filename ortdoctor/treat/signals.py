"""What ends a treatment (Ctrl-C, SIGTERM, SIGHUP), and when it has to wait."""

import contextlib
import signal
import threading
from typing import Any, Iterator

_NAMES = ("SIGTERM", "SIGHUP")


class Stopped(BaseException):  # noqa: N818 - named as KeyboardInterrupt is
    """The program was told to end: like Ctrl-C, nothing on the way may take it for an error of its own."""


@contextlib.contextmanager
def stopping() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise :class:`Stopped`, so that everything is put back before the end."""

    def stop(number: int, _: Any) -> None:
        raise Stopped(number)

    with _handled(_NAMES, stop):
        yield


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off an end while an environment is put back: half of that is worse than either side of it."""
    with _handled(("SIGINT", *_NAMES), signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handled(names: Any, handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
