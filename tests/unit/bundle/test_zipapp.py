from __future__ import annotations

import importlib.util
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ortdoctor import data
from ortdoctor.bundle import zipapp
from ortdoctor.bundle.archive import zipped
from ortdoctor.errors import BundleError
from tests.interpreters import interpreter

ROOT = Path(__file__).resolve().parents[3]

#: Imports every module of the zipapp and says which modules of ours are loaded, and where others came from.
IMPORT_ALL = """
import importlib, json, sys, zipfile
archive = sys.argv[1]
sys.path.insert(0, archive)
names = [name[:-3].replace("/", ".") for name in zipfile.ZipFile(archive).namelist() if name.endswith(".py")]
names = [name[:-9] if name.endswith(".__init__") else name for name in names]
for name in names:
    if ".scripts." not in name and name not in ("__main__", "ortdoctor.probe.__main__"):
        importlib.import_module(name)
print(json.dumps([names, [[n, getattr(m, "__file__", None)] for n, m in sorted(sys.modules.items()) if m]]))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zipapp") / "ortdoctor.pyz"
    zipapp.write_zipapp(path)
    return path


def test_the_same_sources_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere" / "other.pyz"
    program = "import pathlib, sys; from ortdoctor.bundle import zipapp as z; z.write_zipapp(pathlib.Path(sys.argv[1]))"
    env = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", program, again], check=True, timeout=60, cwd=ROOT, env=env)
    assert again.read_bytes() == archive.read_bytes()


def test_bytecode_is_of_the_sources_and_for_this_python_only(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "fast.pyz"
    zipapp.write_zipapp(out, bytecode=True)
    with zipfile.ZipFile(out) as fast, zipfile.ZipFile(archive) as plain:
        files = {name: fast.read(name) for name in fast.namelist()}
        sources = {name: plain.read(name) for name in plain.namelist()}
    compiled = {name for name in files if name.endswith(".pyc")}
    assert {name: files[name] for name in files if name not in compiled} == sources
    assert {name[:-1] for name in compiled} == {name for name in sources if name.endswith(".py")} - {"__main__.py"}
    for name in compiled:
        assert files[name][8:16] == importlib.util.source_hash(files[name[:-1]])
    loads = "import sys; sys.path.insert(0, sys.argv[1]); import ortdoctor.pocket.main as m; print(m.__file__)"
    for python, suffix in ((sys.executable, "main.pyc"), (interpreter("3.6"), "main.py")):
        done = subprocess.run([python, "-c", loads, out], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.strip().endswith(suffix)


def test_it_is_one_small_executable_file(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "ortdoctor.pyz"
    assert zipapp.write_zipapp(out) == out.stat().st_size == archive.stat().st_size < 1_000_000
    assert stat.S_IMODE(out.stat().st_mode) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["ortdoctor.pyz"]
    assert out.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(out) as file:
        assert file.testzip() is None
        assert file.namelist()[0] == "__main__.py"
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_earlier_one_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    out = tmp_path / "ortdoctor.pyz"
    zipapp.write_zipapp(out)
    zipapp.write_zipapp(out)
    (tmp_path / "model.onnx").write_text("precious", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "other.pyz", "w") as file:
        file.writestr("__main__.py", "print(1)")
    for name in ("model.onnx", "other.pyz"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(BundleError, match="not touched"):
            zipapp.write_zipapp(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(BundleError, match="is a folder"):
        zipapp.write_zipapp(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match="could not be written"):
        zipapp.write_zipapp(tmp_path / "file" / "ortdoctor.pyz")


def test_its_data_are_those_of_compat(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for stem in zipapp.DATA:
            carried: Any = json.loads(file.read(f"ortdoctor/_data/compat/{stem}.json"))
            assert carried == data.compat_json(stem)


@pytest.mark.parametrize("version", ["3.6", None])
def test_it_holds_what_it_imports_and_imports_nothing_else(version: str | None, archive: Path) -> None:
    python = interpreter(version) if version else sys.executable
    done = subprocess.run(
        [python, "-I", "-S", "-c", IMPORT_ALL, archive], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    names, loaded = json.loads(done.stdout)
    stdlib = Path(os.__file__).parent
    assert {name for name, _ in loaded if name.startswith("ortdoctor")} == {
        name for name in names if name.startswith("ortdoctor") and ".scripts." not in name and "__main__" not in name
    }
    if version is None:
        foreign = [
            (name, file)
            for name, file in loaded
            if file and not file.startswith((str(archive), str(stdlib))) and name != "__main__"
        ]
        assert foreign == []


def test_every_module_is_reached_from_the_start() -> None:
    """What is carried is what the imports lead to, so that a new module of a floor needs no list."""
    carried = set(zipapp.modules())
    assert {"ortdoctor.diagnose.judge", "ortdoctor.probe.foreign", "ortdoctor.report.text"} <= carried
    assert not [name for name in carried if name.startswith(("ortdoctor.model", "ortdoctor.bundle", "ortdoctor.cli"))]
    assert not carried & {"ortdoctor.report.console", "ortdoctor.report.bundle", "ortdoctor.report.model"}
    scripts = [path for path in (ROOT / "ortdoctor").glob("*/scripts/*.py") if path.stem != "__init__"]
    assert {f"ortdoctor.{path.parts[-3]}.scripts.{path.stem}" for path in scripts} <= carried


def test_everything_in_it_compiles_on_a_real_python_36(archive: Path) -> None:
    program = (
        "import sys, zipfile\nfile = zipfile.ZipFile(sys.argv[1])\n"
        "for name in file.namelist():\n    name.endswith('.py') and compile(file.read(name), name, 'exec')"
    )
    subprocess.run([interpreter("3.6"), "-c", program, archive], check=True, timeout=60)


def test_the_start_parses_on_a_real_python_27(archive: Path) -> None:
    done = subprocess.run([interpreter("2.7"), archive], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected Python 3.6 or later, found Python 2.7" in done.stderr


def test_threads_may_import_at_the_same_moment(archive: Path) -> None:
    """What is compressed is read by one thread: zipimport holds no lock while it decompresses."""
    with zipfile.ZipFile(archive) as file:
        kinds = {(entry.filename.endswith(".py"), entry.compress_type) for entry in file.infolist()}
    assert kinds == {(True, zipfile.ZIP_STORED), (False, zipfile.ZIP_DEFLATED)}


def test_members_keep_the_order_that_they_are_given_in() -> None:
    packed = zipped([("b", b"1"), ("a", b"2")], b"#!x\n")
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.namelist() == ["b", "a"]
        assert file.read("a") == b"2"


def test_the_program_of_maintainers_writes_the_same(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "made.pyz"
    command = [sys.executable, "-m", "tools.make_pyz"]
    done = subprocess.run([*command, out], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    assert done.stdout == f"{out}: {archive.stat().st_size} bytes\n"
    assert out.read_bytes() == archive.read_bytes()
    assert subprocess.run([*command, "-x"], capture_output=True, timeout=60, check=False, cwd=ROOT).returncode == 2
    assert subprocess.run([*command, tmp_path], capture_output=True, timeout=60, check=False, cwd=ROOT).returncode == 1
