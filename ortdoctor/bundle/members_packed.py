"""The members of a bundle in a ZIP or TAR file, read one by one and never unpacked to disk."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from ortdoctor.bundle.members import LARGEST_TOTAL, MOST_MEMBERS, Entry, Measured, Reader, inside, measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: What reading a damaged archive raises besides OSError.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)

_RECORD = 512
_FILES, _FOLDER = (tarfile.REGTYPE, tarfile.AREGTYPE), tarfile.DIRTYPE
_TAR_KINDS = {
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}


class ZipReader(Reader):
    """A ZIP file. ``ValueError`` where it is no readable one."""

    def __init__(self, path: Path) -> None:
        try:
            self._packed = zipfile.ZipFile(path)
        except _DAMAGED as error:
            raise ValueError(f"the ZIP file is damaged: {error}") from error
        self._members = self._packed.infolist()
        if len(self._members) > MOST_MEMBERS:
            self._packed.close()
            raise ValueError(f"it has more than {MOST_MEMBERS} members, which no bundle has")
        # orig_filename is the name as the file has it: filename is cut at a null and rid of backslashes.
        self._top = inside([member.orig_filename for member in self._members])

    def close(self) -> None:
        """Close the file."""
        self._packed.close()

    def entries(self) -> Iterator[Entry]:
        """Yield every member."""
        for member in self._members:
            name = member.orig_filename.removeprefix(self._top)
            if name:
                yield Entry(name.rstrip("/") or name, _zip_kind(member))

    def read(self, name: str, limit: int) -> bytes:
        """Return the first ``limit`` bytes of a file."""
        try:
            with self._packed.open(self._find()[name]) as stream:
                return stream.read(limit)
        except _DAMAGED as error:
            raise ValueError(f"{name} is damaged: {error}") from error

    def measure(self, limits: Mapping[str, int]) -> Iterator[Measured]:
        """Yield size and digest of each named file."""
        members = self._find()
        for name in sorted(limits):
            yield self._measure(name, members[name], limits[name])

    def _measure(self, name: str, member: zipfile.ZipInfo, limit: int) -> Measured:
        try:
            with self._packed.open(member) as stream:
                return measured(name, cast("BinaryIO", stream), limit)
        except (*_DAMAGED, OSError) as error:
            return Measured(name, 0, "", str(error))

    def _find(self) -> dict[str, zipfile.ZipInfo]:
        return {member.orig_filename.removeprefix(self._top): member for member in self._members}


def _zip_kind(member: zipfile.ZipInfo) -> str:
    if member.flag_bits & 1:
        return "encrypted file"
    # The upper half is the mode where the packer was a Unix one, and 0 from most others.
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return "symbolic link" if stat.S_ISLNK(mode) else "special file"
    return "folder" if member.orig_filename.endswith("/") else "file"


class TarReader(Reader):
    """A TAR file, compressed by gzip or not, read from front to back each time.

    Only plain headers are taken: tarfile would read a name of any length into memory, and apply it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as stream:
            self._squeezed = stream.read(2) == b"\x1f\x8b"
        self._headers = [header for header, _ in self._walk()]
        self._top = inside([_tar_name(header) for header in self._headers])

    def entries(self) -> Iterator[Entry]:
        """Yield every member."""
        for header in self._headers:
            name = _tar_name(header).removeprefix(self._top)
            if name:
                yield Entry(name.rstrip("/") or name, _tar_kind(header))

    def read(self, name: str, limit: int) -> bytes:
        """Return the first ``limit`` bytes of a file."""
        for header, stream in self._walk():
            if _tar_name(header).removeprefix(self._top) == name and header.type in _FILES:
                return stream.read(min(limit, header.size))
        return b""

    def measure(self, limits: Mapping[str, int]) -> Iterator[Measured]:
        """Yield size and digest of each named file, in the order of the archive."""
        for header, stream in self._walk():
            name = _tar_name(header).removeprefix(self._top)
            if name in limits and header.type in _FILES:
                found = measured(name, cast("BinaryIO", _Part(stream, header.size)), limits[name])
                cut = found.size < min(header.size, limits[name])
                yield Measured(name, found.size, found.sha256, "the archive ends inside it" if cut else None)

    def _walk(self) -> Iterator[tuple[tarfile.TarInfo, BinaryIO]]:
        """Yield each header and the stream, which stands where the member's data begin."""
        count = 0
        with self._path.open("rb") as raw:
            stream = _Counted(cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if self._squeezed else raw)
            while True:
                record = stream.read(_RECORD)
                if not record.strip(b"\0"):
                    return
                try:
                    header = tarfile.TarInfo.frombuf(record, "utf-8", "surrogateescape")
                except tarfile.HeaderError as error:
                    raise ValueError(f"the TAR file is damaged: {error}") from error
                if header.type not in (*_FILES, _FOLDER, *_TAR_KINDS):
                    raise ValueError("its TAR format is not plain (extended headers); pack it with --format=ustar")
                if header.size < 0:
                    raise ValueError("the TAR file is damaged: a member of negative size")
                count += 1
                if count > MOST_MEMBERS:
                    raise ValueError(f"it has more than {MOST_MEMBERS} members, which no bundle has")
                start = stream.position
                has_data = header.type not in (*_TAR_KINDS, _FOLDER)
                yield header, cast("BinaryIO", stream)
                stream.skip_to(start + (-(-header.size // _RECORD) * _RECORD if has_data else 0))


class _Counted:
    """A stream that knows its position and ends with ``ValueError`` past what any bundle unpacks to."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.position = 0

    def read(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except zlib.error as error:
            raise ValueError(f"the gzip data are damaged: {error}") from error
        self.position += len(data)
        if self.position > LARGEST_TOTAL:
            raise ValueError(f"it unpacks to more than {LARGEST_TOTAL} bytes, which no bundle does")
        return data

    def skip_to(self, position: int) -> None:
        while self.position < position:
            if not self.read(min(1 << 16, position - self.position)):
                return


class _Part:
    """The next ``size`` bytes of a stream."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


def _tar_name(header: tarfile.TarInfo) -> str:
    # frombuf takes the slash off a folder's name.
    return f"{header.name}/" if header.type == _FOLDER and not header.name.endswith("/") else header.name


def _tar_kind(header: tarfile.TarInfo) -> str:
    if header.type in _FILES:
        return "file"
    if header.type == _FOLDER:
        return "folder"
    return _TAR_KINDS[header.type]
