"""The members of a bundle, whether it is a folder, a ZIP or a TAR file, without unpacking anything.

A reader gives names and kinds, and reads a member up to a limit: what an archive says of its own sizes is not
believed, and a member that unpacks to more than the manifest allows is left after that many bytes.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

LARGEST_MANIFEST = 1 << 20
#: A model has 2 GiB at most (Protocol Buffers); golden data of a large picture come to far less again.
LARGEST_TOTAL = 4 << 30
#: More members than any bundle has: a list that would not end is left there.
MOST_MEMBERS = 4096

_BLOCK = 1 << 16
_DRIVE = re.compile(r"[A-Za-z]:")
#: Names that Windows takes for a device in any folder and with any extension.
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{name}{number}" for name in ("COM", "LPT") for number in range(1, 10))}


@dataclass(frozen=True)
class Entry:
    """A member: its name in the bundle with ``/``, and ``file``, ``folder`` or what else it is."""

    name: str
    kind: str


@dataclass(frozen=True)
class Measured:
    """What a file turned out to be; ``size`` is more than its limit where reading stopped there."""

    name: str
    size: int
    sha256: str
    error: str | None = None


class Reader(ABC):
    """Members of one bundle; ``packed`` says that it is an archive. A context manager."""

    packed = True

    def __enter__(self) -> Reader:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - a folder has nothing to close
        """Let go of what is open."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Yield every member, folders too, in the order of the bundle."""

    @abstractmethod
    def read(self, name: str, limit: int) -> bytes:
        """Return the first ``limit`` bytes of a file."""

    @abstractmethod
    def measure(self, limits: Mapping[str, int]) -> Iterator[Measured]:
        """Yield size and digest of each file named in ``limits``, read to one byte past its limit at most."""


def name_problem(name: str) -> str | None:
    """Return why a member of this name would not land inside its folder on every system; None where it does."""
    if not name or "\0" in name:
        return "its name is empty or holds a null character"
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in name):
        return "its name holds a control character or bytes that are no text"
    if name.startswith("/") or _DRIVE.match(name):
        return "its name is absolute"
    if "\\" in name:
        return "its name holds a backslash, which is a folder on Windows"
    if ":" in name:
        return "its name holds a colon, which is a drive or a hidden stream on Windows"
    parts = name.rstrip("/").split("/")
    if ".." in parts:
        return "its name leads out of the bundle"
    if "" in parts or "." in parts:
        return "its name has an empty part"
    for part in parts:
        if part[-1] in " ." or part.partition(".")[0].upper() in _DEVICES:
            return "Windows takes its name for another"
    return None


def inside(names: list[str]) -> str:
    """Return the one folder, with ``/``, that holds everything of an archive, or ``""``."""
    tops = {name.partition("/")[0] for name in names}
    if len(tops) != 1 or any("/" not in name for name in names):
        return ""
    top = tops.pop()
    return "" if name_problem(top) else f"{top}/"


def measured(name: str, stream: BinaryIO, limit: int) -> Measured:
    """Read ``stream`` to its end or one byte past ``limit``, whichever comes first."""
    digest, size = hashlib.sha256(), 0
    while size <= limit:
        block = stream.read(min(_BLOCK, limit + 1 - size))
        if not block:
            break
        digest.update(block)
        size += len(block)
    return Measured(name, size, digest.hexdigest())


def printable(name: str) -> str:
    """Return a name for people: what a terminal would act on, or cannot show, becomes an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in name
    )
