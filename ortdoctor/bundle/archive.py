"""Pack a bundle into one file; the same files give the same bytes, whoever packs them and when."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

from ortdoctor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The one folder that everything in an archive lies in, whatever the archive is called.
TOP = "ortdoctor-bundle"

_SUFFIXES = {".zip": "zip", ".tar.gz": "tar.gz", ".tgz": "tar.gz"}
#: The first moment that ZIP can name; TAR takes the same, in seconds since 1970, as 0.
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o644


def archive_format(name: str) -> str | None:
    """Return ``zip`` or ``tar.gz`` by the suffix of a file name; None for any other."""
    lower = name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if lower.endswith(suffix)), None)


def archive_name(name: str, wanted: bool | str) -> tuple[str, str]:
    """Return the file name and format for ``-o name`` with ``archive=wanted``; a missing suffix is added.

    ``wanted`` may name the format; :class:`UsageError` where it is unknown or contradicts the suffix.
    """
    told = archive_format(name)
    if wanted is True:
        return (name, told) if told else (f"{name}.zip", "zip")
    kind = {"tgz": "tar.gz"}.get(str(wanted), str(wanted)).lstrip(".")
    if kind not in {"zip", "tar.gz"}:
        raise UsageError(f"an archive is zip or tar.gz, not {wanted!r}.")
    if told and told != kind:
        raise UsageError(f"the output {name!r} ends like a {told} archive, and {kind} was asked for.")
    return (name if told else f"{name}.{kind}"), kind


def pack(files: Mapping[str, bytes], kind: str) -> bytes:
    """Return the archive of ``files``: members sorted, times, owners and modes fixed."""
    members = [(f"{TOP}/{name}", files[name]) for name in sorted(files)]
    return zipped(members) if kind == "zip" else _tar_gz(members)


def zipped(members: list[tuple[str, bytes]], shebang: bytes = b"", stored: tuple[str, ...] = ()) -> bytes:
    """Return a ZIP archive of ``members`` (name, content) in their order: times, owners and modes fixed.

    Members whose names end in one of ``stored`` are not compressed.
    """
    stream = io.BytesIO()
    stream.write(shebang)  # before the archive is begun, so that its offsets count it
    with zipfile.ZipFile(stream, "w") as packed:
        for name, data in members:
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(stored) else zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on every system: the mode below is only read then
            entry.external_attr = (0o100000 | _FILE_MODE) << 16
            packed.writestr(entry, data, compresslevel=9)
    return stream.getvalue()


def _tar_gz(members: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    # No name and no time in the gzip header; USTAR has no room for anything of this machine.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=9, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as packed,
    ):
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), _FILE_MODE, 0
            packed.addfile(entry, io.BytesIO(data))
    return stream.getvalue()
