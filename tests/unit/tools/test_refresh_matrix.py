"""A refresh reads what is new, keeps what it knows, goes on where it was cut, and says what changed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("elftools", reason="pyelftools of the extra dev is not installed")
pytest.importorskip("pefile", reason="pefile of the extra dev is not installed")

from tools import refresh_matrix, refresh_pip
from tools.refresh_diff import changes
from tools.refresh_matrix import Wheels, refresh_wheels
from tools.refresh_pip import Announced, PipError, Target
from tools.refresh_plan import in_order, row_id, targets

if TYPE_CHECKING:
    from pathlib import Path

LINUX = "manylinux_2_27_x86_64.manylinux_2_28_x86_64"
PROJECTS = {
    "onnxruntime": {
        "1.2.0": {"manylinux_2_28_x86_64": ["cp310"], LINUX: ["cp39", "cp310"], "macosx_14_0_arm64": ["cp310"]},
    },
    "onnxruntime-gpu": {
        "1.2.0": {LINUX: ["cp39", "cp310"], "win_amd64": ["cp310"]},
        "1.10.0": {LINUX: ["cp313", "cp313t"], "manylinux_2_34_aarch64": ["cp313t"]},
        "1.11.0rc1": {LINUX: ["cp313"]},
    },
}


class Index:
    """Stands for pip: files by target, and what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.downloads: list[str] = []
        self.broken: set[str] = set()
        self.digests: dict[str, str] = {}
        monkeypatch.setattr(refresh_matrix, "announced", self.announced)
        monkeypatch.setattr(refresh_matrix, "download", self.download)
        monkeypatch.setattr(refresh_matrix, "read_wheel", self.read)

    def digest(self, name: str) -> str:
        return self.digests.get(name, name.ljust(64, "0"))

    def announced(self, target: Target) -> Announced:
        return Announced(f"{row_id(target)}.whl", self.digest(row_id(target)))

    def download(self, target: Target, folder: Path) -> Path:
        if row_id(target) in self.broken:
            raise PipError("pip download failed: no space")
        self.downloads.append(row_id(target))
        path = folder / f"{row_id(target)}.whl"
        path.write_text("a wheel")
        return path

    def read(self, path: Path) -> dict[str, Any]:
        return {"sha256": self.digest(path.stem), "size": 7, "needed": {}, "gpu_code": {"SASS_90a": 2}}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Index:
    return Index(monkeypatch)


def run(tmp_path: Path, today: str = "2026-01-01", projects: Any = PROJECTS) -> Any:
    return refresh_wheels(targets(projects), Wheels(tmp_path / "wheels.json", today), tmp_path)


def test_one_wheel_per_release_and_platform_newest_first() -> None:
    found = [(row_id(target), target.tag, target.platform_tag, target.tags) for target in targets(PROJECTS)]
    assert found == [
        ("onnxruntime-gpu-1.10.0-linux-x86_64", "cp313", LINUX, ("cp313", "cp313t")),
        ("onnxruntime-gpu-1.2.0-linux-x86_64", "cp310", LINUX, ("cp39", "cp310")),
        ("onnxruntime-gpu-1.2.0-windows-x86_64", "cp310", "win_amd64", ("cp310",)),
        ("onnxruntime-gpu-1.10.0-linux-aarch64", "cp313t", "manylinux_2_34_aarch64", ("cp313t",)),
        ("onnxruntime-1.2.0-linux-x86_64", "cp310", LINUX, ("cp39", "cp310")),
    ]


def test_the_second_run_downloads_nothing_and_writes_the_same(tmp_path: Path, index: Index) -> None:
    first = run(tmp_path)
    assert (first.read, first.bytes, len(index.downloads)) == (5, 35, 5)
    text = (tmp_path / "wheels.json").read_bytes()
    second = run(tmp_path, today="2027-01-01")
    assert (second.read, second.bytes, second.failed, len(index.downloads)) == (0, 0, [], 5)
    assert (tmp_path / "wheels.json").read_bytes() == text
    assert [path.name for path in tmp_path.iterdir()] == ["wheels.json"]
    rows = json.loads(text)
    assert [row["id"] for row in rows][:2] == ["onnxruntime-1.2.0-linux-x86_64", "onnxruntime-gpu-1.2.0-linux-x86_64"]
    assert {row["evidence"][0]["when"] for row in rows} == {"2026-01-01"}


def test_a_run_goes_on_where_it_was_cut(tmp_path: Path, index: Index) -> None:
    index.broken = {"onnxruntime-gpu-1.2.0-windows-x86_64"}
    first = run(tmp_path)
    assert first.failed == ["onnxruntime-gpu 1.2.0 windows x86_64 cp310: pip download failed: no space"]
    assert first.read == 4
    index.broken, index.downloads = set(), []
    assert run(tmp_path, today="2026-02-02").read == 1
    assert index.downloads == ["onnxruntime-gpu-1.2.0-windows-x86_64"]
    cut = (tmp_path / "wheels.json").read_text()
    assert cut.count('"2026-02-02"') == 1


def test_another_file_of_a_known_release_is_read_again(tmp_path: Path, index: Index) -> None:
    run(tmp_path)
    index.digests["onnxruntime-1.2.0-linux-x86_64"] = "f" * 64
    before = json.loads((tmp_path / "wheels.json").read_text())
    assert run(tmp_path, today="2026-03-03").read == 1
    after = json.loads((tmp_path / "wheels.json").read_text())
    assert changes(before, after, "id") == [
        f"~ onnxruntime-1.2.0-linux-x86_64: sha256 {'onnxruntime-1.2.0-linux-x86_64'.ljust(64, '0')} -> {'f' * 64}",
        "~ onnxruntime-1.2.0-linux-x86_64: evidence",
    ]


def test_a_file_that_is_not_the_announced_one_is_refused(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh_matrix, "read_wheel", lambda path: {**index.read(path), "sha256": "e" * 64})
    assert "announced the digest" in run(tmp_path).failed[0]
    assert not (tmp_path / "wheels.json").exists()


def test_tags_follow_the_listing(tmp_path: Path, index: Index) -> None:
    run(tmp_path)
    projects = json.loads(json.dumps(PROJECTS))
    projects["onnxruntime-gpu"]["1.2.0"]["win_amd64"] = ["cp38", "cp310"]
    assert run(tmp_path, today="2026-03-03", projects=projects).read == 0
    rows = {row["id"]: row for row in json.loads((tmp_path / "wheels.json").read_text())}
    assert rows["onnxruntime-gpu-1.2.0-windows-x86_64"]["python"] == ["cp38", "cp310"]
    assert rows["onnxruntime-gpu-1.2.0-windows-x86_64"]["evidence"][0]["when"] == "2026-01-01"
    assert index.downloads.count("onnxruntime-gpu-1.2.0-windows-x86_64") == 1


def test_changes_are_said_by_field() -> None:
    before: list[dict[str, Any]] = [{"id": "a", "tags": ["x", "y"], "n": 1}, {"id": "b"}]
    after: list[dict[str, Any]] = [{"id": "a", "tags": ["y", "z"], "m": "new"}, {"id": "c"}]
    assert changes(before, after, "id") == [
        "+ c",
        "- b",
        "~ a: m (none) -> new",
        "~ a: n 1 -> (none)",
        "~ a: tags +z -x",
    ]
    assert changes(before, before, "id") == []


def test_order_is_by_release_number() -> None:
    rows = {name: {"id": name, "distribution": "d", "version": name} for name in ("1.10.0", "1.9.0")}
    assert [row["id"] for row in in_order(rows)] == ["1.9.0", "1.10.0"]


def answer(monkeypatch: pytest.MonkeyPatch, stdout: str, code: int = 0) -> list[list[str]]:
    """Stand for the pip program; return the commands that it was given."""
    commands: list[list[str]] = []

    def fake(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, code, stdout, "ERROR: none at https://host/simple")

    monkeypatch.setattr(subprocess, "run", fake)
    return commands


OLD = Target("onnxruntime-gpu", "1.11.0", "linux", "x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", "cp37", ())


def test_the_digest_is_asked_for_without_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    info = {"url": "scheme://host/a/b/x-1-cp37.whl", "archive_info": {"hashes": {"sha256": "ab"}}}
    commands = answer(monkeypatch, json.dumps({"install": [{"download_info": info}]}))
    assert refresh_pip.announced(OLD) == Announced("x-1-cp37.whl", "ab")
    line = " ".join(commands[0])
    assert line.startswith(f"{sys.executable} -m pip ")
    assert "install --dry-run --report -" in line
    assert "--abi cp37m --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --python-version 3.7" in line
    assert line.endswith(" onnxruntime-gpu==1.11.0")


def test_the_abi_has_no_m_from_3_8_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = answer(monkeypatch, "")
    with pytest.raises(PipError, match="one wheel was expected"):
        refresh_pip.download(OLD._replace(tag="cp313t"), tmp_path)
    line = " ".join(commands[0])
    assert "--abi cp313t" in line
    assert "--python-version 3.13 " in line


def test_an_error_of_pip_is_said_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "", code=1)
    with pytest.raises(PipError) as caught:
        refresh_pip.announced(OLD)
    assert str(caught.value) == "pip install of onnxruntime-gpu==1.11.0 failed: ERROR: none at (address)"
