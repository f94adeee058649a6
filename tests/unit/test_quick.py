"""``ortdoctor check`` with flags alone goes past typer and prints the same."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from ortdoctor import __main__ as program
from ortdoctor import cli, quick
from ortdoctor.commands import machine
from ortdoctor.errors import FactsError
from tests import recorded


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    document: dict[str, Any] = recorded.machine("linux-no-onnxruntime")["document"]
    monkeypatch.setattr(machine, "facts_document", lambda *_, **__: document)
    return document


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["ortdoctor", *arguments])
    return program.main()


def test_flags_alone_are_read_without_typer(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "main", lambda: pytest.fail("typer was asked"))
    assert _run(monkeypatch, "check", "--json", "--strict") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["facts"]) == ("problems", document["facts"])


@pytest.mark.usefixtures("document")
@pytest.mark.parametrize("flags", [[], ["--ascii"], ["-v"], ["--json"]])
def test_both_ways_print_the_same(
    flags: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code = _run(monkeypatch, "check", *flags)
    quickly = capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().out) == (code, quickly)


def test_what_users_can_cause_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FactsError("no facts today")

    monkeypatch.setattr(machine, "facts_document", refuse)
    assert _run(monkeypatch, "check") == FactsError("").exit_code
    assert capsys.readouterr().err == "ortdoctor: no facts today\n"


@pytest.mark.parametrize("arguments", [["check", "--python"], ["check", "--facts"], ["matrix"], [], ["check", "-"]])
def test_whatever_may_be_wrong_is_typers_to_read(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(cli, "main", lambda: called.append("typer"))
    monkeypatch.setattr(quick, "check", lambda **_: called.append("quick"))
    _run(monkeypatch, *arguments)
    assert called == ["typer"]
