from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.probe import packages
from ortdoctor.probe.packages import canonical, installed


def _metadata(path: Path, name: str, version: str, file: str = "METADATA") -> None:
    path.mkdir(parents=True)
    (path / file).write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nVersion: of the text\n")


def test_wheels_eggs_and_system_packages(tmp_path: Path) -> None:
    _metadata(tmp_path / "onnxruntime_gpu-1.16.3.dist-info", "onnxruntime-gpu", "1.16.3")
    _metadata(tmp_path / "opencv_python-4.8.0.74.dist-info", "opencv-python", "4.8.0.74")
    _metadata(tmp_path / "torch-2.1.0+cu118.dist-info", "torch", "2.1.0+cu118")
    _metadata(tmp_path / "protobuf-3.6.1-py3.6.egg-info", "protobuf", "3.6.1", "PKG-INFO")
    _metadata(tmp_path / "onnx.egg-info", "onnx", "1.15.0", "PKG-INFO")
    (tmp_path / "numpy-1.13.3.egg-info").write_text("Metadata-Version: 1.1\nName: numpy\nVersion: 1.13.3\n")
    _metadata(tmp_path / "requests-2.31.0.dist-info", "requests", "2.31.0")
    _metadata(tmp_path / "torchvision-0.16.0.dist-info", "torchvision", "0.16.0")
    _metadata(tmp_path / "~umpy-1.0.dist-info", "numpy", "1.0")
    assert installed([str(tmp_path)]) == {
        "onnxruntime-gpu": "1.16.3",
        "opencv-python": "4.8.0.74",
        "torch": "2.1.0+cu118",
        "protobuf": "3.6.1",
        "onnx": "1.15.0",
        "numpy": "1.13.3",
    }


def test_an_egg_on_the_path_is_a_distribution(tmp_path: Path) -> None:
    egg = tmp_path / "onnxruntime-1.4.0-py3.6-linux-x86_64.egg"
    _metadata(egg / "EGG-INFO", "onnxruntime", "1.4.0", "PKG-INFO")
    assert installed([str(egg)]) == {"onnxruntime": "1.4.0"}


def test_the_first_copy_on_the_path_wins(tmp_path: Path) -> None:
    _metadata(tmp_path / "user" / "numpy-2.0.0.dist-info", "numpy", "2.0.0")
    _metadata(tmp_path / "system" / "numpy-1.26.4.dist-info", "numpy", "1.26.4")
    assert installed([str(tmp_path / "user"), str(tmp_path / "system")]) == {"numpy": "2.0.0"}


def test_metadata_that_is_empty_leaves_the_folders_name(tmp_path: Path) -> None:
    (tmp_path / "ort_nightly_gpu-1.19.0.dev20240620.dist-info").mkdir()
    assert installed([str(tmp_path)]) == {"ort-nightly-gpu": "1.19.0.dev20240620"}


def test_path_entries_that_are_no_folders_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _metadata(tmp_path / "onnx-1.16.0.dist-info", "onnx", "1.16.0")
    (tmp_path / "stdlib.zip").write_bytes(b"PK")
    monkeypatch.chdir(tmp_path)
    # The empty entry is the current folder.
    assert installed([str(tmp_path / "missing"), str(tmp_path / "stdlib.zip"), ""]) == {"onnx": "1.16.0"}


def test_this_interpreter_has_a_list() -> None:
    fact = packages.collect()["python.packages"]
    assert fact["error"] is None
    assert list(fact["value"]) == sorted(fact["value"])


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", fullmatch=True))
@settings(deadline=None, max_examples=50)
def test_a_canonical_name_stays_as_it_is(name: str) -> None:
    assert canonical(canonical(name)) == canonical(name)
    assert not set(canonical(name)) & set("_.")


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_metadata_of_any_bytes_is_no_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("site")
    (folder / "numpy-1.0.dist-info").mkdir()
    (folder / "numpy-1.0.dist-info" / "METADATA").write_bytes(data)
    assert list(installed([str(folder)])) == ["numpy"]
