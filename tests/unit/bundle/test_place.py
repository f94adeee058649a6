from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ortdoctor.bundle import place
from ortdoctor.bundle.place import check_file, check_folder, place_file, place_folder
from ortdoctor.bundle.verify import verify
from ortdoctor.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
posix = pytest.mark.skipif(os.name != "posix", reason="signals, links and locks of POSIX")


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_written_with_its_parents_and_nothing_else(tmp_path: Path) -> None:
    place_folder(tmp_path / "a" / "b" / "out", {"x": b"1", "golden/y": b"2"})
    assert files_of(tmp_path) == {"a/b/out/x": b"1", "a/b/out/golden/y": b"2"}


def test_an_unchanged_bundle_is_replaced(bundle: Path, tmp_path: Path) -> None:
    (bundle / "smoke_report.json").write_text("{}")
    place_folder(bundle, {"new": b"1"})
    assert files_of(bundle) == {"new": b"1"}
    assert names(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    place_folder(tmp_path / "out", {"new": b"1"})
    assert files_of(tmp_path / "out") == {"new": b"1"}


def _notes(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("mine")


def _picture(bundle: Path) -> None:
    (bundle / "holiday.jpg").write_text("mine")


def _edited(bundle: Path) -> None:
    (bundle / "scrfd.py").write_text("mine")


def _no_bundle(bundle: Path) -> None:
    (bundle / "manifest.json").unlink()


@pytest.mark.parametrize("change", [_notes, _picture, _edited, _no_bundle])
def test_a_folder_with_anything_of_a_person_is_refused_and_kept(
    bundle: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    change(bundle)
    before = files_of(bundle)
    with pytest.raises(BundleError, match="Nothing in it was touched"):
        place_folder(bundle, {"new": b"1"})
    assert files_of(bundle) == before
    assert names(tmp_path) == ["out"]


@posix
def test_links_and_files_are_refused(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "link").symlink_to(bundle)
    with pytest.raises(BundleError, match="symbolic link"):
        check_folder(tmp_path / "link")
    with pytest.raises(BundleError, match="is a file"):
        check_folder(bundle / "spec.json")
    with pytest.raises(BundleError, match="is a folder"):
        check_file(bundle)
    with pytest.raises(BundleError, match="no intact bundle"):
        check_file(bundle / "spec.json")


def test_a_failed_write_leaves_what_was_there(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files_of(bundle)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place, "_write", full)
    with pytest.raises(BundleError, match=r"No space left on device.*unchanged"):
        place_folder(bundle, {"x": b"1"})
    with pytest.raises(BundleError, match=r"No space left on device.*unchanged"):
        place_file(tmp_path / "b.zip", b"1")
    assert files_of(bundle) == before
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [OSError(13, "denied"), KeyboardInterrupt()])
def test_a_failed_swap_puts_the_old_bundle_back(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = files_of(bundle)
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises((BundleError, KeyboardInterrupt)):
        place_folder(bundle, {"x": b"1"})
    assert files_of(bundle) == before
    assert names(tmp_path) == ["out"]


#: A writer that stops for ever at the line named; the test kills it there.
_WRITER = """
import sys, time
from pathlib import Path
from ortdoctor.bundle import place
def stop(*arguments):
    print("here", flush=True)
    time.sleep(120)
if sys.argv[2] == "writing":
    place._write = stop
else:
    rename = Path.rename
    Path.rename = lambda self, target: stop() if self.name == "new" else rename(self, target)
place.place_folder(Path(sys.argv[1]), {"new": b"1"})
"""


def _killed_writer(out: Path, moment: str) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(out), moment], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == "here\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait(timeout=30)


@posix
def test_a_writer_killed_while_writing_costs_nothing_and_is_cleared_up(tmp_path: Path, bundle: Path) -> None:
    before = files_of(bundle)
    _killed_writer(bundle, "writing")
    assert files_of(bundle) == before
    assert verify(bundle).ok
    assert [name for name in names(tmp_path) if not name.startswith(".")] == ["out"]
    place_folder(bundle, {"x": b"1"})
    assert names(tmp_path) == ["out"]


@posix
def test_a_writer_killed_between_the_renames_has_its_old_bundle_put_back(tmp_path: Path, bundle: Path) -> None:
    before = files_of(bundle)
    _killed_writer(bundle, "renaming")
    assert not bundle.exists()
    place._recover(bundle)
    assert files_of(bundle) == before
    assert names(tmp_path) == ["out"]


@posix
def test_the_folder_of_a_writer_at_work_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with place._staging(out) as staging:
        place._recover(out)
        assert staging.is_dir()
    assert names(tmp_path) == []
