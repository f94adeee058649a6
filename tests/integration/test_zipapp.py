"""The zipapp on real interpreters and odd boxes: it says what the command line says, wherever it is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.bundle.zipapp import write_zipapp
from ortdoctor.probe.fact import value
from tests.interpreters import interpreter

ROOT = Path(__file__).resolve().parents[2]
EXIT = {"healthy": 0, "problems": 1, "undetermined": 3}
OFTEN = ("3.6", "3.8", "3.13")
VERSIONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

#: A release with a wheel for each interpreter, and what it needs beside it.
RELEASES = {
    "3.6": "onnxruntime==1.10.0",
    "3.8": "onnxruntime==1.19.2",
    "3.11": "onnxruntime==1.23.2",
    "3.13": "onnxruntime",
}


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyz") / "ortdoctor.pyz"
    write_zipapp(path)
    return path


@pytest.fixture
def oldest() -> str:
    return interpreter("3.6")


def run(command: list[str | Path], cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    whole = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**whole, **(env or {})},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the JSON report of a check that ended as its verdict says, with nothing on standard error."""
    document: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (EXIT[document["verdict"]], "")
    return document


def command_line(python: str, cwd: Path) -> dict[str, Any]:
    """Return what ``ortdoctor check --json --python PYTHON`` says from the folder ``cwd``."""
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from ortdoctor.cli import main; main()"
    return report(run([sys.executable, "-c", program, ROOT, "check", "--json", "--python", python], cwd))


@pytest.mark.parametrize(
    "version", [version if version in OFTEN else pytest.param(version, marks=pytest.mark.heavy) for version in VERSIONS]
)
def test_it_says_what_the_command_line_says(version: str, pyz: Path, tmp_path: Path) -> None:
    python = interpreter(version)
    assert report(run([python, pyz, "check", "--json"], tmp_path)) == command_line(python, tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("version", RELEASES)
def test_it_says_so_of_a_real_onnxruntime_too(version: str, pyz: Path, tmp_path: Path) -> None:
    env = tmp_path / "env"
    subprocess.run([interpreter(version), "-m", "venv", env], check=True, timeout=120)
    python = str(env / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--upgrade", "pip<22" if version == "3.6" else "pip"], check=True, timeout=300)
    subprocess.run([*pip, RELEASES[version]], check=True, timeout=600)
    theirs, ours = report(run([python, pyz, "check", "--json"], tmp_path)), command_line(python, tmp_path)
    assert theirs["verdict"] == "healthy"
    for part in ("verdict", "findings", "undetermined", "plan"):
        assert theirs[part] == ours[part]
    assert report(run([sys.executable, pyz, "check", "--json", "--python", python], tmp_path)) == theirs


def test_an_old_interpreter_diagnoses_a_new_one_and_the_reverse(pyz: Path, tmp_path: Path, oldest: str) -> None:
    for mine, other in ((oldest, sys.executable), (sys.executable, oldest)):
        document = report(run([mine, pyz, "check", "--json", "--python", other], tmp_path))
        assert document["facts"]["python.executable"]["value"] == other
    done = run([oldest, pyz, "--python", interpreter("2.7")], tmp_path)
    assert done.returncode == 3
    assert "expected Python 3.6 or later" in done.stderr


@pytest.mark.parametrize("coding", [{"PYTHONIOENCODING": "latin-1"}, {}])
def test_a_terminal_without_unicode_gets_ascii(coding: dict[str, str], pyz: Path, tmp_path: Path, oldest: str) -> None:
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for python in (oldest, sys.executable):
        done = run([python, pyz, "check", "--verbose"], tmp_path, {**plain, **coding})
        assert done.stdout.isascii()
        assert re.match(r"\[(OK|X|!|\?)\] ", done.stdout)
        assert done.stderr == ""


def test_a_path_with_spaces_and_letters_that_are_not_ascii(pyz: Path, tmp_path: Path, oldest: str) -> None:
    folder = tmp_path / "a b" / "größe"
    folder.mkdir(parents=True)
    shutil.copy(pyz, folder / "döc tor.pyz")
    for env in ({}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}):
        for extra in ([], ["--python", sys.executable]):
            done = run([oldest, Path("größe", "döc tor.pyz"), "check", "--json", *extra], tmp_path / "a b", env)
            assert report(done)["facts"]["system.os"]["value"] == "linux"


def test_it_is_a_program_by_itself(pyz: Path, tmp_path: Path) -> None:
    if shutil.which("python3") is None:
        pytest.skip("its first line asks for a python3 on PATH")
    done = run([pyz, "--version"], tmp_path)
    assert (done.returncode, done.stdout[:10]) == (0, "ortdoctor ")


@pytest.mark.parametrize("where", ["cwd", "PYTHONPATH"])
def test_files_that_stand_for_modules_fool_children_only(where: str, pyz: Path, tmp_path: Path, oldest: str) -> None:
    for name in ("json", "typing", "argparse", "subprocess", "child", "ortdoctor"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n", encoding="utf-8")
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('a file of mine')\n", encoding="utf-8")
    env = {"PYTHONPATH": str(tmp_path)} if where == "PYTHONPATH" else {}
    for python in (oldest, sys.executable):
        done = run([python, pyz, "check", "--json"], tmp_path if where == "cwd" else tmp_path.parent, env)
        facts = json.loads(done.stdout)["facts"]
        assert done.stderr == ""
        assert value(facts, "python.executable") == python
        # As `python -c "import onnxruntime"` would find it there.
        imported = value(facts, "ort.import")
        assert imported is None or not imported["ok"]


def test_the_current_folder_is_searched_as_python_c_does(pyz: Path, tmp_path: Path, oldest: str) -> None:
    (tmp_path / "onnx-1.2.3.dist-info").mkdir()
    for python in (oldest, sys.executable):
        packages = report(run([python, pyz, "check", "--json"], tmp_path))["facts"]["python.packages"]["value"]
        assert packages["onnx"] == "1.2.3"
        alone = json.loads(run([python, "-I", pyz, "check", "--json"], tmp_path).stdout)
        assert alone["facts"]["python.packages"]["value"].get("onnx") != "1.2.3"


def test_an_empty_environment_has_a_verdict(pyz: Path, tmp_path: Path, oldest: str) -> None:
    done = subprocess.run([oldest, pyz, "--json"], cwd=tmp_path, env={}, capture_output=True, timeout=120, check=False)
    assert done.returncode == EXIT[json.loads(done.stdout)["verdict"]]


def test_closed_streams_change_nothing(pyz: Path, tmp_path: Path, oldest: str) -> None:
    for python in (oldest, interpreter("3.13")):
        expected = run([python, pyz, "check", "--json"], tmp_path)
        saved = tmp_path / "facts.json"
        for closed in (">&-", "<&- >&- 2>&-"):
            program = f'"$0" "$1" check --save-facts "$2" {closed}'
            done = run(["sh", "-c", program, python, pyz, saved], tmp_path)
            assert (done.returncode, done.stdout, done.stderr) == (expected.returncode, "", "")
            assert json.loads(saved.read_text(encoding="utf-8"))["facts"] == json.loads(expected.stdout)["facts"]


def test_a_reader_that_leaves_and_a_disk_that_is_full(pyz: Path, tmp_path: Path, oldest: str) -> None:
    for python in (oldest, sys.executable):
        program = '{ "$0" "$1" matrix explain 1.26.0 --json; echo $? >&2; } | head -c 1'
        done = run(["sh", "-c", program, python, pyz], tmp_path)
        assert (done.stdout, done.stderr) == ("{", "0\n")
        if Path("/dev/full").exists():
            done = run(["sh", "-c", '"$0" "$1" matrix > /dev/full', python, pyz], tmp_path)
            assert done.returncode == 1
            assert done.stderr == "ortdoctor: the file system refused: No space left on device\n"


def test_a_system_that_is_read_only_has_a_verdict(pyz: Path, tmp_path: Path, oldest: str) -> None:
    """In a mount namespace of its own everything is read-only; nothing of it is seen outside."""
    lock = "mount --make-rprivate / && mount -o remount,bind,ro / && ! touch /tmp/x /var/tmp/x 2>&-"
    inside = ["unshare", "--mount", "sh", "-c", lock + ' && exec "$@"', "sh"]
    if shutil.which("unshare") is None or run([*inside, "true"], tmp_path).returncode != 0:
        pytest.skip("needs the right to mount in a namespace (root on Linux)")
    for python, other in ((oldest, []), (sys.executable, ["--python", oldest])):
        document = report(run([*inside, python, pyz, "check", "--json", *other], tmp_path))
        assert document["verdict"] in ("healthy", "problems")
        assert not any("nowhere to put" in (fact["error"] or "") for fact in document["facts"].values())


def test_nothing_is_left_behind(pyz: Path, tmp_path: Path, oldest: str) -> None:
    before = pyz.read_bytes()
    (tmp_path / "tmp").mkdir()
    # Not of an interpreter with onnxruntime: 1.32 itself leaves a file (.ses) in the folder for temporary files.
    for extra in ([], ["--python", interpreter("3.8")]):
        report(run([oldest, pyz, "check", "--json", *extra], tmp_path, {"TMPDIR": str(tmp_path / "tmp")}))
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]
    assert pyz.read_bytes() == before
    assert [path.name for path in pyz.parent.iterdir()] == [pyz.name]
