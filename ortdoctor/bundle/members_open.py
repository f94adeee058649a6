"""Which reader a bundle needs: told by its content, not by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortdoctor.bundle.members_folder import FolderReader
from ortdoctor.bundle.members_packed import TarReader, ZipReader

if TYPE_CHECKING:
    from pathlib import Path

    from ortdoctor.bundle.members import Reader

#: The marks of a ZIP file that has members and of one that has none (APPNOTE.TXT 4.3.7, 4.3.16).
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")

#: The mark of a gzip stream (RFC 1952, 2.3.1).
_GZIP = b"\x1f\x8b"

#: The mark of a TAR header and where it stands (POSIX ustar).
_USTAR, _USTAR_AT = b"ustar", 257


def open_reader(path: Path) -> Reader:
    """Return the reader for what is at ``path``; ``ValueError`` where it is no folder and no such archive."""
    if path.is_dir():
        return FolderReader(path)
    if not path.is_file():
        raise ValueError("it is neither a folder nor a file")
    with path.open("rb") as stream:
        start = stream.read(_USTAR_AT + len(_USTAR))
    if start.startswith(_ZIP):
        return ZipReader(path)
    if start.startswith(_GZIP) or start[_USTAR_AT:] == _USTAR:
        return TarReader(path)
    raise ValueError("it is neither a folder nor a .zip, .tar or .tar.gz archive")
