"""A wheel becomes facts without running any of it; native libraries are read as the loader reads them."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("elftools", reason="pyelftools of the extra dev is not installed")
pytest.importorskip("pefile", reason="pefile of the extra dev is not installed")

from ortdoctor.probe import elf
from tools.refresh_native import newest, read_native
from tools.refresh_wheel import constants, metadata_of, preloads, read_wheel

PRELOAD = """
import os
try:
    _a = CDLL("libcublas.so.11", mode=RTLD_GLOBAL)
    _b = CDLL("libcudnn.so.8", mode=RTLD_GLOBAL)
except OSError:
    os.environ["ORT_CUDA_UNAVAILABLE"] = "1"
try:
    _c = CDLL("libnvinfer.so.8", mode=RTLD_GLOBAL)
except OSError:
    pass
def find(name):
    return ctypes.CDLL(name)
"""
METADATA = """Metadata-Version: 2.1
Name: onnxruntime-gpu
Version: 1.2.3
Requires-Python: >=3.10
Requires-Dist: numpy  >=1.21
Requires-Dist: nvidia-cudnn-cu12~=9.0; extra == "cudnn"

Requires-Dist: not a header
"""


def shared_library() -> Path:
    found = importlib.util.find_spec("onnxruntime")
    libraries = list(Path(found.origin or "").parent.glob("capi/*.so*")) if found else []
    if not libraries:
        pytest.skip("no onnxruntime with ELF libraries is installed")
    return libraries[0]


def test_an_elf_library_says_what_our_other_reader_says() -> None:
    path = shared_library()
    mine, other = read_native(path), elf.read(str(path))
    assert mine is not None
    assert mine.needed == sorted(other.needed)
    assert (mine.glibc, mine.glibcxx) == (other.glibc, other.glibcxx)
    assert mine.rpath == ":".join(other.runpath or other.rpath)
    assert (mine.gpu_code, mine.run_time) == ({}, [])


def test_a_windows_program_says_what_it_imports() -> None:
    launchers = sorted(Path(pytest.__file__).parents[1].glob("pip/_vendor/distlib/t64.exe"))
    if not launchers:
        pytest.skip("no Windows launcher of pip is installed here")
    found = read_native(launchers[0])
    assert found is not None
    assert "KERNEL32.dll" in found.needed
    assert (found.glibc, found.gpu_code) == ("", {})


def test_other_files_are_none_and_broken_ones_are_said(tmp_path: Path) -> None:
    (tmp_path / "script.dll").write_bytes(b"#!/bin/sh")
    assert read_native(tmp_path / "script.dll") is None
    (tmp_path / "cut.dll").write_bytes(b"MZ" + bytes(100))
    with pytest.raises(ValueError, match=r"cut\.dll cannot be read"):
        read_native(tmp_path / "cut.dll")


def test_a_wheel_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "onnxruntime_gpu-1.2.3-cp310-cp310-manylinux_2_28_x86_64.whl"
    library = shared_library()
    with ZipFile(path, "w") as wheel:
        wheel.writestr("onnxruntime_gpu-1.2.3.dist-info/METADATA", METADATA)
        wheel.writestr("onnxruntime/capi/_ld_preload.py", PRELOAD)
        wheel.writestr("onnxruntime/capi/build_and_package_info.py", "cuda_version = '12.8'\n")
        wheel.writestr("onnxruntime/capi/version_info.py", "use_cuda = True\ncuda_version = '12.8.61'\n")
        wheel.write(library, "onnxruntime/capi/libonnxruntime.so.1.2.3")
        wheel.write(library, "onnxruntime/capi/onnxruntime_pybind11_state.cpython-310-x86_64-linux-gnu.so")
        wheel.write(library, "onnxruntime_gpu.libs/libz-1234.so")
    row = read_wheel(path)
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert row["size"] == path.stat().st_size
    assert row["preload"] == [["libcublas.so.11", "libcudnn.so.8"], ["libnvinfer.so.8"]]
    assert row["build_info"] == {
        "build_and_package_info": {"cuda_version": "12.8"},
        "version_info": {"cuda_version": "12.8.61", "use_cuda": True},
    }
    assert list(row["needed"]) == ["libonnxruntime.so", "onnxruntime_pybind11_state"]
    assert row["glibc"] == elf.read(str(library)).glibc
    assert "gpu_code" not in row
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_a_package_in_the_data_folder_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "onnxruntime_gpu-1.11.1-cp39-cp39-win_amd64.whl"
    inside = "onnxruntime_gpu-1.11.1.data/purelib/onnxruntime/capi"
    with ZipFile(path, "w") as wheel:
        wheel.writestr("onnxruntime_gpu-1.11.1.dist-info/METADATA", METADATA)
        wheel.writestr(f"{inside}/version_info.py", "cuda_version = '11.4'\n")
        wheel.write(shared_library(), f"{inside}/onnxruntime_providers_cuda.dll")
    row = read_wheel(path)
    assert row["build_info"] == {"version_info": {"cuda_version": "11.4"}}
    assert list(row["needed"]) == ["onnxruntime_providers_cuda.dll"]


def test_a_wheel_without_libraries_is_not_taken_for_one_that_needs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "onnxruntime-1.2.3-py3-none-any.whl"
    with ZipFile(path, "w") as wheel:
        wheel.writestr("onnxruntime-1.2.3.dist-info/METADATA", METADATA)
    with pytest.raises(ValueError, match="no native library"):
        read_wheel(path)


def test_metadata_ends_with_its_headers() -> None:
    assert metadata_of(METADATA) == {
        "requires_python": ">=3.10",
        "requires": ["numpy >=1.21", 'nvidia-cudnn-cu12~=9.0; extra == "cudnn"'],
    }


def test_source_is_read_and_not_run() -> None:
    assert constants("raise SystemExit\nb = 'x'\na = True\nc = f()\nn = 3\n") == {"a": True, "b": "x"}
    assert preloads("") == []
    assert preloads(PRELOAD)[0] == ["libcublas.so.11", "libcudnn.so.8"]


def test_newest_counts_by_number() -> None:
    assert newest(["GLIBC_2.9", "GLIBC_2.17", "GLIBC_PRIVATE", "GLIBCXX_3.4.30"], "GLIBC_") == "2.17"
    assert newest([], "GLIBC_") == ""
