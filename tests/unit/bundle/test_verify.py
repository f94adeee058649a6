from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortdoctor.bundle import members_packed
from ortdoctor.bundle.archive import TOP, pack
from ortdoctor.bundle.manifest import digest, to_bytes
from ortdoctor.bundle.members import name_problem
from ortdoctor.bundle.verify import VerifyReport, verify
from ortdoctor.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER_IS_RESTORED = [HealthCheck.function_scoped_fixture]


def files_of(bundle: Path) -> dict[str, bytes]:
    return {
        path.relative_to(bundle).as_posix(): path.read_bytes() for path in sorted(bundle.rglob("*")) if path.is_file()
    }


def found(report: VerifyReport) -> set[tuple[str, str | None]]:
    return {(problem.kind, problem.file) for problem in report.problems}


def zip_of(path: Path, members: list[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in members:
            packed.writestr(name, data)
    return path


def tar_of(path: Path, bundle: Path, extra: list[tarfile.TarInfo], *, fmt: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=fmt) as packed:
        for name, data in files_of(bundle).items():
            entry = tarfile.TarInfo(f"{TOP}/{name}")
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
        for entry in extra:
            packed.addfile(entry, io.BytesIO(b"\0" * entry.size))
    return path


def test_an_untouched_bundle_is_whole_in_every_guise(tmp_path: Path, bundle: Path) -> None:
    files = files_of(bundle)
    (tmp_path / "b.zip").write_bytes(pack(files, "zip"))
    (tmp_path / "b.tar.gz").write_bytes(pack(files, "tar.gz"))
    flat = zip_of(tmp_path / "flat.zip", list(files.items()))
    plain = tmp_path / "b.tar"
    plain.write_bytes(gzip.decompress(pack(files, "tar.gz")))
    for path in (
        bundle,
        tmp_path / "b.zip",
        tmp_path / "b.tar.gz",
        flat,
        plain,
        tar_of(tmp_path / "c.tgz", bundle, []),
    ):
        report = verify(path)
        assert report.problems == (), path
        assert report.checked == len(files) - 1
        assert report.to_json()["ok"] is True


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=FOLDER_IS_RESTORED)
def test_any_changed_byte_of_any_file_is_found_and_named(bundle: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(files_of(bundle))))
    path = bundle / name
    before = path.read_bytes()
    where = data.draw(st.integers(0, len(before) - 1))
    after = bytearray(before)
    after[where] ^= data.draw(st.integers(1, 255))
    path.write_bytes(after)
    try:
        report = verify(bundle)
    finally:
        path.write_bytes(before)
    assert name in {problem.file for problem in report.problems}


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=FOLDER_IS_RESTORED)
def test_a_file_cut_or_lengthened_is_found(bundle: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(files_of(bundle))))
    path = bundle / name
    before = path.read_bytes()
    path.write_bytes(
        before[: data.draw(st.integers(0, len(before) - 1))] if data.draw(st.booleans()) else before + b"x"
    )
    try:
        report = verify(bundle)
    finally:
        path.write_bytes(before)
    assert {problem.file for problem in report.problems} == {name}


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=FOLDER_IS_RESTORED)
def test_a_damaged_archive_is_a_report_not_a_traceback(tmp_path: Path, written: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["zip", "tar.gz"]))
    whole = bytearray(pack({name: blob[:2000] for name, blob in files_of(written).items()}, kind))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(whole[: data.draw(st.integers(1, len(whole)))])
    assert not verify(path).ok


def test_missing_and_extra_files_are_named(bundle: Path) -> None:
    (bundle / "golden" / "input.npy").unlink()
    (bundle / "golden" / "more.npy").write_bytes(b"x")
    (bundle / "evil.py").write_bytes(b"x")
    assert found(verify(bundle)) == {
        ("missing", "golden/input.npy"),
        ("extra", "golden/more.npy"),
        ("extra", "evil.py"),
    }


def test_what_the_scripts_leave_is_tolerated_in_a_folder_only(tmp_path: Path, bundle: Path) -> None:
    (bundle / "smoke_report.json").write_text("{}")
    (bundle / "faces.png").write_bytes(b"x")
    (bundle / "__pycache__").mkdir()
    (bundle / "__pycache__" / "scrfd.cpython-37.pyc").write_bytes(b"x")
    report = verify(bundle)
    assert report.ok
    left = ("__pycache__/scrfd.cpython-37.pyc", "faces.png", "smoke_report.json")
    assert report.tolerated == left
    (tmp_path / "b.zip").write_bytes(pack(files_of(bundle), "zip"))
    assert found(verify(tmp_path / "b.zip")) == {("extra", name) for name in left}


@pytest.mark.parametrize(
    "name",
    [
        "../out",
        "a/../../b",
        "/etc/passwd",
        "C:/x",
        "C:x",
        "a\\..\\b",
        "a//b",
        "./a",
        "a/./b",
        "",
        "a\x00b",
        "a\nb",
        "NUL",
        "con.txt",
        "a/COM1.log",
        "a.",
        "a ",
        "x:stream",
        "\udcff",
    ],
)
def test_names_that_do_not_stay_inside(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize(
    "name", ["model.onnx", "golden/output_0.npy", "a b.txt", "\u00fc.txt", "..a", "a..b", "console"]
)
def test_names_that_stay_inside(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "golden/../../evil.py", "C:\\evil.py", "..\\evil.py"])
def test_an_archive_that_leads_out_is_refused_and_not_unpacked(tmp_path: Path, bundle: Path, name: str) -> None:
    members: list[tuple[zipfile.ZipInfo | str, bytes]] = [
        (f"{TOP}/{key}", data) for key, data in files_of(bundle).items()
    ]
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = entry.orig_filename = f"{TOP}/{name}" if name.startswith("..") else name
    before = sorted(tmp_path.rglob("*"))
    report = verify(zip_of(tmp_path / "b.zip", [*members, (entry, b"x")]))
    assert "unsafe" in {problem.kind for problem in report.problems}
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "b.zip"])
    tar = tarfile.TarInfo(f"{TOP}/{name}")
    assert "unsafe" in {problem.kind for problem in verify(tar_of(tmp_path / "b.tar.gz", bundle, [tar])).problems}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
    ],
)
def test_members_of_a_tar_that_are_no_files_are_refused(tmp_path: Path, bundle: Path, kind: bytes, words: str) -> None:
    entry = tarfile.TarInfo(f"{TOP}/golden/link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    (problem,) = verify(tar_of(tmp_path / "b.tgz", bundle, [entry])).problems
    assert (problem.kind, problem.file) == ("unsafe", "golden/link")
    assert words in problem.text


def test_extended_headers_are_refused(tmp_path: Path, bundle: Path) -> None:
    entry = tarfile.TarInfo(f"{TOP}/{'x' * 300}")
    for fmt in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        (problem,) = verify(tar_of(tmp_path / "b.tgz", bundle, [entry], fmt=fmt)).problems
        assert problem.kind == "unreadable"
        assert "--format=ustar" in problem.text


def test_a_link_in_a_zip_is_refused(tmp_path: Path, bundle: Path) -> None:
    entry = zipfile.ZipInfo(f"{TOP}/link")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    members: list[tuple[zipfile.ZipInfo | str, bytes]] = [
        (f"{TOP}/{key}", data) for key, data in files_of(bundle).items()
    ]
    report = verify(zip_of(tmp_path / "b.zip", [*members, (entry, b"/etc/passwd")]))
    assert found(report) == {("unsafe", "link")}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes or links of POSIX")
def test_links_and_pipes_in_a_folder_are_named_and_not_followed(tmp_path: Path, bundle: Path) -> None:
    outside = tmp_path / "model.onnx"
    shutil.move(str(bundle / "model.onnx"), outside)
    (bundle / "model.onnx").symlink_to(outside)
    (bundle / "spec.json").unlink()
    os.mkfifo(bundle / "spec.json")
    (bundle / "more").symlink_to(tmp_path, target_is_directory=True)
    assert found(verify(bundle)) == {("unsafe", "model.onnx"), ("unsafe", "spec.json"), ("unsafe", "more")}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_are_there_twice_are_refused(tmp_path: Path, bundle: Path) -> None:
    files = files_of(bundle)
    members: list[tuple[zipfile.ZipInfo | str, bytes]] = [(f"{TOP}/{key}", data) for key, data in files.items()]
    members += [(f"{TOP}/scrfd.py", b"evil"), (f"{TOP}/SPEC.json", files["spec.json"])]
    kinds = found(verify(zip_of(tmp_path / "b.zip", members)))
    assert {("duplicate", "scrfd.py"), ("duplicate", "SPEC.json"), ("extra", "SPEC.json")} <= kinds
    twin = tarfile.TarInfo(f"{TOP}/scrfd.py")
    assert ("duplicate", "scrfd.py") in found(verify(tar_of(tmp_path / "b.tgz", bundle, [twin])))


def rewritten(bundle: Path, change: Any, *, seal: bool = True) -> Path:
    document = json.loads((bundle / "manifest.json").read_bytes())
    change(document)
    if seal:
        document["digest"] = digest(document)
    (bundle / "manifest.json").write_bytes(to_bytes(document))
    return bundle


def test_more_data_than_the_manifest_allows_is_not_unpacked(tmp_path: Path, bundle: Path) -> None:
    files = files_of(bundle)
    files["model.onnx"] = bytes(50_000_000)
    for kind in ("zip", "tar.gz"):
        path = tmp_path / f"bomb.{kind}"
        path.write_bytes(pack(files, kind))
        assert path.stat().st_size < 1_000_000
        assert found(verify(path)) == {("too-large", "model.onnx")}


def test_a_tar_that_unpacks_without_end_is_left(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members_packed, "LARGEST_TOTAL", 1_000_000)
    big = tarfile.TarInfo(f"{TOP}/big")
    big.size = 3_000_000
    (problem,) = verify(tar_of(tmp_path / "b.tgz", bundle, [big])).problems
    assert problem.kind == "unreadable"
    assert "unpacks to more than" in problem.text


def test_a_manifest_that_never_ends_is_not_read(tmp_path: Path, bundle: Path) -> None:
    files = files_of(bundle)
    files["manifest.json"] = b" " * 20_000_000
    (tmp_path / "b.zip").write_bytes(pack(files, "zip"))
    assert found(verify(tmp_path / "b.zip")) == {("too-large", "manifest.json")}


def test_a_manifest_from_the_future_says_so(bundle: Path) -> None:
    report = verify(rewritten(bundle, lambda document: document.update(schema="ortdoctor.bundle/2")))
    (problem,) = report.problems
    assert (problem.kind, problem.file) == ("newer", "manifest.json")
    assert "Upgrade" in problem.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(schema="something/1"), "its schema should be"),
        (lambda d: d.pop("plan"), "'plan' should be a dict, and is missing"),
        (lambda d: d["target"].update(expected_providers=[]), "expected_providers"),
        (lambda d: d["tolerance"].update(raw="all"), "tolerance"),
        (lambda d: d["files"].update({"../evil": d["files"]["model.onnx"]}), "leads out of the bundle"),
        (lambda d: d["files"].update({"/evil": d["files"]["model.onnx"]}), "absolute"),
        (lambda d: d["files"]["model.onnx"].update(size=-1), "no size"),
        (lambda d: d["files"]["model.onnx"].update(size=10**15), "in all"),
        (lambda d: d["files"]["model.onnx"].update(sha256="00"), "no SHA-256"),
        (lambda d: d["files"].pop("model.onnx"), "does not list model.onnx"),
        (lambda d: d["files"].update({"manifest.json": d["files"]["model.onnx"]}), "cannot describe itself"),
    ],
)
def test_a_manifest_that_breaks_its_form_is_named(bundle: Path, change: Any, words: str) -> None:
    report = verify(rewritten(bundle, change))
    assert words in " ".join(problem.text for problem in report.problems if problem.file == "manifest.json")


def test_an_edited_manifest_is_found(bundle: Path) -> None:
    report = verify(rewritten(bundle, lambda d: d["tolerance"].update(raw=9.0), seal=False))
    assert found(report) == {("changed", "manifest.json")}


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b'{"schema": 3}', b"[" * 100_000])
def test_a_manifest_that_is_none_is_a_problem(bundle: Path, data: bytes) -> None:
    (bundle / "manifest.json").write_bytes(data)
    assert {problem.file for problem in verify(bundle).problems} == {"manifest.json"}


def test_what_is_no_bundle_is_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        verify(tmp_path / "nothing")
    (tmp_path / "x.txt").write_text("x")
    assert "neither a folder nor" in verify(tmp_path / "x.txt").problems[0].text
    (tmp_path / "empty").mkdir()
    assert found(verify(tmp_path / "empty")) == {("missing", "manifest.json")}
