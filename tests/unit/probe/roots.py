"""Linux systems laid out in a folder, with ELF files of any architecture that nothing could run."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .sites import install

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

X86, ARM = 62, 183
TRIPLETS = {X86: "x86_64-linux-gnu", ARM: "aarch64-linux-gnu"}

#: Libraries that every system has beside libc.
BASE = ("libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1")


def elf_file(
    machine: int = X86,
    *,
    soname: str = "",
    needed: Sequence[str] = (),
    runpath: str = "",
    versions: Sequence[str] = (),
    interpreter: str = "",
    exec_stack: bool = False,
) -> bytes:
    """Return a 64-bit ELF file with these entries in its dynamic section; ``versions`` such as ``GLIBC_2.28``."""
    strings = b"\0"

    def string(text: str) -> int:
        nonlocal strings
        strings += text.encode() + b"\0"
        return len(strings) - len(text) - 1

    tags = [(1, string(name)) for name in needed]
    tags += [(14, string(soname))] if soname else []
    tags += [(29, string(runpath))] if runpath else []
    marks = [string(name) for name in versions]
    at_interpreter = string(interpreter)
    need = b""
    if marks:
        need = struct.pack("<HHIII", 1, len(marks), 0, 16, 0)
        for at, mark in enumerate(marks):
            need += struct.pack("<IHHII", 0, 0, 0, mark, 16 if at + 1 < len(marks) else 0)
    at_strings, at_need = 1024, 1024 + (len(strings) + 7) // 8 * 8
    size = at_need + len(need)
    tags += [(5, 0x1000 + at_strings), (10, len(strings))]
    tags += [(0x6FFFFFFE, 0x1000 + at_need), (0x6FFFFFFF, 1)] if marks else []
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in [*tags, (0, 0)])
    segments = [(1, 5, 0, size), (2, 6, 512, len(dynamic)), (0x6474E551, 7 if exec_stack else 6, 0, 0)]
    segments += [(3, 4, at_strings + at_interpreter, len(interpreter) + 1)] if interpreter else []
    ident = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    out = struct.pack("<16sHHIQQQIHHHHHH", ident, 3, machine, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    for kind, flags, offset, length in segments:
        out += struct.pack("<IIQQQQQQ", kind, flags, offset, 0x1000 + offset, 0, length, length, 8)
    return out.ljust(512, b"\0") + dynamic.ljust(512, b"\0") + strings.ljust(at_need - at_strings, b"\0") + need


def cache_file(entries: Mapping[str, str], *, old: bool = False) -> bytes:
    """Return ld.so.cache in glibc's newer format, or (``old``) behind the older one, as up to 2.31."""
    before = b""
    if old:
        before = b"ld.so-1.7.0\0" + struct.pack("<I", 1) + struct.pack("<iII", 3, 0, 0)
        before = before.ljust((len(before) + 7) // 8 * 8, b"\0")
    table, strings = b"", b""
    start = 48 + 24 * len(entries)
    for soname, path in entries.items():
        key = start + len(strings)
        strings += soname.encode() + b"\0"
        table += struct.pack("<iIIIQ", 0x303, key, start + len(strings), 0, 0)
        strings += path.encode() + b"\0"
    return before + b"glibc-ld.so.cache1.1" + struct.pack("<II20x", len(entries), len(strings)) + table + strings


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files under ``root`` by their absolute path; ``-> target`` is a symbolic link."""
    for absolute, content in files.items():
        path = root / absolute.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str) and content.startswith("-> "):
            path.symlink_to(content[3:])
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def system(root: Path, machine: int = X86, python: str = "3.10", glibc: str = "2.35") -> Path:
    """Lay out Debian's kind of system with one Python; return its folder of packages for what pip installs."""
    triplet = TRIPLETS[machine]
    loader = f"/lib64/ld-{triplet}.so"
    write(
        root,
        {
            "/etc/os-release": 'ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04"\n',
            "/bin/sh": elf_file(machine, needed=["libc.so.6"], interpreter=loader),
            f"/usr/bin/python{python}": elf_file(machine, needed=["libc.so.6"], interpreter=loader),
            "/usr/bin/python3": f"-> /usr/bin/python{python}",
            "/lib": "-> usr/lib",
            f"/usr/lib/{triplet}/libc.so.6": elf_file(machine, soname="libc.so.6")
            + f"GNU C Library (Ubuntu GLIBC {glibc}-0) stable release version {glibc}.\n".encode(),
            **{f"/usr/lib/{triplet}/{name}": elf_file(machine, soname=name) for name in BASE},
            f"/usr/lib/{triplet}/libstdc++.so.6": "-> libstdc++.so.6.0.30",
            f"/usr/lib/{triplet}/libstdc++.so.6.0.30": elf_file(machine, soname="libstdc++.so.6"),
            f"/usr/include/python{python}/patchlevel.h": f'#define PY_VERSION     "{python}.12"\n',
            f"/usr/lib/python{python}/os.py": "",
        },
    )
    site = root / f"usr/local/lib/python{python}/dist-packages"
    site.mkdir(parents=True)
    install(site, "numpy", "1.26.4", {"numpy/__init__.py": ""})
    install(site, "pip", "22.0.2", {"pip/__init__.py": ""})
    return site


def onnxruntime(
    site: Path,
    name: str = "onnxruntime",
    version: str = "1.19.2",
    *,
    machine: int = X86,
    tag: str = "310",
    files: Mapping[str, str | bytes] | None = None,
    **extension: object,
) -> Path:
    """Install a made-up onnxruntime whose extension is an ELF file; ``extension`` goes to :func:`elf_file`."""
    built = {"needed": ["libm.so.6", "libstdc++.so.6", "libc.so.6"], "versions": ["GLIBC_2.28"], **extension}
    native = f"onnxruntime/capi/onnxruntime_pybind11_state.cpython-{tag}-{TRIPLETS[machine]}.so"
    return install(
        site,
        name,
        version,
        {
            "onnxruntime/__init__.py": f'__version__ = "{version}"\n',
            "onnxruntime/capi/__init__.py": "",
            native: elf_file(machine, **built),  # type: ignore[arg-type]
            **(files or {}),
        },
    )
