"""The zipapp's command line says what ``ortdoctor`` says; here it is called in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor import __version__
from ortdoctor.pocket.main import COMMANDS, main
from tests.unit.cli.test_cli import invoke, machines, recorded

if TYPE_CHECKING:
    from pathlib import Path

T4 = ["--os", "linux", "--arch", "x86_64", "--glibc", "2.31", "--python-version", "3.12", "--gpu", "7.5"]


class Pocket:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        try:
            code = main(list(arguments))
        except SystemExit as end:
            code = int(end.code or 0)
        out, error = self.capsys.readouterr()
        return code, out, error


@pytest.fixture
def pocket(capsys: pytest.CaptureFixture[str]) -> Pocket:
    return Pocket(capsys)


@pytest.mark.parametrize("strict", [[], ["--strict"]])
@pytest.mark.parametrize("machine", machines())
def test_a_recorded_machine_is_judged_alike(machine: str, strict: list[str], pocket: Pocket, tmp_path: Path) -> None:
    arguments = ["check", "--facts", str(recorded(tmp_path, machine)), *strict]
    assert pocket(*arguments, "--json") == invoke(*arguments, "--json")
    code, out, _ = pocket(*arguments)
    assert code == invoke(*arguments)[0]
    assert out.splitlines()[-1] in invoke(*arguments)[1]


@pytest.mark.parametrize("machine", machines())
def test_a_recorded_machine_gets_the_same_plans(machine: str, pocket: Pocket, tmp_path: Path) -> None:
    arguments = ["recommend", "--facts", str(recorded(tmp_path, machine))]
    assert pocket(*arguments, "--json") == invoke(*arguments, "--json")
    assert pocket(*arguments) == invoke(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend", *T4, "--driver", "470.57.02"],
        ["recommend", "--jetpack", "4.6", "--json"],
        ["recommend", "--glibc", "musl"],
        ["recommend", "--wsl", "--driver", "none", "--cuda", "12.0", "--cudnn", "9"],
        ["matrix"],
        ["matrix", "--json"],
        ["matrix", "--csv"],
        ["matrix", "--markdown"],
        ["matrix", "explain", "1.26.0"],
        ["matrix", "explain", "1.26.0", "--json"],
        ["--version"],
    ],
)
def test_what_needs_no_machine_is_the_same(arguments: list[str], pocket: Pocket) -> None:
    assert pocket(*arguments) == invoke(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--facts", "/nowhere.json"],
        ["check", "--facts", "/"],
        ["check", "--facts", "/etc/hostname", "--python", "python3"],
        ["check", "--python", "/nowhere/python"],
        ["recommend", "--gpu", "fast"],
        ["recommend", "--python", "3.7", "--python-version", "3.8"],
        ["matrix", "explain"],
        ["matrix", "explain", "99.0"],
        ["matrix", "show"],
        ["matrix", "--csv", "--json"],
    ],
)
def test_what_cannot_be_done_is_the_same_sentence(arguments: list[str], pocket: Pocket) -> None:
    code, out, error = pocket(*arguments)
    assert (code, out, error) == invoke(*arguments)
    assert error.startswith("ortdoctor: ")


@pytest.mark.parametrize("arguments", [["nonsense"], ["check", "--nonsense"], ["check", "--facts"], ["check", "--js"]])
def test_wrong_usage_is_one_sentence(arguments: list[str], pocket: Pocket) -> None:
    code, out, error = pocket(*arguments)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("ortdoctor: ")
    assert invoke(*arguments)[0] == 2


def test_without_a_command_it_is_a_check(pocket: Pocket, tmp_path: Path) -> None:
    path = str(recorded(tmp_path, machines()[0]))
    assert pocket("--facts", path, "--json") == pocket("check", "--facts", path, "--json")


def test_ascii_prints_ascii(pocket: Pocket, tmp_path: Path) -> None:
    path = str(recorded(tmp_path, "linux-no-onnxruntime"))
    _, out, _ = pocket("check", "--verbose", "--ascii", "--facts", path)
    assert out.isascii()
    assert "[X] " in out


def test_saved_facts_are_those_that_were_judged(pocket: Pocket, tmp_path: Path) -> None:
    path, saved = recorded(tmp_path, machines()[0]), tmp_path / "saved.json"
    pocket("check", "--facts", str(path), "--save-facts", str(saved))
    assert json.loads(saved.read_text(encoding="utf-8")) == json.loads(path.read_text(encoding="utf-8"))
    code, _, error = pocket("check", "--facts", str(path), "--save-facts", str(tmp_path / "no" / "folder"))
    assert (code, "No such file" in error) == (1, True)


def test_the_options_are_those_of_the_command_line() -> None:
    import typer

    from ortdoctor.cli import app

    group: Any = typer.main.get_command(app)
    for name, command in COMMANDS.items():
        taken: set[str] = set()
        command.options(lambda *names, taken=taken, **_: taken.update(part for part in names if part[0] == "-"))
        theirs = group.get_command(None, name)
        listed = {option for one in theirs.params for option in one.opts if option[0] == "-"}
        assert listed == taken, name


def test_the_version_is_the_tools(pocket: Pocket) -> None:
    assert pocket("--version") == (0, f"ortdoctor {__version__}\n", "")
