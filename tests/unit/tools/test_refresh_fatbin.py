"""GPU code is read from headers as NVIDIA's fatbinary writes them, compressed or not."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.refresh_fatbin import FatbinError, code_order, gpu_code, lz4_head

PTX, ELF = 1, 2
LZ4, ZSTD, ONLY_THIS, FAMILY = 0x2000, 0x8000, 0x100000, 0x200000


def entry(kind: int, sm: int, flags: int = 0x11, payload: bytes = b"\1" * 8, header: int = 64) -> bytes:
    head = struct.pack("<HHIQIIHHIIIQQQ", kind, 0x101, header, len(payload), 0, 64, 1, 8, sm, 0, 0, flags, 0, 0)
    return head.ljust(header, b"\7") + payload


def container(*entries: bytes) -> bytes:
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def cubin(flags: int, abi: int = 7) -> bytes:
    head = bytearray(64)
    head[:9] = b"\x7fELF\2\1\1\x33" + bytes([abi])
    head[48:52] = struct.pack("<I", flags)
    return bytes(head)


def literals(data: bytes) -> bytes:
    """Return an LZ4 block that says ``data`` without a match."""
    rest = len(data) - 15
    return bytes([0xF0]) + b"\xff" * (rest // 255) + bytes([rest % 255]) + data


def codes(data: bytes) -> dict[str, int]:
    return gpu_code(data, 0, len(data))


def test_codes_are_counted_over_containers() -> None:
    first = container(entry(PTX, 90, header=80), entry(ELF, 86))
    data = b"\0" * 8 + first + b"\0" * 16 + container(entry(ELF, 86, ZSTD)) + b"\0" * 24
    assert codes(data) == {"PTX_90": 1, "SASS_86": 2}
    assert list(codes(data)) == ["PTX_90", "SASS_86"]


@pytest.mark.parametrize(("flags", "suffix"), [(0, ""), (ONLY_THIS, "a"), (FAMILY, "f"), (0x1000000, "")])
def test_flags_of_cuda_13_tell_the_suffix(flags: int, suffix: str) -> None:
    # 0x1000000 is set for every sm from 100 on.
    data = container(entry(ELF, 100, ZSTD | flags, header=112), entry(PTX, 100, ZSTD | flags, header=80))
    assert set(codes(data)) == {f"SASS_100{suffix}", f"PTX_100{suffix}"}


@pytest.mark.parametrize(
    ("payload", "flags", "name"),
    [
        (cubin(0x5A0D5A), 0x11, "SASS_90a"),  # ptxas 12.4 -arch sm_90a
        (cubin(0x5A055A), 0x11, "SASS_90"),
        (literals(cubin(0x5A0D5A)), LZ4, "SASS_90a"),
        (literals(cubin(0x5A055A)), LZ4, "SASS_90"),
        (cubin(0x6005A0C, abi=8), 0x11, "SASS_90"),  # another layout of e_flags: the entry's flags tell
        (b"\x28\xb5\x2f\xfd" * 4, ZSTD, "SASS_90"),
    ],
)
def test_a_cubin_of_cuda_12_tells_its_suffix_itself(payload: bytes, flags: int, name: str) -> None:
    assert codes(container(entry(ELF, 90, flags, payload))) == {name: 1}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x50\xed\x55\xba" + b"\1" * 12, "past its section"),
        (b"\1" * 32, "a fat binary was expected at byte 0"),
        (container(entry(3, 90)), "is of kind 3"),
        (container(struct.pack("<HHIQIIHHIIIQ", 2, 1, 0, 0, 0, 0, 0, 0, 90, 0, 0, 0)), "a header of 0 bytes"),
    ],
)
def test_what_is_no_fat_binary_is_said(data: bytes, words: str) -> None:
    with pytest.raises(FatbinError, match=words):
        codes(data)


def test_lz4_matches_overlap_what_they_write() -> None:
    # "ab", then six bytes from two back, then the literal "!".
    block = bytes([0x22]) + b"ab" + b"\x02\x00" + bytes([0x10]) + b"!"
    assert lz4_head(block, 100) == b"abababab!"
    assert lz4_head(block, 5) == b"ababa"


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 80))
def test_lz4_head_of_anything_ends(data: bytes, size: int) -> None:
    assert len(lz4_head(data, size)) <= size


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([PTX, ELF]), st.sampled_from([37, 75, 90, 120]), st.sampled_from([0, ONLY_THIS])),
        max_size=12,
    ),
    st.integers(0, 5),
)
def test_every_entry_is_found(wanted: list[tuple[int, int, int]], gap: int) -> None:
    data = b"".join(container(entry(kind, sm, ZSTD | flags)) + bytes(8 * gap) for kind, sm, flags in wanted)
    expected: dict[str, int] = {}
    for kind, sm, flags in wanted:
        name = f"{'PTX' if kind == PTX else 'SASS'}_{sm}{'a' if flags else ''}"
        expected[name] = expected.get(name, 0) + 1
    assert codes(data) == expected
    assert list(codes(data)) == sorted(expected, key=code_order)
