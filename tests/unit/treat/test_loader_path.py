"""The two files that open CUDA's libraries with onnxruntime: in a real interpreter, with small libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ortdoctor.treat import loader_path
from tests.unit.probe.native import library

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the loader of Linux")

#: Says which of the libraries are open, before and after onnxruntime is imported.
PROGRAM = """
import sys
def opened():
    paths = {line.split()[-1] for line in open("/proc/self/maps") if sys.argv[1] in line}
    return sorted(path.rpartition("/")[2] for path in paths)
import json, importlib.util
before = opened()
importlib.util.find_spec("onnxruntime")
looked = opened()
import onnxruntime
print(json.dumps([before, looked, opened()]))
"""


class Site:
    """A site folder with an onnxruntime whose provider needs CUDA 12, and wheels of CUDA 11 and 12 beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lib" / "site-packages"
        self.needs: list[Path] = []
        for name in ("cublasLt.so.12", "cublas.so.12", "cudart.so.12", "cudnn.so.9", "cufft.so.11"):
            self.needs.append(self.library(name))
        for name in ("cublas.so.11", "cudart.so.11.0", "cudnn.so.8", "nvrtc.so.12", "cudnn_graph.so.9", "other.so.1"):
            self.library(name)
        provider = self.path / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"
        library(provider, needs=self.needs)
        (self.path / "onnxruntime" / "__init__.py").write_text("")

    def library(self, name: str) -> Path:
        folder = name.partition(".")[0].partition("_")[0]
        return library(self.path / "nvidia" / folder / "lib" / f"lib{name}", soname=f"lib{name}")

    def run(self, program: str = PROGRAM) -> str:
        start = f"import site; site.addsitedir({str(self.path)!r})\n"
        command = [sys.executable, "-I", "-S", "-c", start + program, str(self.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def opened(self) -> list[list[str]]:
        answer: list[list[str]] = json.loads(self.run())
        return answer


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


WANTED = [
    "libcublas.so.12",
    "libcublasLt.so.12",
    "libcudart.so.12",
    "libcudnn.so.9",
    "libcudnn_graph.so.9",
    "libcufft.so.11",
    "libnvrtc.so.12",
]


def test_what_the_provider_needs_is_open_once_onnxruntime_is_imported(site: Site) -> None:
    assert site.opened()[2] == []
    loader_path.write(str(site.path), [])
    before, looked, after = site.opened()
    assert (before, looked) == ([], [])
    assert after == WANTED


def test_the_provider_then_loads_by_itself(site: Site) -> None:
    program = f"""
import ctypes, onnxruntime
try: ctypes.CDLL({str(site.path / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so")!r})
except OSError as error: print(error)
else: print("loaded")
"""
    assert "cannot open shared object file" in site.run(program)
    loader_path.write(str(site.path), [])
    assert site.run(program) == "loaded\n"


def test_other_programs_pay_nothing(site: Site) -> None:
    program = "import sys; print(sorted(set(sys.modules) - {'_onnxruntime_cuda_path'}))"
    before = site.run(program)
    loader_path.write(str(site.path), [])
    assert site.run(program) == before


def test_deleting_both_files_undoes_it(site: Site) -> None:
    for path in loader_path.write(str(site.path), []):
        Path(path).unlink()
    assert site.opened()[2] == []


def test_named_folders_come_first_and_wheels_are_not_named(site: Site, tmp_path: Path) -> None:
    toolkit = library(tmp_path / "cuda" / "lib64" / "libcudart.so.12", soname="libcudart.so.12").parent
    loader_path.write(str(site.path), [str(toolkit), str(site.path / "nvidia" / "cublas" / "lib")])
    source = (site.path / loader_path.MODULE).read_text()
    assert f"FOLDERS = {[str(toolkit)]!r}" in source
    opened = site.run("import onnxruntime; print(open('/proc/self/maps').read())")
    assert str(toolkit / "libcudart.so.12") in opened
    assert str(site.path / "nvidia" / "cudart" / "lib") not in opened


def test_wheels_in_another_folder_of_packages_are_named(site: Site) -> None:
    folders = loader_path.elsewhere([str(site.path)])
    assert str(site.path / "nvidia" / "cublas" / "lib") in folders


@pytest.mark.parametrize("broken", ["missing", "garbage", "no provider", "no elf"])
def test_what_is_not_there_or_broken_is_passed_over(site: Site, broken: str) -> None:
    loader_path.write(str(site.path), ["/nowhere"])
    provider = site.path / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"
    if broken == "missing":
        (site.path / "nvidia" / "cudart" / "lib" / "libcudart.so.12").unlink()
    elif broken == "garbage":
        (site.path / "nvidia" / "cudart" / "lib" / "libcudart.so.12").write_bytes(b"\x7fELF garbage")
    elif broken == "no provider":
        provider.unlink()
    else:
        provider.write_bytes(b"\x7fELF\x02\x01" + b"\xff" * 200)
    after = site.opened()[2]
    left = [name for name in WANTED if name != "libcudart.so.12"]
    assert after == (left if broken in {"missing", "garbage"} else [])


def test_the_package_names_its_needs_in_its_own_preload(site: Site) -> None:
    capi = site.path / "onnxruntime" / "capi"
    (capi / "libonnxruntime_providers_cuda.so").unlink()
    (capi / "_ld_preload.py").write_text("CDLL('libcudart.so.11.0')\nCDLL('libcudnn.so.8')")
    loader_path.write(str(site.path), [])
    assert site.opened()[2] == ["libcudart.so.11.0", "libcudnn.so.8"]


def test_a_source_that_cannot_be_written_leaves_no_line_behind(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.rename", refuse)
    with pytest.raises(OSError, match="No space"):
        loader_path.write(str(site.path), [])
    assert not (site.path / loader_path.PTH).exists()
