"""What several steps of one probe need, found once: the first that asks does the work, the others wait for it."""

import threading
from typing import Any, Callable, Dict, TypeVar

Made = TypeVar("Made")


class Memo:
    """The results of one :func:`ortdoctor.probe.collect.collect`, by name; it ends with it.

    ``full`` says that onnxruntime is imported and tried.
    """

    def __init__(self, full: bool = True) -> None:
        self.full = full
        self._lock = threading.Lock()
        self._locks: Dict[str, threading.Lock] = {}
        self._made: Dict[str, Any] = {}

    def get(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what ``make`` returned when ``name`` was first asked for; where it raises, the next one tries."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._made:
                self._made[name] = make()
            result: Made = self._made[name]
            return result
