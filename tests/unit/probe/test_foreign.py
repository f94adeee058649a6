import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ortdoctor.probe import foreign
from ortdoctor.probe.collect import KEYS
from ortdoctor.probe.fact import value
from ortdoctor.probe.foreign import ProbeError, collect_with

from .boxes import program


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment without pip; its interpreter is a symlink to the one that runs the tests."""
    folder = tmp_path_factory.mktemp("foreign") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    return folder


def _python(environment: Path) -> Path:
    python = environment / "bin" / "python"
    if not python.exists():
        pytest.skip("needs a POSIX layout")
    return python


def _site(environment: Path) -> Path:
    return next((environment / "lib").glob("python*/site-packages"))


def test_a_virtual_environment_is_diagnosed_as_itself(environment: Path) -> None:
    document = collect_with(str(_python(environment)), "1.2.3")
    facts = document["facts"]
    assert (document["schema"], document["ortdoctor"]) == ("ortdoctor.facts/1", "1.2.3")
    assert set(facts) >= {f"{group}.{key}" for group, keys in KEYS.items() for key in keys}
    assert value(facts, "python.executable") == str(_python(environment))
    assert value(facts, "python.prefix") == str(environment)
    assert value(facts, "python.environment")["kind"] == "venv"
    # Nothing of the environment that runs the tests (it has numpy) gets in.
    assert value(facts, "python.packages") == {}
    assert facts["python.pip"]["error"] is None


def test_what_site_hooks_print_and_break_is_tolerated(environment: Path) -> None:
    hook = _site(environment) / "sitecustomize.py"
    hook.write_text(
        "import sys, atexit\nprint('{\"schema\": 1}')\natexit.register(print, 'bye')\n"
        "class Loud:\n    def write(self, text): sys.__stdout__.write('loud ' + text)\n    def flush(self): pass\n"
        "sys.stdout = Loud()\n"
    )
    try:
        facts = collect_with(str(_python(environment)))["facts"]
    finally:
        hook.unlink()
    assert value(facts, "python.prefix") == str(environment)


def test_modules_in_the_current_folder_do_not_break_the_probe(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = _python(environment)
    for name in ("json", "platform", "importlib", "child", "system"):
        (tmp_path / (name + ".py")).write_text("raise SystemExit('the wrong module')\n")
    (tmp_path / "onnx-1.2.3.dist-info").mkdir()
    monkeypatch.chdir(tmp_path)
    facts = collect_with(str(python))["facts"]
    # The folder is where python -c looks first, all the same.
    assert value(facts, "python.packages") == {"onnx": "1.2.3"}


def test_nothing_is_left_behind_in_the_probe(environment: Path) -> None:
    folder = Path(foreign.__file__).parent
    before = sorted(path.name for path in folder.rglob("*.pyc"))
    collect_with(str(_python(environment)))
    assert sorted(path.name for path in folder.rglob("*.pyc")) == before


def test_the_probe_is_imported_from_a_zipapp(environment: Path, tmp_path: Path) -> None:
    package = Path(foreign.__file__).parents[1]
    archive = tmp_path / "doctor.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(package / "__init__.py", "ortdoctor/__init__.py")
        for path in sorted((package / "probe").rglob("*.py")):
            file.write(path, "ortdoctor/" + path.relative_to(package).as_posix())
    assert (package / "probe" / "__init__.py").read_bytes() == b"", "the bootstrap does not run it"
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from ortdoctor.probe.foreign import collect_with; "
        "print(json.dumps(collect_with(sys.argv[2])))"
    )
    command = [sys.executable, "-I", "-c", code, str(archive), str(_python(environment))]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path)
    document = json.loads(ran.stdout)
    assert value(document["facts"], "python.prefix") == str(environment)
    assert [key for key in ("system.libc", "gpu.cuda_api") if document["facts"][key]["error"]] == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo hello; exit 0", ["expected to be a Python interpreter", "exit code 0", "hello"]),
        ("echo 'cannot open' >&2; exit 3", ["exit code 3", "cannot open"]),
        ("kill -SEGV $$", ["was ended by SIGSEGV"]),
        ("head -c 100000 /dev/urandom", ["expected to be a Python interpreter"]),
        ('printf "%s{not json%s" "$4" "$4"', ["no JSON"]),
        ('printf "%s{}%s" "$4" "$4"', ["no document of the kind ortdoctor.facts/1"]),
        ('printf "%s[]%s" "$4" "$4"', ["no document of the kind ortdoctor.facts/1"]),
        ('printf "%s{\\"too_old\\": \\"3.5.9\\"}%s" "$4" "$4"', ["Python 3.5.9", "expected Python 3.6 or later"]),
    ],
)
def test_a_program_that_is_no_interpreter_is_a_sentence(tmp_path: Path, script: str, words: list[str]) -> None:
    path = program(tmp_path / "python", script + "\n")
    with pytest.raises(ProbeError) as error:
        collect_with(str(path))
    for word in [str(path), *words]:
        assert word in str(error.value)
    assert "import sys" not in str(error.value)


def test_an_interpreter_that_hangs_is_cut(tmp_path: Path) -> None:
    path = program(tmp_path / "python", "sleep 60\n")
    with pytest.raises(ProbeError, match=r"python gave no answer within 0\.5 s"):
        collect_with(str(path), limit=0.5)


def test_paths_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="expected the path or name of a Python interpreter"):
        collect_with(str(tmp_path / "missing"))
    (tmp_path / "text").write_text("print(1)")
    with pytest.raises(ProbeError, match="could not be started"):
        collect_with(str(tmp_path / "text"))


def test_a_folder_is_answered_with_the_interpreter_in_it(environment: Path, tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=f"is a folder, expected an interpreter such as {_python(environment)}"):
        collect_with(str(environment))
    (tmp_path / "Scripts").mkdir()
    (tmp_path / "Scripts" / "python.exe").touch()
    with pytest.raises(ProbeError, match=r"such as .*python\.exe"):
        collect_with(str(tmp_path))
