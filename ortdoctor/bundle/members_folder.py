"""The members of a bundle that is a folder. Symbolic links are named, never followed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from ortdoctor.bundle.members import MOST_MEMBERS, Entry, Measured, Reader, measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISLNK, "symbolic link"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


class FolderReader(Reader):
    """A folder; ``root`` itself may be reached through a link, nothing in it may."""

    packed = False

    def __init__(self, root: Path) -> None:
        self._root = root

    def entries(self) -> Iterator[Entry]:
        """Yield every member, sorted by folder."""
        waiting, count = [""], 0
        while waiting:
            folder = waiting.pop()
            for name in sorted(entry.name for entry in (self._root / folder).iterdir()):
                count += 1
                if count > MOST_MEMBERS:
                    raise ValueError(f"it has more than {MOST_MEMBERS} members, which no bundle has")
                whole = f"{folder}{name}"
                kind = _kind((self._root / whole).lstat().st_mode)
                yield Entry(whole, kind)
                if kind == "folder":
                    waiting.append(f"{whole}/")

    def read(self, name: str, limit: int) -> bytes:
        """Return the first ``limit`` bytes of a file."""
        with self._open(name) as stream:
            return stream.read(limit)

    def measure(self, limits: Mapping[str, int]) -> Iterator[Measured]:
        """Yield size and digest of each named file."""
        for name in sorted(limits):
            yield self._measure(name, limits[name])

    def _measure(self, name: str, limit: int) -> Measured:
        try:
            with self._open(name) as stream:
                return measured(name, stream, limit)
        except OSError as error:
            return Measured(name, 0, "", str(error.strerror or error))

    def _open(self, name: str) -> BinaryIO:
        """Open a file that may have become a link or a pipe since it was listed: neither is followed or waited for."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self._root / name, flags), "rb")


def _kind(mode: int) -> str:
    return next((kind for test, kind in _KINDS if test(mode)), "special file")
