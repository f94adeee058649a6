"""Every parser over the project's own texts."""

from __future__ import annotations

import codecs

import pytest

from ortdoctor.probe.texts import PARSERS, parse

from .samples import Sample, samples

_SAMPLES = samples()

_ids = [sample.id for sample in _SAMPLES]


@pytest.mark.parametrize("sample", _SAMPLES, ids=_ids)
def test_finds_what_is_there(sample: Sample) -> None:
    assert parse(sample.kind, sample.text) == sample.expected


def test_every_kind_has_samples() -> None:
    assert {sample.kind for sample in _SAMPLES} == set(PARSERS)


@pytest.mark.parametrize("sample", _SAMPLES, ids=_ids)
def test_windows_line_ends_and_a_byte_order_mark_change_nothing(sample: Sample) -> None:
    text = "\ufeff" + sample.text.replace("\r\n", "\n").replace("\n", "\r\n")
    assert parse(sample.kind, text) == sample.expected


@pytest.mark.parametrize("sample", _SAMPLES, ids=_ids)
def test_colours_change_nothing(sample: Sample) -> None:
    coloured = "\n".join("\x1b[1;32m" + line + "\x1b[0m" for line in sample.text.split("\n"))
    assert parse(sample.kind, coloured) == sample.expected


def _read_as_bytes(text: str) -> str:
    """Decode UTF-16 with its mark as the probe decodes any child: UTF-8, with replacement."""
    return (codecs.BOM_UTF16_LE + text.encode("utf-16-le")).decode("utf-8", "replace")


@pytest.mark.parametrize("sample", [s for s in _SAMPLES if s.text.isascii() and "\0" not in s.text], ids=lambda s: s.id)
def test_a_redirection_of_powershell_changes_nothing(sample: Sample) -> None:
    assert parse(sample.kind, _read_as_bytes(sample.text)) == sample.expected


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        parse("no-such-kind", "")
