"""Ways in which the output of a command or a file goes wrong, as hypothesis draws them."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: Examples of the whole folder; ``ORTDOCTOR_CORRUPTIONS=20000 pytest tests/corruptions`` looks for longer.
TOTAL = int(os.environ.get("ORTDOCTOR_CORRUPTIONS", "1000"))

#: What gets in between: colours, NULs, other languages, numbers without end, bytes that are no text, templates.
GARBAGE = (
    *(b"\0", b"\0" * 70, b"\x1b[31m", b"\x1b]0;x\x07", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\r", b"\x85"),
    b"\xe2\x80\xa8",
    *(b"9" * 400, b"-1", b"1e999", b"NaN", b"0x", b".", b"..", b"99999999999999999999.9", b"\xd9\xa3", b"\xc2\xb2"),
    *("驱动程序版本".encode(), b"Treiberversion: unbekannt", b"Fehler: Zugriff verweigert"),
    *(b"%s", b"{x}", b"{0}", b"$(x)", b"`x`", b'"', b"'", b"\\", b",", b"|", b"]", b"}", b"=> ", b"../../../"),
    *(b"Segmentation fault (core dumped)\n", b"Traceback (most recent call last):\n", b"killed\n", b"a" * 5000),
)


def share(part: float) -> settings:
    """Return settings for ``part`` of the examples."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(deadline=None, max_examples=max(1, round(part * TOTAL)), suppress_health_check=slow)


@st.composite
def corrupted(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw ``data`` with one to three things gone wrong."""
    for _ in range(draw(st.integers(1, 3))):
        data = _once(draw, data)
    return data


def _once(draw: st.DrawFn, data: bytes) -> bytes:
    how = draw(st.sampled_from(["empty", "cut", "head", "flip", "insert", "drop", "double", "swap", "again"]))
    at = draw(st.integers(0, len(data)))
    lines = data.split(b"\n")
    line, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    if how == "empty":
        return b""
    if how == "cut":
        return data[:at]
    if how == "head":
        return data[at:]
    if how == "flip":
        flipped = bytearray(data)
        for _ in range(draw(st.integers(1, 8)) if data else 0):
            flipped[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        return bytes(flipped)
    if how == "insert":
        return data[:at] + draw(st.sampled_from(GARBAGE)) + data[at:]
    if how == "drop":
        del lines[line : line + draw(st.integers(1, 5))]
    elif how == "double":
        lines[line:line] = lines[min(line, other) : max(line, other) + 1]
    elif how == "swap":
        lines[line], lines[other] = lines[other], lines[line]
    else:
        lines *= 3
    return b"\n".join(lines)
