import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ortdoctor.probe import elf, loader
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
    assert re.search(r"is cut: it should have at least \d+ bytes and has 600", entry["error"])


def test_a_dll_says_that_its_needs_were_not_read(tmp_path: Path) -> None:
    path = tmp_path / "onnxruntime_providers_tensorrt.dll"
    path.write_bytes(b"MZ")
    mine = loader.Loader(Context("windows", "x86_64", {}, "", ""), "windows", [], {}, "")
    (entry,) = provider_libraries(mine, [str(path)], [])
    assert entry["provider"] == TENSORRT
    assert "no ELF file" in entry["error"]


@pytest.fixture
def chained(tmp_path: Path) -> Path:
    """Lay out a provider that needs cublas, which needs cublasLt, which needs a library that is nowhere."""
    gone = library(tmp_path / "gone" / "libnvJitLink.so.12", "libnvJitLink.so.12")
    lower = library(tmp_path / "cuda" / "libcublasLt.so.12", "libcublasLt.so.12", [gone])
    upper = library(tmp_path / "cuda" / "libcublas.so.12", "libcublas.so.12", [lower])
    library(tmp_path / "libonnxruntime_providers_cuda.so", needs=[upper])
    return tmp_path


def told(
    provider: Path, env: dict[str, str], options: list[str] | None = None
) -> dict[str, tuple[str | None, str | None]]:
    """Return soname to (path, needed by) of the provider in ``provider``, linked again with ``options``."""
    path = provider / "libonnxruntime_providers_cuda.so"
    if options is not None:
        library(path, needs=[provider / "cuda" / "libcublas.so.12"], options=options)
    (entry,) = provider_libraries(loader_of(here()._replace(os="linux", env=env)), [str(path)], [])
    return {item["soname"]: (item["path"], item["needed_by"]) for item in entry["needed"]}


def test_needs_are_followed_and_each_says_whose_it_is(chained: Path) -> None:
    folder = str(chained / "cuda")
    found = told(chained, {"LD_LIBRARY_PATH": folder})
    assert found["libcublas.so.12"] == (f"{folder}/libcublas.so.12", None)
    assert found["libcublasLt.so.12"] == (f"{folder}/libcublasLt.so.12", "libcublas.so.12")
    assert found["libnvJitLink.so.12"] == (None, "libcublasLt.so.12")
    assert found["libc.so.6"][1] is None


def test_an_rpath_serves_the_needs_of_needs_and_a_runpath_does_not(chained: Path) -> None:
    for tags, reached in (("--disable-new-dtags", True), ("--enable-new-dtags", False)):
        found = told(chained, {}, [f"-Wl,{tags}", "-Wl,-rpath,$ORIGIN/cuda"])
        assert found["libcublas.so.12"][0] == str(chained / "cuda" / "libcublas.so.12")
        assert bool(found["libcublasLt.so.12"][0]) is reached, tags


def test_what_the_program_has_mapped_already_is_not_looked_for(chained: Path, tmp_path: Path) -> None:
    other = library(tmp_path / "other" / "libcublasLt.so.12", "libcublasLt.so.12")
    program = library(tmp_path / "program", needs=[other], options=[f"-Wl,-rpath,{other.parent}"])
    mine = loader_of(here()._replace(os="linux", env={}))
    mine = mine._replace(program=[loader.Object(str(program), elf.read(str(program)))])
    provider = chained / "libonnxruntime_providers_cuda.so"
    library(provider, needs=[chained / "cuda" / "libcublas.so.12"], options=["-Wl,-rpath,$ORIGIN/cuda"])
    (entry,) = provider_libraries(mine, [str(provider)], [])
    found = {item["soname"]: item["path"] for item in entry["needed"]}
    assert found["libcublasLt.so.12"] == str(other)
    assert "libnvJitLink.so.12" not in found


def test_the_bridge_is_there_before_the_provider_that_needs_it(tmp_path: Path) -> None:
    bridge = library(tmp_path / "libonnxruntime_providers_shared.so", "libonnxruntime_providers_shared.so")
    provider = library(tmp_path / "libonnxruntime_providers_cuda.so", needs=[bridge])
    mine = loader_of(here()._replace(os="linux", env={}))
    (entry,) = provider_libraries(mine, [str(bridge), str(provider)], [])
    assert {item["soname"]: item["path"] for item in entry["needed"]}[bridge.name] == str(bridge)
    (alone,) = provider_libraries(mine, [str(provider)], [])
    assert {item["soname"]: item["path"] for item in alone["needed"]}[bridge.name] is None


@pytest.mark.parametrize("named", ["path", "soname", "not there"])
def test_what_is_preloaded_is_taken_wherever_the_search_would_lead(chained: Path, named: str) -> None:
    other = library(chained / "other" / "libcublasLt.so.12", "libcublasLt.so.12")
    name = {"path": str(other), "soname": other.name, "not there": "/none/libcublasLt.so.12"}[named]
    env = {"LD_PRELOAD": f"{name} /none", "LD_LIBRARY_PATH": str(other.parent if named == "soname" else chained)}
    found = told(chained, env, ["-Wl,-rpath,$ORIGIN/cuda"])
    assert found["libcublasLt.so.12"][0] == (None if named == "not there" else str(other))


@pytest.mark.parametrize("options", [["-Wl,--disable-new-dtags"], ["-Wl,--enable-new-dtags"]], ids=["RPATH", "RUNPATH"])
@pytest.mark.parametrize("variable", ["", "cuda"])
def test_the_same_is_missing_as_the_real_loader_says(chained: Path, options: list[str], variable: str) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("asks the dynamic loader of Linux")
    env = {name: text for name, text in os.environ.items() if name != "LD_LIBRARY_PATH"}
    if variable:
        env["LD_LIBRARY_PATH"] = str(chained / variable)
    path = chained / "libonnxruntime_providers_cuda.so"
    library(
        path, needs=[chained / "cuda" / "libcublas.so.12"], options=[*options, f"-Wl,-rpath,{chained / 'cuda'}"]
    )
    mine = loader.of_interpreter(here()._replace(env=env))
    (entry,) = provider_libraries(mine, [str(path)], [])
    traced = subprocess.run(["ldd", str(path)], env=env, capture_output=True, text=True, check=False, timeout=60)
    missing = re.findall(r"^\s*(\S+) => not found", traced.stdout, re.MULTILINE)
    assert missing
    assert [item["soname"] for item in entry["needed"] if item["path"] is None] == missing
