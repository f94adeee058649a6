import os
import sys
from pathlib import Path

import pytest

from ortdoctor.probe import libraries, loader
from ortdoctor.probe.context import Context, here

from .boxes import Box, program
from .native import library

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="loads libraries of Linux")


def plain(machine: Context, cache: dict[str, list[str]] | None = None) -> loader.Loader:
    return loader.Loader(machine, "glibc" if machine.os == "linux" else machine.os, [], cache or {}, "")


def put(machine: Context, path: str, soname: str = "") -> None:
    library(Path(machine.root + path), soname)


def test_a_toolkit_tells_the_version_by_the_name_of_the_real_file(box: Box) -> None:
    machine = box({})
    put(machine, "/usr/local/cuda-12.2/lib64/libcudart.so.12.2.140", "libcudart.so.12")
    folder = Path(machine.root, "usr/local/cuda-12.2/lib64")
    (folder / "libcudart.so.12").symlink_to("libcudart.so.12.2.140")
    (folder / "libcudart.so").symlink_to("libcudart.so.12")
    found = libraries.copies(machine, plain(machine), [], ["/usr/local/cuda-12.2"])
    path = "/usr/local/cuda-12.2/lib64/libcudart.so.12.2.140"
    assert found == [libraries.Copy("cudart", "libcudart.so.12", "12.2.140", path, "toolkit")]


def test_a_file_is_told_once_by_the_supply_that_a_loader_prefers(box: Box) -> None:
    machine = box({}, env={"LD_LIBRARY_PATH": "/opt/ld"})
    put(machine, "/usr/lib/x86_64-linux-gnu/libcudnn.so.8.9.7", "libcudnn.so.8")
    put(machine, "/opt/ld/libcublasLt.so.11.11.3.6", "libcublasLt.so.11")
    cache = {"libcudnn.so.8": ["/usr/lib/x86_64-linux-gnu/libcudnn.so.8.9.7"], "libz.so.1": ["/lib/libz.so.1"]}
    found = libraries.copies(machine, plain(machine, cache), [], ["/opt/ld"])
    assert [(item.name, item.version, item.supply) for item in found] == [
        ("cublasLt", "11.11.3.6", "LD_LIBRARY_PATH"),
        ("cudnn", "8.9.7", "ldconfig"),
    ]


def test_jetpack_keeps_libraries_in_the_system_folders(box: Box) -> None:
    machine = box({"/etc/nv_tegra_release": "# R32"}, arch="aarch64")
    put(machine, "/usr/lib/aarch64-linux-gnu/libcudnn.so.8.2.1", "libcudnn.so.8")
    assert [item.supply for item in libraries.copies(machine, plain(machine), [], [])] == ["jetson"]


def test_wheels_tell_their_own_version_in_the_old_and_in_the_cu13_layout(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    for wheel, path, soname in (
        ("nvidia_cuda_runtime_cu12-12.9.79", "nvidia/cuda_runtime/lib/libcudart.so.12", "libcudart.so.12"),
        ("nvidia_cublas-13.1.0.3", "nvidia/cu13/lib/libcublas.so.13", "libcublas.so.13"),
        ("tensorrt_cu12_libs-10.7.0", "tensorrt_libs/libnvinfer.so.10", "libnvinfer.so.10"),
    ):
        library(site / path, soname)
        record = site / f"{wheel}.dist-info" / "RECORD"
        record.parent.mkdir()
        record.write_text(f"{path},sha256=x,1\n{path}.txt,,\n")
    library(site / "torch/lib/libcudart-8774224f.so.12", "libcudart-8774224f.so.12")
    machine = here()._replace(os="linux", env={})
    found = {item.path: item for item in libraries.copies(machine, plain(machine), [str(site)], [])}
    told = [(item.name, item.soname, item.version, item.supply) for path, item in sorted(found.items())]
    assert [item for item in told if item[3] in ("wheel", "torch")] == [
        ("cublas", "libcublas.so.13", "13.1.0.3", "wheel"),
        ("cudart", "libcudart.so.12", "12.9.79", "wheel"),
        ("nvinfer", "libnvinfer.so.10", "10.7.0", "wheel"),
        ("cudart", "libcudart-8774224f.so.12", "12", "torch"),
    ]


def test_a_file_is_told_with_the_wheel_that_brought_it_and_why_it_cannot_be_taken(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    whole = library(site / "nvidia/cublas/lib/libcublas.so.12", "libcublas.so.12")
    (site / "nvidia/cublas/lib/libcublasLt.so.12").write_bytes(whole.read_bytes()[:-9000])
    record = site / "nvidia_cublas_cu12-12.9.1.4.dist-info" / "RECORD"
    record.parent.mkdir()
    record.write_text("nvidia/cublas/lib/libcublas.so.12,,\nnvidia/cublas/lib/libcublasLt.so.12,,\n")
    machine = here()._replace(os="linux", env={})
    listed = libraries.copies(machine, plain(machine), [str(site)], [])
    rows = {row["name"]: row for row in libraries.entries(machine, plain(machine), listed) if row["supply"] == "wheel"}
    assert [rows[name]["wheel"] for name in ("cublas", "cublasLt")] == ["nvidia-cublas-cu12"] * 2
    assert rows["cublas"]["error"] is None
    assert "is cut" in rows["cublasLt"]["error"]
    assert (rows["cublasLt"]["loader"], rows["cublasLt"]["version"]) == (False, "12.9.1.4")


def test_a_conda_environment_is_known_by_its_metadata(box: Box) -> None:
    machine = box({"/opt/conda/conda-meta/history": ""}, env={"CONDA_PREFIX": "/opt/conda"})
    put(machine, "/opt/conda/lib/libcufft.so.11.0.8.103", "libcufft.so.11")
    assert [item.supply for item in libraries.copies(machine, plain(machine), [], [])] == ["conda"]


@pytest.mark.parametrize(
    "name", ["libcudadevrt.a", "libicudata.so.72", "libnvrtc-builtins.so.12.2", "libcudart_static.a"]
)
def test_files_of_other_names_are_left_alone(name: str, box: Box) -> None:
    machine = box({f"/cuda/lib64/{name}": "x"})
    assert libraries.copies(machine, plain(machine), [], ["/cuda"]) == []


def test_a_broken_file_is_listed_by_its_name(box: Box) -> None:
    machine = box({"/cuda/lib64/libcublas.so.12": "version https://git-lfs"})
    found = libraries.copies(machine, plain(machine), [], ["/cuda"])
    assert found[0][:5] == ("cublas", None, "12", "/cuda/lib64/libcublas.so.12", "toolkit")
    assert "is not an ELF file" in str(found[0].error)
    assert len(found) == 1
    assert libraries.entries(machine, plain(machine), found)[0]["loader"] is False


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cudart64_12.dll", ("cudart", "12", 12)),
        ("cudart64_110.dll", ("cudart", "11.0", 11)),
        ("cudart64_92.dll", ("cudart", "9.2", 9)),
        ("cublasLt64_11.dll", ("cublasLt", "11", 11)),
        ("nvrtc64_120_0.dll", ("nvrtc", "12.0", 12)),
        ("cudnn64_9.dll", ("cudnn", "9", 9)),
        ("cudnn_ops_infer64_8.dll", ("cudnn_ops_infer", "8", 8)),
        ("nvinfer_10.dll", ("nvinfer", "10", 10)),
    ],
)
def test_windows_runs_the_digits_together(name: str, wanted: tuple[str, str, int], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).write_bytes(b"MZ")
    machine = Context("windows", "x86_64", {"PATH": f"C:\\x;{tmp_path / 'bin'}"}, "", str(tmp_path))
    found = libraries.copies(machine, plain(machine), [], [])
    (entry,) = libraries.entries(machine, plain(machine), found)
    assert (entry["name"], entry["version"], entry["major"]) == wanted
    assert (entry["soname"], entry["supply"], entry["loader"]) == (name, "PATH", True)


def test_only_the_copy_that_its_soname_leads_to_is_the_loaders(box: Box) -> None:
    machine = box({})
    put(machine, "/a/libcudart.so.11.8.89", "libcudart.so.11.0")
    put(machine, "/b/lib64/libcudart.so.11.2.152", "libcudart.so.11.0")
    mine = plain(machine, {"libcudart.so.11.0": ["/a/libcudart.so.11.8.89"]})
    entries = libraries.entries(machine, mine, libraries.copies(machine, mine, [], ["/b"]))
    assert [(item["version"], item["major"], item["loader"]) for item in entries] == [
        ("11.8.89", 11, True),
        ("11.2.152", 11, False),
    ]


@linux_only
def test_a_child_that_really_loads_is_believed_over_the_emulation(tmp_path: Path) -> None:
    library(tmp_path / "libcudart.so.12.9", "libcudart.so.12")
    (tmp_path / "libcudart.so.12").symlink_to("libcudart.so.12.9")
    mine = here()._replace(env=dict(os.environ, LD_LIBRARY_PATH=str(tmp_path)))
    blind = loader.Loader(mine._replace(env={}), "glibc", [], {}, "")  # knows nothing of LD_LIBRARY_PATH
    wanted = {"libcudart.so.12": str(tmp_path / "libcudart.so.12.9"), "libcudart.so.99": None}
    assert libraries.loaded_paths(mine, blind, list(wanted)) == wanted


@linux_only
def test_a_library_that_crashes_or_lacks_its_own_needs_is_still_found(tmp_path: Path) -> None:
    crash = "__attribute__((constructor)) void boom(void) { *(volatile int *)0 = 1; }"
    library(tmp_path / "libcudart.so.12", "libcudart.so.12", code=crash)
    gone = library(tmp_path / "libgone.so.1", "libgone.so.1")
    library(tmp_path / "libcublas.so.12", "libcublas.so.12", [gone])
    gone.unlink()
    mine = here()._replace(env=dict(os.environ, LD_LIBRARY_PATH=str(tmp_path)))
    paths = libraries.loaded_paths(mine, loader.of_interpreter(mine), ["libcudart.so.12", "libcublas.so.12"])
    assert paths == {name: str(tmp_path / name) for name in ("libcudart.so.12", "libcublas.so.12")}


def test_no_child_runs_for_a_machine_that_is_not_this_one(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = box({})
    program(Path(machine.root + "/sbin/ldconfig"), "exit 0")
    monkeypatch.setattr(libraries, "run_here", None)
    assert libraries.loaded_paths(machine, plain(machine), ["libcudart.so.12"]) == {"libcudart.so.12": None}
