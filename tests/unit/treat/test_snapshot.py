"""A copy of an environment puts back every file, whatever was done to it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.treat import snapshot, tree
from ortdoctor.treat.lock import BusyError

NAMES = st.sampled_from(["a", "b", "c.py", "d.pth", "~nnx"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENT = st.one_of(st.none(), st.binary(max_size=20), st.sampled_from(["a", "../x", "missing"]))
TREES = st.dictionaries(PATHS, CONTENT, max_size=12)

#: What is done to the folder afterwards: (how, path, content).
CHANGES = st.lists(
    st.tuples(st.sampled_from(["write", "replace", "delete", "move", "mode"]), PATHS, CONTENT), max_size=15
)


def make(root: Path, path: str, content: bytes | str | None) -> None:
    """Make a folder (None), a file (bytes) or a link (str), replacing what is in the way, as an installer does."""
    here = root / path
    for parent in reversed(here.relative_to(root).parents):
        if (root / parent).is_symlink() or (root / parent).is_file():
            (root / parent).unlink()
    remove(here)
    here.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        here.mkdir()
    elif isinstance(content, bytes):
        here.write_bytes(content)
    else:
        here.symlink_to(content)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():
        path.unlink()


def change(root: Path, how: str, path: str, content: bytes | str | None) -> None:
    here = root / path
    if how == "replace":
        make(root, path, content)
    elif how == "delete" and os.path.lexists(here):
        remove(here)
    elif how == "move" and os.path.lexists(here):
        shutil.move(here, root / "~moved")
        remove(root / "~moved")
    elif how == "mode" and here.is_file() and not here.is_symlink():
        here.chmod(0o600)
    elif how == "write" and path.endswith(".pth") and here.is_file() and not here.is_symlink():
        here.write_bytes(b"written in place")  # what installers do to these, and to no others


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@given(TREES, CHANGES)
@settings(max_examples=300, deadline=None)
def test_whatever_is_done_is_undone(before: dict[str, Any], changes: list[tuple[str, str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site-packages"
        site.mkdir()
        for path, content in before.items():
            make(site, path, content)
        entries, texts = tree.read(str(site)), contents(site)
        copy = snapshot.take(str(site), [str(site)], [])
        for how, path, content in changes:
            change(site, how, path, content)
        assert snapshot.restore(copy) == []
        snapshot.discard(copy)
        assert tree.read(str(site)) == entries
        assert contents(site) == texts
        assert not (site / tree.HOME).exists()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    (folder / "onnxruntime").mkdir(parents=True)
    (folder / "onnxruntime" / "a.so").write_bytes(b"native")
    (folder / "onnxruntime" / "b.py").write_text("b")
    return folder


def take(site: Path, **options: Any) -> snapshot.Snapshot:
    return snapshot.take(str(site), [str(site)], [], **options)


def test_no_bytes_are_copied(site: Path) -> None:
    copy = take(site)
    assert (Path(copy.store(0)) / "onnxruntime" / "a.so").samefile(site / "onnxruntime" / "a.so")
    snapshot.discard(copy)


def test_where_there_are_no_hard_links_files_are_copied(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    before = tree.read(str(site))
    copy = take(site)
    (site / "onnxruntime" / "a.so").write_bytes(b"written in place")
    assert snapshot.restore(copy) == []
    assert (tree.read(str(site)), (site / "onnxruntime" / "a.so").read_bytes()) == (before, b"native")


def test_an_old_installer_may_write_in_place(site: Path) -> None:
    copy = take(site, copy_all=True)
    (site / "onnxruntime" / "a.so").write_bytes(b"in place")
    assert snapshot.restore(copy) == []
    assert (site / "onnxruntime" / "a.so").read_bytes() == b"native"


def test_a_file_that_was_changed_with_its_copy_is_named(site: Path) -> None:
    copy = take(site)
    (site / "onnxruntime" / "a.so").write_bytes(b"in place, and the link with it")
    os.utime(site / "onnxruntime" / "a.so", ns=(5, 5))
    assert snapshot.restore(copy) == [f"changed: onnxruntime/a.so (in {site})"]


def test_a_large_file_beside_packages_is_nobodys_business(site: Path, tmp_path: Path) -> None:
    scripts = tmp_path / "bin"
    scripts.mkdir()
    (scripts / "python").write_bytes(b"x" * (9 << 20))
    (scripts / "tool").write_text("old")
    copy = snapshot.take(str(site), [str(site)], [str(scripts), str(tmp_path / "not there")])
    (scripts / "python").write_bytes(b"another")
    remove(scripts / "tool")
    (scripts / "new").write_text("new")
    assert snapshot.restore(copy) == []
    assert (scripts / "tool").read_text() == "old"
    assert not (scripts / "new").exists()


def test_a_folder_that_was_not_there_goes_again(site: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    copy = snapshot.take(str(site), [str(site)], [str(share)])
    share.mkdir()
    (share / "manual").write_text("x")
    assert snapshot.restore(copy) == []
    assert not list(share.iterdir())


def test_a_copy_that_cannot_be_finished_leaves_nothing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree.read(str(site))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("link", "rename", "mkdir"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="No space"):
                take(site)
        assert tree.read(str(site)) == before
        assert not (site / tree.HOME).exists()


def test_ctrl_c_while_the_copy_is_made_leaves_nothing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(snapshot, "_write_journal", interrupt)
    with pytest.raises(KeyboardInterrupt):
        take(site)
    assert not (site / tree.HOME).exists()


def test_the_next_treatment_finds_what_a_killed_one_left(site: Path) -> None:
    before = tree.read(str(site))
    copy = take(site)
    remove(site / "onnxruntime")
    snapshot.keep(copy)  # a killed process loses its lock
    found = snapshot.left_over(str(site))
    assert found is not None
    assert found[:6] == copy[:6]
    assert snapshot.restore(found) == []
    snapshot.discard(found)
    assert tree.read(str(site)) == before
    assert snapshot.left_over(str(site)) is None


def test_a_copy_that_was_never_finished_counts_for_nothing(site: Path) -> None:
    (site / tree.HOME / "0").mkdir(parents=True)
    assert snapshot.left_over(str(site)) is None
    assert not (site / tree.HOME).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "ortdoctor.journal/9"}', '{"schema": 1, "trees": 3}'])
def test_a_journal_that_cannot_be_read_is_said_to_be(site: Path, text: str) -> None:
    (site / tree.HOME).mkdir()
    (site / tree.HOME / snapshot.JOURNAL).write_text(text)
    with pytest.raises(ValueError, match=r"journal|Expecting"):
        snapshot.left_over(str(site))


def test_two_treatments_at_once_are_refused(site: Path) -> None:
    copy = take(site)
    with pytest.raises(BusyError, match="another treatment"):
        take(site)
    with pytest.raises(BusyError, match="another treatment"):
        snapshot.left_over(str(site))
    assert json.loads((site / tree.HOME / snapshot.JOURNAL).read_text())["roots"] == [str(site)]
    snapshot.discard(copy)
    snapshot.discard(take(site))


def test_what_cannot_be_put_back_is_named(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = take(site)
    remove(site / "onnxruntime" / "b.py")
    (site / "new.py").write_text("new")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        patch.setattr(os, "unlink", refuse)
        told = snapshot.restore(copy)
    assert f"gone: onnxruntime/b.py (in {site})" in told
    assert f"new: new.py (in {site})" in told
