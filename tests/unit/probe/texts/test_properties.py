"""No text makes a parser raise, hang or return what is no JSON; a log's prefix changes nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.probe.texts import PARSERS, parse
from ortdoctor.probe.texts._common import clean

from .samples import Sample, samples

_SAMPLES = samples()

_KINDS = sorted(PARSERS)

# What the grammars are made of: random letters alone would never get past the first pattern.
_FRAGMENTS = st.sampled_from(
    [
        *("NVIDIA-SMI ", "Driver Version: ", "CUDA Version: ", "| ", "|   0  ", "Off ", "00000000:01:00.0 ", "N/A "),
        *("1MiB / 2MiB", "MIG devices:", "Processes:", "GPU 0: ", "(UUID: ", "name, index", ", ", "release ", "V"),
        *("\n", "\r", "\0", "\x1b[", "\ufeff", '"cuda" : {', '"version" : "', "#define CUDNN_MAJOR ", "99999999999"),
        *(
            "ii  libcudnn8  ",
            ".so.1 (libc6) => /x",
            "ID=",
            '"',
            "'",
            "Name: ",
            "Version: ",
            "cudart64_",
            ".dll",
            "C:\\",
        ),
        *(
            "Failed to initialize NVML: ",
            "Unable to determine the device handle for GPU ",
            "CUDA\\v1.1",
            "nvcc: ",
            "1.2",
        ),
    ]
)

_TEXTS = st.one_of(
    st.text(max_size=200), st.lists(st.one_of(_FRAGMENTS, st.text(max_size=8)), max_size=40).map("".join)
)


def _check(kind: str, text: str) -> None:
    found = parse(kind, text)
    assert isinstance(found, dict)
    assert found, "nothing is found and no reason is given"
    assert json.loads(json.dumps(found)) == found


@settings(deadline=None, max_examples=300)
@given(kind=st.sampled_from(_KINDS), text=_TEXTS)
def test_no_parser_raises(kind: str, text: str) -> None:
    _check(kind, text)


@settings(deadline=None, max_examples=300)
@given(sample=st.sampled_from(_SAMPLES), data=st.data())
def test_no_parser_raises_on_a_damaged_sample(sample: Sample, data: st.DataObject) -> None:
    lines = sample.text.split("\n")
    order = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=2 * len(lines)))
    text = "\n".join(lines[number] for number in order) if data.draw(st.booleans()) else sample.text
    start, end = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))
    for kind in (sample.kind, data.draw(st.sampled_from(_KINDS))):
        _check(kind, text[min(start, end) : max(start, end)])


_PREFIXES = (
    "2026-03-04T05:06:07.8901234Z ",
    "2026-03-04 05:06:07,891 ",
    "[2026-03-04 05:06:07] INFO ",
    "2026-03-04T05:06:07.890123456+02:00 stdout F ",
    "Mar  4 05:06:07 box agent[812]: ",
)


@pytest.mark.parametrize("prefix", _PREFIXES)
def test_the_time_that_a_log_writes_changes_nothing(prefix: str) -> None:
    for sample in _SAMPLES:
        if clean(sample.text) != sample.text:
            continue  # it has a prefix, colours or NULs of its own
        text = "\n".join(prefix + line for line in sample.text.split("\n"))
        assert parse(sample.kind, text) == sample.expected, sample.id


_GARBAGE = (
    "a",
    " ",
    "0",
    "|",
    ":",
    "\n",
    "/",
    "1.",
    "GPU 0: x ",
    "00000000:00:04.0 Off ",
    "lib.so (x) => /y ",
    "nvcc: ",
)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("piece", _GARBAGE)
def test_garbage_is_told_in_bounded_work(kind: str, piece: str) -> None:
    """A pattern that is quadratic in a line's length never gets through this (the suite would hang)."""
    _check(kind, piece * (400_000 // len(piece)))
