"""``ortdoctor check`` with flags alone: what a probe that began ahead gives is what the command prints."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from ortdoctor import __main__ as program
from ortdoctor import cli
from ortdoctor.cli import quick
from ortdoctor.probe import ahead
from tests.recorded import machine


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    document: dict[str, Any] = machine("linux-no-onnxruntime")["document"]
    monkeypatch.setattr(ahead, "collect", lambda **_: document)
    return document


def test_the_document_of_the_probe_that_began_is_taken_once(
    recorded: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead.begin("1.0")
    assert ahead.collected("1.0") is recorded
    monkeypatch.setattr(ahead, "collect", lambda **_: {"later": True})
    assert ahead.collected("1.0") == {"later": True}


def test_flags_alone_are_read_without_typer(
    recorded: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "main", lambda: pytest.fail("typer was asked"))
    monkeypatch.setattr(sys, "argv", ["ortdoctor", "check", "--json", "--strict"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    report = json.loads(capsys.readouterr().out)
    assert (ended.value.code, report["verdict"]) == (1, "problems")
    assert report["facts"] == recorded["facts"]


@pytest.mark.parametrize("arguments", [["check", "--python"], ["check", "--facts"], ["matrix"], [], ["check", "-"]])
def test_whatever_may_be_wrong_is_typers_to_read(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(cli, "main", lambda: called.append("typer"))
    monkeypatch.setattr(ahead, "begin", lambda _: called.append("probe"))
    monkeypatch.setattr(quick, "check", lambda **_: called.append("quick"))
    monkeypatch.setattr(sys, "argv", ["ortdoctor", *arguments])
    program.main()
    assert called == ["typer"]
