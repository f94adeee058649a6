from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.bundle.archive import TOP, archive_name, pack
from ortdoctor.bundle.verify import verify
from ortdoctor.bundle.write import write_bundle
from ortdoctor.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ortdoctor.diagnose.matrix import Matrix

NAMES = st.dictionaries(st.text("abc", min_size=1, max_size=5), st.binary(max_size=300), min_size=1, max_size=5)


@given(NAMES, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_files_is_not_in_the_bytes(files: dict[str, bytes], order: object) -> None:
    shuffled = list(files.items())
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    for kind in ("zip", "tar.gz"):
        assert pack(files, kind) == pack(dict(shuffled), kind)


@given(NAMES)
@settings(max_examples=20, deadline=None)
def test_what_is_packed_comes_out_again(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(pack(files, "zip"))) as packed:
        assert {name: packed.read(f"{TOP}/{name}") for name in files} == files
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with tarfile.open(fileobj=io.BytesIO(pack(files, "tar.gz"))) as packed_tar:
        members = packed_tar.getmembers()
        assert {(entry.mtime, entry.uid, entry.uname, entry.mode) for entry in members} == {(0, 0, "", 0o644)}
        assert [entry.name for entry in members] == [f"{TOP}/{name}" for name in sorted(files)]


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("out", True, ("out.zip", "zip")),
        ("out.tar.gz", True, ("out.tar.gz", "tar.gz")),
        ("out.TGZ", True, ("out.TGZ", "tar.gz")),
        ("out", "tar.gz", ("out.tar.gz", "tar.gz")),
        ("out.v1", "zip", ("out.v1.zip", "zip")),
    ],
)
def test_the_suffix_says_the_format(name: str, wanted: bool | str, expected: tuple[str, str]) -> None:
    assert archive_name(name, wanted) == expected


def test_a_contradiction_is_refused() -> None:
    with pytest.raises(UsageError, match="ends like a zip"):
        archive_name("out.zip", "tar.gz")
    with pytest.raises(UsageError, match=r"zip or tar\.gz, not 'rar'"):
        archive_name("out", "rar")


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_two_bundles_of_the_same_inputs_are_the_same_bytes(
    tmp_path: Path, model_file: Path, picture: Path, matrix: Matrix, suffix: str
) -> None:
    paths = [tmp_path / f"{name}.{suffix}" for name in ("one", "other")]
    copy = tmp_path / "renamed.onnx"
    copy.write_bytes(model_file.read_bytes())
    for path, model in zip(paths, (model_file, copy), strict=True):
        result = write_bundle(model, "cuda10", path, image=picture, matrix=matrix)
        assert result.archive == suffix
        assert verify(path).ok
    assert paths[0].read_bytes() == paths[1].read_bytes()
