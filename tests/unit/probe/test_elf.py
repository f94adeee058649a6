import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortdoctor.probe import elf

from .native import library


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("elf")
    other = library(folder / "libother.so.1", soname="libother.so.1")
    code = '#include <stdio.h>\nint answer(void); int say(void) { return printf("%d", answer()); }'
    options = ["-Wl,-rpath,$ORIGIN/../a:/opt/b", "-Wl,--enable-new-dtags", "-Wl,-z,noexecstack"]
    return library(folder / "libone.so", "libone.so.7", [other], options, code).read_bytes()


def written(folder: Path, data: bytes) -> str:
    path = folder / "lib.so"
    path.write_bytes(data)
    return str(path)


def test_tells_what_a_library_was_linked_with(sample: bytes, tmp_path: Path) -> None:
    read = elf.read(written(tmp_path, sample))
    assert read.soname == "libone.so.7"
    assert read.needed[0] == "libother.so.1"
    assert "libc.so.6" in read.needed
    assert (read.rpath, read.runpath) == ([], ["$ORIGIN/../a", "/opt/b"])
    assert read.exec_stack is False
    assert read.default_dirs
    assert read.interpreter is None
    assert read.bits == struct.calcsize("P") * 8


def test_tells_rpath_an_executable_stack_and_nodeflib(tmp_path: Path) -> None:
    options = ["-Wl,-rpath,/opt/a", "-Wl,--disable-new-dtags", "-Wl,-z,execstack", "-Wl,-z,nodefaultlib"]
    read = elf.read(str(library(tmp_path / "libold.so", options=options)))
    assert (read.rpath, read.runpath) == (["/opt/a"], [])
    assert read.exec_stack is True
    assert not read.default_dirs


def libraries_of_this_machine() -> list[str]:
    """Return the interpreter and libraries that it has loaded: real files of this system's own making."""
    with Path("/proc/self/maps").open() as maps:
        paths = {line.split(None, 5)[5].strip() for line in maps if "/" in line}
    return sorted({os.path.realpath(sys.executable), *(path for path in paths if ".so" in path)})


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf, to compare with")
def test_agrees_with_readelf_on_real_libraries() -> None:
    compared = 0
    for path in libraries_of_this_machine():
        read = elf.read(path)
        env = dict(os.environ, LC_ALL="C")
        text = subprocess.run(["readelf", "-dVlW", path], check=True, capture_output=True, text=True, env=env).stdout
        assert read.needed == re.findall(r"\(NEEDED\).*\[(.*)\]", text), path
        assert [read.soname] == (re.findall(r"\(SONAME\).*\[(.*)\]", text) or [None]), path
        assert ":".join(read.runpath) == "".join(re.findall(r"\(RUNPATH\).*\[(.*)\]", text)), path
        assert ":".join(read.rpath) == "".join(re.findall(r"\(RPATH\).*\[(.*)\]", text)), path
        needs = text.partition("Version needs section")[2]
        for prefix, told in (("GLIBC_", read.glibc), ("GLIBCXX_", read.glibcxx)):
            found = [tuple(map(int, v.split("."))) for v in re.findall(rf"Name: {prefix}([0-9.]+)\b", needs)]
            assert told == (".".join(map(str, max(found))) if found else None), path
        stack = re.findall(r"GNU_STACK\s+(?:0x\S+\s+){5}(R?W?E?)", text)
        assert read.exec_stack == ("E" in stack[0] if stack else None), path
        compared += 1
    assert compared > 5


@pytest.mark.parametrize("content", [b"", b"\x7fEL", b"\x7fELF", b"version https://git-lfs", b"\x7fELF" + b"\0" * 60])
def test_what_is_no_elf_file_is_an_elf_error_with_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(elf.ElfError, match=re.escape(path) + " "):
        elf.read(path)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.so")
    with pytest.raises(elf.ElfError, match="not a regular file"):
        elf.read(str(tmp_path / "pipe.so"))


def test_every_cut_is_told_or_harmless(sample: bytes, tmp_path: Path) -> None:
    whole = elf.read(written(tmp_path, sample))
    refused = 0
    for length in range(0, len(sample), 97):
        read = read_or_none(written(tmp_path, sample[:length]))
        assert read in (None, whole)  # what lies behind the last byte that is read are section headers
        refused += read is None
    assert refused > 50


def test_a_file_that_lacks_what_the_loader_would_map_is_cut(tmp_path: Path) -> None:
    """What the loader reads itself may stand at the front; to touch what is behind it ends the process."""
    code = "const char big[1 << 20] = {1}; int answer(void) { return big[7]; }"
    path = library(tmp_path / "big.so", code=code, options=["-Wl,-z,noseparate-code"])
    content = bytearray(path.read_bytes())
    table = struct.unpack_from("<Q", content, 32)[0]
    size, count = struct.unpack_from("<HH", content, 54)
    for at in range(table, table + size * count, size):
        if struct.unpack_from("<I", content, at)[0] == 1:  # PT_LOAD claims more than the file has
            struct.pack_into("<Q", content, at + 32, len(content) * 2)
    path.write_bytes(content)
    with pytest.raises(elf.ElfError, match="is cut"):
        elf.read(str(path))


def read_or_none(path: str) -> elf.Elf | None:
    try:
        return elf.read(path)
    except elf.ElfError:
        return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_give_an_elf_or_an_elf_error(data: st.DataObject, sample: bytes, tmp_path: Path) -> None:
    broken = bytearray(sample)
    # The headers and the dynamic section are where a flip matters; elsewhere it is data.
    places = st.one_of(st.integers(0, 1023), st.integers(0, len(sample) - 1))
    for position, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        broken[position] = byte
    read = read_or_none(written(tmp_path, bytes(broken)))  # anything but an ElfError fails here
    assert read is None or read.bits in (32, 64)


def made_up(bits: int, order: str, tags: list[tuple[int, int]], strings: bytes, machine: int = 62) -> bytes:
    """Make a file of one PT_LOAD, one PT_DYNAMIC and no sections; strings at 0x1000 + 512, dynamic at 0x1000 + 256."""
    word = "Q" if bits == 64 else "I"
    header = struct.calcsize(order + "16sHHI" + 3 * word + "IHHHHHH")
    entry = struct.calcsize(order + ("IIQQQQQQ" if bits == 64 else "IIIIIIII"))
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + b"\0" * 9
    dynamic = b"".join(struct.pack(order + word * 2, tag, value) for tag, value in [*tags, (0, 0)])
    size = 512 + len(strings)
    out = struct.pack(
        order + "16sHHI" + 3 * word + "IHHHHHH", ident, 3, machine, 1, 0, header, 0, 0, header, entry, 2, 0, 0, 0
    )
    for kind, offset, length in ((1, 0, size), (2, 256, len(dynamic))):
        address = 0x1000 + offset
        if bits == 64:
            out += struct.pack(order + "IIQQQQQQ", kind, 5, offset, address, 0, length, length, 8)
        else:
            out += struct.pack(order + "IIIIIIII", kind, offset, address, 0, length, length, 5, 8)
    return out.ljust(256, b"\0") + dynamic.ljust(256, b"\0") + strings


STRTAB = [(5, 0x1200)]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_reads_both_classes_and_byte_orders(bits: int, order: str, tmp_path: Path) -> None:
    strings = b"\0libx.so.1\0liby.so\0/a::/b\0"
    tags = [*STRTAB, (10, len(strings)), (1, 1), (14, 11), (29, 19)]
    read = elf.read(written(tmp_path, made_up(bits, order, tags, strings, machine=183)))
    assert (read.machine, read.bits, read.little) == ("aarch64", bits, order == "<")
    assert (read.soname, read.needed, read.runpath) == ("liby.so", ["libx.so.1"], ["/a", "", "/b"])
    assert (read.glibc, read.glibcxx, read.exec_stack) == (None, None, None)


def test_an_unknown_machine_is_shown_by_its_number(tmp_path: Path) -> None:
    assert elf.read(written(tmp_path, made_up(64, "<", [], b"", machine=0x1234))).machine == "0x1234"


def test_a_static_program_needs_nothing(tmp_path: Path) -> None:
    data = bytearray(made_up(64, "<", [], b""))
    data[64 + 56 : 64 + 60] = struct.pack("<I", 0)  # PT_DYNAMIC becomes PT_NULL
    assert elf.read(written(tmp_path, bytes(data))).needed == []


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ([*STRTAB, (10, 4), (1, 400)], "points at byte 400"),
        ([*STRTAB, (10, 1 << 40), (1, 1)], "does not end|cut or broken"),
        ([(5, 0x99999999), (10, 4), (1, 1)], "in no segment"),
        ([(1, 1)], "string table"),
        ([*STRTAB, (10, 64), (0x6FFFFFFE, 0x1200), (0x6FFFFFFF, 1 << 31)], "versions of 2147483648"),
    ],
    ids=["beyond", "endless", "nowhere", "no table", "too many"],
)
def test_hostile_tables_are_refused_with_a_reason(tags: list[tuple[int, int]], said: str, tmp_path: Path) -> None:
    with pytest.raises(elf.ElfError, match=said):
        elf.read(written(tmp_path, made_up(64, "<", tags, b"\0abc" + b"x" * 60)))


def test_version_chains_that_never_end_are_cut_off(tmp_path: Path) -> None:
    """vn_cnt may say 65,535 with a step of one byte each: the bound on names ends it."""
    need = struct.pack("<HHIII", 1, 0xFFFF, 0, 16, 0)
    strings = need + b"\x01\x00\x00\x00" * 40000
    tags = [*STRTAB, (10, len(strings)), (0x6FFFFFFE, 0x1200), (0x6FFFFFFF, 1)]
    with pytest.raises(elf.ElfError):
        elf.read(written(tmp_path, made_up(64, "<", tags, strings)))
