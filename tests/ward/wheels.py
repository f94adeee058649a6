"""Real wheels to change: fetched once, unpacked, edited, packed again with a RECORD that fits."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import shutil
import struct
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.ward.bed import home, made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PT_GNU_STACK, _EXECUTABLE = 0x6474E551, 1


def fetched(requirement: str, python: str, *platforms: str) -> Path:
    """Return a wheel of the index, kept between runs; ``platforms`` are the tags that may be chosen from."""
    folder = home() / "wheels" / f"{requirement}-{python}-{platforms[-1]}"

    def make() -> None:
        folder.mkdir(parents=True)
        tags = [word for tag in platforms for word in ("--platform", tag)]
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", *tags]
        command += ["--python-version", python, "-d", str(folder), requirement]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            pytest.skip(f"no wheel of {requirement} for {platforms[-1]}: {done.stderr[-300:]}")

    return next(made(folder, make).glob("*.whl"))


def rebuilt(wheel: Path, edit: Callable[[Path], None], name: str, folder: Path) -> Path:
    """Return the wheel called ``name`` in ``folder``: ``wheel`` after ``edit`` changed its unpacked files.

    RECORD is written anew, as whoever builds such a wheel would do.
    """
    inside = folder / "unpacked"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(inside)
    edit(inside)
    record = next(inside.glob("*.dist-info/RECORD"))
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for path in sorted(path for path in inside.rglob("*") if path.is_file() and path != record):
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        writer.writerow([path.relative_to(inside), f"sha256={digest}", path.stat().st_size])
    writer.writerow([record.relative_to(inside), "", ""])
    record.write_text(rows.getvalue(), encoding="utf-8")
    out = folder / name
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in sorted(inside.rglob("*")):
            file.write(path, path.relative_to(inside))
    shutil.rmtree(inside)
    return out


def ask_for_executable_stack(library: Path) -> None:
    """Set the flag that a linker sets for an object without a note on its stack (64-bit ELF)."""
    content = bytearray(library.read_bytes())
    (start,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    for offset in range(start, start + size * count, size):
        kind, flags = struct.unpack_from("<II", content, offset)
        if kind == _PT_GNU_STACK:
            struct.pack_into("<I", content, offset + 4, flags | _EXECUTABLE)
            library.write_bytes(content)
            return
    raise AssertionError(f"{library.name} has no PT_GNU_STACK")


def need_version(library: Path, prefix: str, newer: str) -> None:
    """Let a library need ``newer`` ("GLIBC_2.99") where it needs the newest version that starts with ``prefix``.

    The names have one length. It is what the linker of a newer system writes: the name, and its hash beside it.
    """
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerNeedSection

    content = bytearray(library.read_bytes())
    elf = ELFFile(io.BytesIO(bytes(content)))
    section = next(part for part in elf.iter_sections() if isinstance(part, GNUVerNeedSection))
    strings = elf.get_section(section["sh_link"])
    names = {aux.name for _, needed in section.iter_versions() for aux in needed}
    older = next(name for name in sorted(names) if name.startswith(prefix) and len(name) == len(newer))
    at = content.index(older.encode() + b"\0", strings["sh_offset"])
    content[at : at + len(newer)] = newer.encode()
    offset = section["sh_offset"]
    old_hash, new_hash = (struct.pack("<I", _hash(name)) for name in (older, newer))
    end = offset + section["sh_size"]
    assert old_hash in content[offset:end]
    content[offset:end] = content[offset:end].replace(old_hash, new_hash)
    library.write_bytes(content)


def _hash(name: str) -> int:
    """Return the hash of a name as the System V ABI defines it."""
    found = 0
    for byte in name.encode():
        found = (found << 4) + byte
        high = found & 0xF0000000
        found = (found ^ (high >> 24)) & ~high
    return found & 0xFFFFFFFF
