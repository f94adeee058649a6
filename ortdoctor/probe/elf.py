"""Read from an ELF file what the dynamic loader reads: architecture, soname, needs, search paths, versions.

Everything is reached through the program headers (PT_DYNAMIC, and PT_LOAD to turn addresses into file
offsets), as the loader does it: section headers are not needed at run time and may be stripped.
Layouts and constants: System V gABI chapters 4 and 5, LSB "Symbol Versioning", glibc's ``elf.h``.
"""

import os
import re
import stat
import struct
from typing import BinaryIO, Dict, List, NamedTuple, Optional, Tuple

#: e_machine values of boxes that ONNX Runtime is built for; others are shown as ``0x..``.
_MACHINES = {3: "i686", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64"}

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP, _PT_GNU_STACK = 1, 2, 3, 0x6474E551
_PF_X = 1
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH = 0, 1, 5, 10, 14, 15
_DT_RUNPATH, _DT_FLAGS_1, _DT_VERNEED, _DT_VERNEEDNUM = 29, 0x6FFFFFFB, 0x6FFFFFFE, 0x6FFFFFFF
_DF_1_NODEFLIB = 0x800

#: Bounds that no real library comes near; a hostile file meets them before it costs time or memory.
_MOST_HEADERS, _MOST_DYNAMIC, _MOST_VERSIONS, _LONGEST_STRING = 4096, 4096, 4096, 16384

_NUMBERS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,5}$")


class ElfError(ValueError):
    """The file is no ELF file, or is cut or broken where the loader would read; ``str()`` is a sentence."""


class Elf(NamedTuple):
    """What one ELF file tells the loader.

    ``machine`` is spelled as Context.arch. ``rpath`` and ``runpath`` are the entries as written
    (``$ORIGIN`` not expanded; an empty entry is the current folder). ``glibc`` and ``glibcxx`` are the
    newest ``GLIBC_x`` and ``GLIBCXX_x`` that it needs. ``exec_stack`` is None where there is no
    PT_GNU_STACK, which x86 loaders take for a demand. ``default_dirs`` is False with DF_1_NODEFLIB.
    """

    machine: str
    bits: int
    little: bool
    interpreter: Optional[str]
    soname: Optional[str]
    needed: List[str]
    rpath: List[str]
    runpath: List[str]
    glibc: Optional[str]
    glibcxx: Optional[str]
    exec_stack: Optional[bool]
    default_dirs: bool


class _Segment(NamedTuple):
    kind: int
    flags: int
    offset: int
    address: int
    size: int


def read(path: str) -> Elf:
    """Read the file ``path``; raises ElfError where it is no whole ELF file, OSError as open()."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ElfError("%s is not a regular file" % path)  # opening a pipe would wait for its other end
    with open(path, "rb") as stream:
        return _File(stream, path).elf()


class _File:
    """One open file: where it is read, every size and offset is checked against the file first."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self.stream = stream
        self.path = path
        self.length = os.fstat(stream.fileno()).st_size
        ident = self.bytes_at(0, min(16, self.length), "the identification")
        if ident[:4] != b"\x7fELF":
            raise ElfError("%s is not an ELF file: it begins with %r" % (path, ident[:4]))
        if len(ident) < 16 or ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise ElfError("%s has an ELF identification that names no known class or byte order" % path)
        self.bits = 32 * ident[4]
        self.order = "<" if ident[5] == 1 else ">"

    def bytes_at(self, offset: int, size: int, what: str) -> bytes:
        """Return ``size`` bytes at ``offset``; the file being shorter is an ElfError that names ``what``."""
        if offset < 0 or size < 0 or offset + size > self.length:
            raise ElfError(
                "%s is cut or broken: %s should lie at byte %d, %d long, but the file has %d bytes"
                % (self.path, what, offset, size, self.length)
            )
        self.stream.seek(offset)
        data = self.stream.read(size)
        if len(data) != size:
            raise ElfError("%s was cut while %s was read" % (self.path, what))
        return data

    def fields(self, layout: str, offset: int, what: str) -> Tuple[int, ...]:
        """Unpack ``layout`` (struct letters, without byte order) at ``offset``."""
        layout = self.order + layout
        return struct.unpack(layout, self.bytes_at(offset, struct.calcsize(layout), what))

    def elf(self) -> Elf:
        """Read the parts that make an Elf."""
        word = "Q" if self.bits == 64 else "I"
        header = self.fields("HHI%s%s%sIHHHHHH" % (word, word, word), 16, "the ELF header")
        machine, table, entry_size, count = header[1], header[4], header[8], header[9]
        segments = self.segments(table, entry_size, count)
        dynamic = self.dynamic(segments)
        strings = _Strings(self, segments, dynamic)
        versions = self.versions(segments, dynamic, strings) if _DT_VERNEED in dynamic else []
        interpreter = [self.interpreter(part) for part in segments if part.kind == _PT_INTERP]
        sonames = strings.named(_DT_SONAME)
        stack = [bool(part.flags & _PF_X) for part in segments if part.kind == _PT_GNU_STACK]
        return Elf(
            machine=_MACHINES.get(machine, "0x%x" % machine),
            bits=self.bits,
            little=self.order == "<",
            interpreter=interpreter[0] if interpreter else None,
            soname=sonames[-1] if sonames else None,
            needed=strings.named(_DT_NEEDED),
            rpath=_folders(strings.named(_DT_RPATH)),
            runpath=_folders(strings.named(_DT_RUNPATH)),
            glibc=_newest(versions, "GLIBC_"),
            glibcxx=_newest(versions, "GLIBCXX_"),
            exec_stack=stack[-1] if stack else None,
            default_dirs=not dynamic.get(_DT_FLAGS_1, [0])[-1] & _DF_1_NODEFLIB,
        )

    def segments(self, table: int, entry_size: int, count: int) -> List[_Segment]:
        """Read the program headers."""
        layout = "IIQQQQQQ" if self.bits == 64 else "IIIIIIII"
        size = struct.calcsize(self.order + layout)
        if count and entry_size != size:
            raise ElfError("%s has program headers of %d bytes instead of %d" % (self.path, entry_size, size))
        if count > _MOST_HEADERS:
            raise ElfError("%s claims %d program headers" % (self.path, count))
        data = self.bytes_at(table, size * count, "the program header table")
        segments = []
        for entry in struct.iter_unpack(self.order + layout, data):
            if self.bits == 64:
                kind, flags, offset, address, _, length = entry[:6]
            else:
                kind, offset, address, _, length, _, flags = entry[:7]
            if kind == _PT_LOAD and offset + length > self.length:
                # The loader maps what is not there, and the first look at it ends the process with SIGBUS.
                raise ElfError(
                    "%s is cut: it should have at least %d bytes and has %d" % (self.path, offset + length, self.length)
                )
            segments.append(_Segment(kind, flags, offset, address, length))
        return segments

    def dynamic(self, segments: List[_Segment]) -> Dict[int, List[int]]:
        """Read the dynamic section up to DT_NULL: tag to its values in order; empty in a static program."""
        parts = [part for part in segments if part.kind == _PT_DYNAMIC]
        if not parts:
            return {}
        layout = self.order + ("qQ" if self.bits == 64 else "iI")
        size = struct.calcsize(layout)
        length = min(parts[0].size // size, _MOST_DYNAMIC) * size
        data = self.bytes_at(parts[0].offset, length, "the dynamic section")
        tags: Dict[int, List[int]] = {}
        for tag, value in struct.iter_unpack(layout, data):
            if tag == _DT_NULL:
                return tags
            tags.setdefault(tag, []).append(value)
        raise ElfError("%s has a dynamic section without an end (DT_NULL)" % self.path)

    def offset(self, segments: List[_Segment], address: int, what: str) -> int:
        """Return the file offset of a virtual address, through the loaded segments."""
        for part in segments:
            if part.kind == _PT_LOAD and part.address <= address < part.address + part.size:
                return address - part.address + part.offset
        raise ElfError("%s keeps %s at the address 0x%x, which is in no segment" % (self.path, what, address))

    def interpreter(self, part: _Segment) -> str:
        """Return the path in PT_INTERP."""
        if part.size > _LONGEST_STRING:
            raise ElfError("%s names a program interpreter of %d bytes" % (self.path, part.size))
        return _text(self.bytes_at(part.offset, part.size, "the interpreter's name"))

    def versions(self, segments: List[_Segment], dynamic: Dict[int, List[int]], strings: "_Strings") -> List[str]:
        """Return the names of all versions that the file needs: the chains of Verneed and Vernaux."""
        names: List[str] = []
        left = dynamic.get(_DT_VERNEEDNUM, [0])[-1]
        if left > _MOST_VERSIONS:
            raise ElfError("%s claims to need versions of %d libraries" % (self.path, left))
        need = self.offset(segments, dynamic[_DT_VERNEED][-1], "its version needs")
        for _ in range(left):
            _, count, _, first, following = self.fields("HHIII", need, "a version need")
            entry = need + first
            for _ in range(count):
                _, _, _, name, step = self.fields("IHHII", entry, "the name of a needed version")
                names.append(strings.at(name))
                if len(names) > _MOST_VERSIONS:
                    raise ElfError("%s claims to need more than %d versions" % (self.path, _MOST_VERSIONS))
                if not step:
                    break
                entry += step
            if not following:
                break
            need += following
        return names


class _Strings:
    """The dynamic string table, of which only the strings asked for are read: it can be tens of megabytes."""

    def __init__(self, file: _File, segments: List[_Segment], dynamic: Dict[int, List[int]]) -> None:
        self.file = file
        self.dynamic = dynamic
        self.size = dynamic.get(_DT_STRSZ, [0])[-1]
        self.start: Optional[int] = None
        if _DT_STRTAB in dynamic:
            self.start = file.offset(segments, dynamic[_DT_STRTAB][-1], "its string table")

    def at(self, index: int) -> str:
        """Return the string at ``index`` of the table."""
        path = self.file.path
        if self.start is None or index >= self.size:
            raise ElfError("%s points at byte %d of a string table of %d" % (path, index, self.size))
        begin = self.start + index
        longest = min(self.size - index, _LONGEST_STRING, max(self.file.length - begin, 0))
        for size in (min(256, longest), longest):
            data = self.file.bytes_at(begin, size, "a string")
            if b"\0" in data:
                return _text(data)
        raise ElfError("%s has a string at byte %d of its string table that does not end" % (path, index))

    def named(self, tag: int) -> List[str]:
        """Return the strings of all dynamic entries of this tag."""
        return [self.at(index) for index in self.dynamic.get(tag, [])]


def _text(data: bytes) -> str:
    """Decode up to the first NUL; what is no UTF-8 is escaped, so that the text can be printed and saved."""
    return data.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _folders(values: List[str]) -> List[str]:
    """Split search paths; the last entry of a tag is the one that counts, as in glibc."""
    return values[-1].split(":") if values else []


def _newest(versions: List[str], prefix: str) -> Optional[str]:
    """Return the newest version of a family without its prefix (``2.28``)."""
    # GLIBC_PRIVATE and GLIBC_ABI_DT_RELR are marks, not versions.
    tails = [name[len(prefix) :] for name in versions if name.startswith(prefix)]
    numbers = [tuple(map(int, tail.split("."))) for tail in tails if _NUMBERS.match(tail)]
    return ".".join(map(str, max(numbers))) if numbers else None
