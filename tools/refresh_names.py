"""Names of libraries that a provider library opens at run time, in the bytes of that library."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

# Three families: since 1.28 ONNX Runtime opens cuDNN and cuFFT by itself, and nvrtc through the front end of cuDNN.
_LINUX = re.compile(rb"(?<=\0)lib(?:cudnn|cufft|nvrtc)\.so\.\d+(?:\.\d+)*(?=\0)")
_WINDOWS = re.compile(rb"(?<=\0)(?:cudnn|cufft|nvrtc)64_\d+(?:_\d+)?\.dll(?=\0)")
_WINDOWS_WIDE = re.compile(
    rb"(?<=\0\0)(?:c\0u\0d\0n\0n\0|c\0u\0f\0f\0t\0|n\0v\0r\0t\0c\0)6\x004\0(?:[0-9_]\0)+\.\0d\0l\0l\0(?=\0\0)"
)

#: mov r64, imm64 (REX.W or REX.WB, B8+r) with the first eight letters of a name.
_IMMEDIATE = re.compile(rb"[\x48\x49][\xb8-\xbf](libcudnn|libcufft|libnvrtc)", re.DOTALL)
_REST = re.compile(rb"[\x48\x49][\xb8-\xbf]([a-z.0-9]{8})", re.DOTALL)
#: How far behind its first half compilers were seen to put the second half (bytes).
_NEAR = 160


def linux_names(data: bytes | mmap, spans: list[tuple[int, int]], code: list[tuple[int, int]]) -> list[str]:
    """Return the versioned names in read-only data (``spans``: offset, size) and in x86_64 code (``code``).

    A short name has no bytes of its own where GCC builds the std::string in place: ``libcudnn.so.9`` is then
    two immediates, ``libcudnn`` and ``dnn.so.9``, overlapping.
    """
    found = {name.decode() for start, size in spans for name in _LINUX.findall(data, start, start + size)}
    for start, size in code:
        for match in _IMMEDIATE.finditer(data, start, start + size):
            near = data[match.end() : min(match.end() + _NEAR, start + size)]
            names = (joined(match.group(1).decode(), rest.decode()) for rest in _REST.findall(near))
            found.update([name for name in names if re.fullmatch(r"lib\w+\.so\.\d+(\.\d+)*", name)][:1])
    return sorted(found)


def joined(first: str, rest: str) -> str:
    """Return ``libcufft.so.12`` of ``libcufft`` and ``ft.so.12``: the longest overlap counts; else nothing."""
    overlap = next((size for size in range(len(rest), 0, -1) if first.endswith(rest[:size])), 0)
    return first + rest[overlap:] if overlap or rest.startswith(".so") else ""


def windows_names(data: bytes | mmap, spans: list[tuple[int, int]]) -> list[str]:
    """Return the names of DLLs in read-only data (``spans``: offset, size), single-byte and UTF-16."""
    found: set[bytes] = set()
    for start, size in spans:
        found.update(_WINDOWS.findall(data, start, start + size))
        found.update(name.replace(b"\0", b"") for name in _WINDOWS_WIDE.findall(data, start, start + size))
    return sorted(name.decode() for name in found)
