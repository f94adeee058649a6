"""``check --fix`` from both command lines: what is shown where, and which exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor.commands import machine
from ortdoctor.commands.fix import misuse
from ortdoctor.pocket.main import main
from tests.unit.cli.test_cli import invoke
from tests.unit.treat.fakes import Fake

if TYPE_CHECKING:
    from pathlib import Path

BOTH, HEALTHY = "linux-both-packages-cpu-won", "linux-gpu-healthy-cuda12-wheels"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Return an environment that is ill when it is looked at first, and healthy after."""
    made = Fake(tmp_path)
    machines = [BOTH, HEALTHY]

    def look(recorded: str | None, python: str | None, model: str | None = None, **how: object) -> dict[str, Any]:
        assert (recorded, python, model) == (None, str(made.python), None)
        assert not any(how.values())
        return made.document(machines.pop(0))

    monkeypatch.setattr(machine, "facts_document", look)
    return made


def pocket(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    return (code, *capsys.readouterr())


@pytest.mark.parametrize("line", ["cli", "pocket"])
def test_what_is_shown(line: str, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("check", "--fix", "--yes", "--python", str(fake.python))
    code, out, _ = invoke(*arguments) if line == "cli" else pocket(capsys, *arguments)
    assert code == 0
    parts = ["To treat: ", "$ ", "Checking again", "Treatment", "before: problems", "after: healthy", "Treated: "]
    assert [part for part in parts if part not in out] == []
    assert [out.index(part) for part in parts] == sorted(out.index(part) for part in parts)
    assert out.count("System (") == 2


@pytest.mark.parametrize("line", ["cli", "pocket"])
def test_programs_get_a_document_and_nothing_else(line: str, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("check", "--fix", "--yes", "--json", "--python", str(fake.python))
    code, out, error = invoke(*arguments) if line == "cli" else pocket(capsys, *arguments)
    told = json.loads(out)
    assert (code, told["verdict"], told["treatment"]["outcome"]) == (0, "healthy", "cured")
    assert "To treat: " in error


class Terminal:
    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.answer


@pytest.mark.parametrize(("answer", "outcome"), [("y\n", "cured"), ("\n", "declined"), ("", "declined")])
def test_the_user_is_asked(
    answer: str, outcome: str, fake: Fake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, out, error = pocket(capsys, "check", "--fix", "--json", "--python", str(fake.python))
    assert (code, json.loads(out)["treatment"]["outcome"]) == (0 if outcome == "cured" else 1, outcome)
    assert "Do this now? [y/N]" in error


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ({"fix": False, "yes": True, "recorded": False, "terminal": True}, "--yes answers"),
        ({"fix": True, "yes": True, "recorded": True, "terminal": True}, "recorded"),
        ({"fix": True, "yes": False, "recorded": False, "terminal": False}, "no terminal"),
        ({"fix": True, "yes": False, "recorded": False, "terminal": True}, None),
        ({"fix": True, "yes": True, "recorded": False, "terminal": False}, None),
        ({"fix": False, "yes": False, "recorded": True, "terminal": False}, None),
    ],
)
def test_what_cannot_be_called(call: dict[str, bool], wrong: str | None) -> None:
    said = misuse(**call)
    assert (said is None) if wrong is None else (said is not None and wrong in said)
