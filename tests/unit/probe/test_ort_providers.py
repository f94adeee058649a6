from pathlib import Path

import pytest

from ortdoctor.probe import loader
from ortdoctor.probe.context import Context, here
from ortdoctor.probe.ort_providers import Preload, preloads, provider_libraries

from .native import library

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"

GUARDED = """
from ctypes import CDLL, RTLD_GLOBAL
try:
    _libcublasLt = CDLL("libcublasLt.so.11", mode=RTLD_GLOBAL)
    _libcudart = CDLL("libcudart.so.11.0", mode=RTLD_GLOBAL)
except OSError:
    import os
    os.environ["ORT_CUDA_UNAVAILABLE"] = "1"
from ctypes import CDLL, RTLD_GLOBAL
try:
    _libnvinfer = CDLL("libnvinfer.so.8", mode=RTLD_GLOBAL)
    _libcudart = CDLL("libcudart.so.11.0", mode=RTLD_GLOBAL)
except OSError:
    import os
    os.environ["ORT_TENSORRT_UNAVAILABLE"] = "1"
"""

PLAIN = """
import ctypes
_libcudart = ctypes.CDLL("libcudart.so.10.1", mode=ctypes.RTLD_GLOBAL)
_libcudnn = ctypes.CDLL("libcudnn.so.7", mode=ctypes.RTLD_GLOBAL)
"""


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (
            GUARDED,
            [
                Preload(CUDA, ["libcublasLt.so.11", "libcudart.so.11.0"]),
                Preload(TENSORRT, ["libnvinfer.so.8", "libcudart.so.11.0"]),
            ],
        ),
        (PLAIN, [Preload(CUDA, ["libcudart.so.10.1", "libcudnn.so.7"])]),
        ("# nothing to preload\n", []),
        ("name = 'x'\nCDLL(name)\nCDLL()\n", []),
        ("def broken(:", []),
        ("\0", []),
    ],
    ids=["since 1.11", "before", "empty", "computed", "no Python", "binary"],
)
def test_reads_which_libraries_a_package_opens_for_which_provider(source: str, wanted: list[Preload]) -> None:
    assert preloads(source) == wanted


@pytest.fixture
def capi(tmp_path: Path) -> Path:
    cudart = library(tmp_path / "cuda" / "libcudart.so.12", "libcudart.so.12")
    gone = library(tmp_path / "gone" / "libcublas.so.12", "libcublas.so.12")
    capi = tmp_path / "onnxruntime" / "capi"
    library(capi / "libonnxruntime_providers_shared.so")
    library(capi / "libonnxruntime_providers_cuda.so", needs=[gone, cudart])
    paths = ["-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/../../cuda"]
    library(capi / "onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so", options=paths)
    return capi


def loader_of(machine: Context) -> loader.Loader:
    return loader.Loader(machine, "glibc", [], {}, "")


def test_needs_are_searched_with_the_paths_of_the_extension_that_opens_the_library(capi: Path) -> None:
    mine = loader_of(here()._replace(os="linux", env={}))
    natives = sorted(map(str, capi.iterdir()))
    (entry,) = provider_libraries(mine, natives, [])
    assert entry["provider"] == CUDA
    assert entry["path"].endswith("/libonnxruntime_providers_cuda.so")
    found = {item["soname"]: item["path"] for item in entry["needed"]}
    assert found["libcublas.so.12"] is None
    assert found["libcudart.so.12"] == str(capi.parents[1] / "cuda" / "libcudart.so.12")
    missing = next(item for item in entry["needed"] if item["soname"] == "libcublas.so.12")
    assert missing["searched"][0] == f"RPATH {capi.parents[1] / 'cuda'}"
    assert entry["runpath"] == []


def test_preloaded_libraries_count_as_needed_and_are_searched_as_ctypes_does(capi: Path) -> None:
    mine = loader_of(here()._replace(os="linux", env={}))
    natives = [str(capi / "libonnxruntime_providers_cuda.so"), str(next(capi.glob("*pybind11*")))]
    (entry,) = provider_libraries(mine, natives, [Preload(CUDA, ["libcudart.so.12", "libcufft.so.11"])])
    first, second = entry["needed"][:2]
    assert (first["soname"], first["path"]) == ("libcudart.so.12", None)  # the extension's RPATH does not serve ctypes
    assert not any("RPATH" in where for where in first["searched"])
    assert second["soname"] == "libcufft.so.11"
    assert [item["soname"] for item in entry["needed"]].count("libcudart.so.12") == 1


def test_up_to_release_17_the_extension_itself_is_the_provider(tmp_path: Path) -> None:
    extension = tmp_path / "onnxruntime_pybind11_state.so"
    cudart = library(tmp_path / "libcudart.so.10.1", "libcudart.so.10.1")
    library(extension, needs=[cudart])
    mine = loader_of(here()._replace(os="linux", env={}))
    (linked,) = provider_libraries(mine, [str(extension)], [])
    assert (linked["provider"], linked["path"]) == (CUDA, str(extension))
    library(extension)
    assert provider_libraries(mine, [str(extension)], []) == []
    (opened,) = provider_libraries(mine, [str(extension)], [Preload(CUDA, ["libcudart.so.10.1"])])
    assert opened["needed"][0]["soname"] == "libcudart.so.10.1"


def test_a_cut_library_is_listed_with_the_reason(capi: Path) -> None:
    path = capi / "libonnxruntime_providers_cuda.so"
    path.write_bytes(path.read_bytes()[:600])
    (entry,) = provider_libraries(loader_of(here()._replace(os="linux", env={})), [str(path)], [])
    assert entry["needed"] == []
    assert "cut or broken" in entry["error"]


def test_a_dll_says_that_its_needs_were_not_read(tmp_path: Path) -> None:
    path = tmp_path / "onnxruntime_providers_tensorrt.dll"
    path.write_bytes(b"MZ")
    mine = loader.Loader(Context("windows", "x86_64", {}, "", ""), "windows", [], {}, "")
    (entry,) = provider_libraries(mine, [str(path)], [])
    assert entry["provider"] == TENSORRT
    assert "no ELF file" in entry["error"]
