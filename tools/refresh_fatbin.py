"""GPU code in a CUDA fat binary: machine code (SASS) and PTX per compute capability, without a CUDA toolkit.

Section ``.nv_fatbin`` (``.nv_fatb`` in a DLL) is a run of containers, each 16 bytes (``<IHHQ``: magic, version,
size of this header, size of what follows) and then entries. NVIDIA documents neither. The layout is the one of
NVIDIA's own ``fatbinary`` 13.0, tried on what it wrote for sm_90, 90a, 100, 100a, 100f, 120, 120a and 120f:

====== ======= ===========================================================================
offset type    field
====== ======= ===========================================================================
0      u16     kind: 1 PTX, 2 ELF (a cubin: machine code)
4      u32     size of this entry's header (64, or more where options follow)
8      u64     size of the payload, padded
16     u32     size of the payload where it is compressed
28     u32     sm number: 86, 90, 120
40     u64     flags: 0x2000 LZ4, 0x8000 Zstandard, 0x100000 only this sm (``a``), 0x200000 its family (``f``)
====== ======= ===========================================================================

Toolkits before 13 leave the flag for ``a`` out: there the cubin's own e_flags tell (0x800, EF_CUDA_ACCELERATORS
of LLVM's ELF.h, in cubins of ABI version 7, as ptxas 12.4 and 12.8 write them).
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

MAGIC = 0xBA55ED50
_CONTAINER = struct.Struct("<IHHQ")
_ENTRY = struct.Struct("<HHIQIIHHIIIQ")
_FORMS = {1: "PTX", 2: "SASS"}
_LZ4, _ONLY_THIS, _FAMILY = 0x2000, 0x100000, 0x200000
_ELF_HEAD = 52  # e_flags of a 64-bit ELF file is its bytes 48 to 51


class FatbinError(ValueError):
    """The section is not the run of containers that it should be; ``str()`` is a sentence."""


def gpu_code(data: bytes | mmap, start: int, size: int) -> dict[str, int]:
    """Return ``{"SASS_90a": 600, "PTX_120": 38}``: in how many entries each code is, in order."""
    found = Counter(_code(data, at) for at in _entries(data, start, start + size))
    return {name: found[name] for name in sorted(found, key=code_order)}


def code_order(name: str) -> tuple[str, int, str]:
    """Sort key: PTX before SASS, numbers by value, ``SASS_90`` before ``SASS_90a``."""
    form, _, target = name.partition("_")
    return form, int(re.sub(r"\D", "", target)), target


def _entries(data: bytes | mmap, at: int, end: int) -> Iterator[int]:
    """Yield the offset of every entry; containers are aligned to 8 bytes, with zeros between and after them."""
    while at + _CONTAINER.size <= end:
        magic, _, header, size = _CONTAINER.unpack_from(data, at)
        if magic != MAGIC:
            if data[at : at + 8] != bytes(8):
                raise FatbinError(f"a fat binary was expected at byte {at}, found {data[at : at + 8]!r}")
            at += 8
            continue
        entry, last = at + header, at + header + size
        if header < _CONTAINER.size or last > end:
            raise FatbinError(f"the fat binary at byte {at} says it is {header} + {size} bytes, past its section")
        while entry + _ENTRY.size <= last:
            yield entry
            fields = _ENTRY.unpack_from(data, entry)
            if fields[2] < _ENTRY.size:
                raise FatbinError(f"the entry at byte {entry} has a header of {fields[2]} bytes")
            entry += fields[2] + fields[3]
        at = last + -(last - at) % 8


def _code(data: bytes | mmap, at: int) -> str:
    fields = _ENTRY.unpack_from(data, at)
    kind, header, sm, flags = fields[0], fields[2], fields[8], fields[11]
    if kind not in _FORMS:
        raise FatbinError(f"the entry at byte {at} is of kind {kind}; 1 (PTX) and 2 (ELF) are known")
    suffix = "a" if flags & _ONLY_THIS else "f" if flags & _FAMILY else ""
    if kind == 2 and not suffix:
        payload = data[at + header : at + header + 4 * _ELF_HEAD]
        suffix = "a" if _accelerated(lz4_head(payload, _ELF_HEAD) if flags & _LZ4 else payload) else ""
    return f"{_FORMS[kind]}_{sm}{suffix}"


def _accelerated(cubin: bytes) -> bool:
    """Tell whether a cubin of ABI version 7 is for its very own sm; later ones are told by the entry's flags."""
    if cubin[:4] != b"\x7fELF" or len(cubin) < _ELF_HEAD or cubin[8] != 7:
        return False
    return bool(int.from_bytes(cubin[48:52], "little") & 0x800)


def lz4_head(data: bytes, size: int) -> bytes:
    """Return the first ``size`` bytes of an LZ4 block (the format's specification, "Sequences"), or fewer."""
    out = bytearray()
    at = 0
    while at < len(data) and len(out) < size:
        token = data[at]
        literals, at = _length(data, at + 1, token >> 4)
        out += data[at : at + literals]
        at += literals
        if at + 2 > len(data) or len(out) >= size:
            break
        distance = int.from_bytes(data[at : at + 2], "little")
        match, at = _length(data, at + 2, token & 15)
        if not 0 < distance <= len(out):
            break
        for _ in range(min(match + 4, size - len(out))):
            out.append(out[-distance])
    return bytes(out[:size])


def _length(data: bytes, at: int, length: int) -> tuple[int, int]:
    """Return a length and where it ends: 15 goes on in further bytes, as long as they are 255."""
    if length == 15:
        while at < len(data):
            length += data[at]
            at += 1
            if data[at - 1] != 255:
                break
    return length, at
