"""What a native library of a wheel says: needs, search path, versions of the C library, GPU code, names it opens."""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING, NamedTuple

import pefile
from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from tools.refresh_fatbin import gpu_code
from tools.refresh_names import linux_names, windows_names

if TYPE_CHECKING:
    from pathlib import Path

#: Execute permission of a section: SHF_EXECINSTR (System V gABI).
_EXECUTABLE = 0x4


class Native(NamedTuple):
    """``gpu_code`` counts entries of the fat binary by name; ``run_time``: names opened, that are not needed.

    ``rpath`` is DT_RUNPATH, else DT_RPATH, as it is written. ``glibc`` and ``glibcxx`` are the newest symbol
    versions needed. A DLL has neither.
    """

    needed: list[str]
    run_time: list[str]
    gpu_code: dict[str, int]
    rpath: str = ""
    glibc: str = ""
    glibcxx: str = ""


def read_native(path: Path) -> Native | None:
    """Read an ELF or a PE library; None for any other file. ValueError where it is broken."""
    with path.open("rb") as stream:
        magic = stream.read(4)
        if magic[:4] != b"\x7fELF" and magic[:2] != b"MZ":
            return None
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _elf(data, ELFFile(stream)) if magic[:1] == b"\x7f" else _pe(data)
            except (ELFError, pefile.PEFormatError) as error:
                raise ValueError(f"{path.name} cannot be read: {error}") from error


def _elf(data: mmap.mmap, elf: ELFFile) -> Native:
    sections = list(elf.iter_sections())
    tags: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RPATH": [], "DT_RUNPATH": []}
    versions: list[str] = []
    for section in sections:
        if isinstance(section, DynamicSection):
            for tag in section.iter_tags():
                if tag.entry.d_tag in tags:
                    tags[tag.entry.d_tag].append(getattr(tag, tag.entry.d_tag.removeprefix("DT_").lower()))
        elif isinstance(section, GNUVerNeedSection):
            versions += [version.name for _, names in section.iter_versions() for version in names]
    spans = {section.name: (section["sh_offset"], section["sh_size"]) for section in sections}
    # aarch64 has no 8-byte immediates: names are whole in .rodata there.
    x86 = elf["e_machine"] == "EM_X86_64"
    code = [
        (section["sh_offset"], section["sh_size"])
        for section in sections
        if x86 and section["sh_flags"] & _EXECUTABLE and section["sh_type"] == "SHT_PROGBITS"
    ]
    needed = sorted(tags["DT_NEEDED"])
    names = linux_names(data, [spans[".rodata"]] if ".rodata" in spans else [], code)
    return Native(
        needed=needed,
        run_time=[name for name in names if name not in needed],
        gpu_code=gpu_code(data, *spans[".nv_fatbin"]) if ".nv_fatbin" in spans else {},
        rpath=":".join(tags["DT_RUNPATH"] or tags["DT_RPATH"]),
        glibc=newest(versions, "GLIBC_"),
        glibcxx=newest(versions, "GLIBCXX_"),
    )


def _pe(data: mmap.mmap) -> Native:
    image = pefile.PE(data=data, fast_load=True)
    folders = ("IMAGE_DIRECTORY_ENTRY_IMPORT", "IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT")
    image.parse_data_directories([pefile.DIRECTORY_ENTRY[name] for name in folders])
    imports = getattr(image, "DIRECTORY_ENTRY_IMPORT", []) + getattr(image, "DIRECTORY_ENTRY_DELAY_IMPORT", [])
    # A section name has eight bytes at most, so .nv_fatbin is cut.
    spans = {
        section.Name.rstrip(b"\0").decode("latin-1"): (
            section.PointerToRawData,
            min(section.SizeOfRawData, section.Misc_VirtualSize),
        )
        for section in image.sections
    }
    needed = sorted({entry.dll.decode("ascii") for entry in imports}, key=str.lower)
    names = windows_names(data, [spans[name] for name in (".rdata", ".data") if name in spans])
    lower = {name.lower() for name in needed}
    found = Native(
        needed=needed,
        run_time=[name for name in names if name.lower() not in lower],
        gpu_code=gpu_code(data, *spans[".nv_fatb"]) if ".nv_fatb" in spans else {},
    )
    image.close()
    return found


def newest(versions: list[str], prefix: str) -> str:
    """Return the newest number of a family (``2.28`` of GLIBC_2.28); GLIBC_PRIVATE and the like are none."""
    numbers = [name.removeprefix(prefix) for name in versions if re.fullmatch(prefix + r"\d+(\.\d+)*", name)]
    return max(numbers, key=lambda text: [int(part) for part in text.split(".")], default="")
