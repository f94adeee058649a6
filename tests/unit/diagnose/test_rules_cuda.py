"""Libraries of CUDA and the driver that are there and of no use: the healthy GPU machine with a few facts changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor.diagnose.judge import judge
from tests import recorded
from tests.unit.diagnose.test_rules import GPU, causes, cuda_session, judged

if TYPE_CHECKING:
    from ortdoctor.diagnose.findings import Finding
    from ortdoctor.diagnose.judge import Report

SITE = "/home/user/venv/lib/python3.10/site-packages/nvidia"
BARE = "/opt/lib"
BY = f"{SITE}/cublas/lib/libcublas.so.12"


def fact(key: str, base: str = GPU) -> Any:
    return recorded.machine(base)["document"]["facts"][key]["value"]


def copies(changes: dict[str, dict[str, Any]], *more: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the libraries of the healthy machine, those named changed, and more."""
    return [{**row, **changes.get(row["soname"], {})} for row in fact("cuda.libraries")] + list(more)


def providers(soname: str, *searched: str) -> list[dict[str, Any]]:
    """Return the provider libraries, of which CUDA's misses ``soname``."""
    rows: list[dict[str, Any]] = fact("ort.provider_libraries")
    for row in rows:
        for need in row["needed"]:
            if need["soname"] == soname:
                need.update(path=None, searched=list(searched))
    return rows


def root(report: Report) -> Finding:
    assert [row.cause for row in report.findings if row.under is None] == causes(report)[:1]
    return report.findings[0]


def cut(folder: str, soname: str) -> str:
    return f"{folder}/{soname}: not an ELF file that can be read ({folder}/{soname} is cut)"


def a_copy(folder: str, file: str, **more: Any) -> dict[str, Any]:
    name = file[3:].split(".", maxsplit=1)[0]
    row = {"name": name, "soname": file, "version": "12.1", "major": 12, "path": f"{folder}/{file}"}
    return {**row, "supply": "LD_LIBRARY_PATH", "loader": False, **more}


def test_a_cut_library_of_a_wheel_is_installed_again() -> None:
    wheel = {"wheel": "nvidia-cublas-cu12", "version": "12.9.1.4"}
    damaged = {"soname": None, "loader": False, "error": "it is cut", **wheel}
    finding = root(
        judged(
            GPU,
            cuda__libraries=copies({"libcublas.so.12": damaged}),
            ort__provider_libraries=providers("libcublas.so.12", cut(f"{SITE}/cublas/lib", "libcublas.so.12")),
            ort__session=cuda_session(signal="SIGBUS", exit=-7),
        )
    )
    assert (finding.cause, finding.variant) == ("cuda_library_damaged", "wheel")
    (command,) = finding.commands
    assert command.endswith("pip install --force-reinstall --no-deps nvidia-cublas-cu12==12.9.1.4")


def test_a_cut_copy_before_a_whole_one_is_passed_by() -> None:
    bad = a_copy(BARE, "libcublas.so.12", soname=None, error="it is cut")
    finding = root(
        judged(
            GPU,
            cuda__libraries=copies({"libcublas.so.12": {"loader": False}}, bad),
            ort__provider_libraries=providers("libcublas.so.12", cut(BARE, "libcublas.so.12")),
            ort__session=cuda_session(signal="SIGBUS", exit=-7),
        )
    )
    assert (finding.cause, finding.variant) == ("cuda_library_damaged", "first")
    assert finding.values["path"] == f"{BARE}/libcublas.so.12"
    assert finding.commands == [
        f"export LD_LIBRARY_PATH={SITE}/cublas/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
    ]


def test_a_cut_copy_without_a_whole_one_is_supplied() -> None:
    rows = [row for row in copies({}) if row["soname"] != "libcublas.so.12"]
    bad = a_copy("/usr/local/cuda/lib64", "libcublas.so.12.1.3", soname=None, error="it is cut")
    finding = root(
        judged(
            GPU,
            cuda__libraries=[*rows, bad],
            ort__provider_libraries=providers("libcublas.so.12", cut("/usr/local/cuda/lib64", "libcublas.so.12")),
            ort__session=cuda_session(),
        )
    )
    assert (finding.cause, finding.variant) == ("cuda_library_damaged", "default")
    assert any("nvidia-cublas-cu12" in command for command in finding.commands)


def test_a_cut_copy_that_the_loader_does_not_come_to_is_nobodys_fault() -> None:
    bad = a_copy(BARE, "libcublas.so.12", soname=None, error="it is cut")
    assert not judged(GPU, cuda__libraries=copies({}, bad)).findings


@pytest.mark.parametrize(
    "said",
    [
        f"{BY}: undefined symbol: cublasLtGet, version libcublasLt.so.12",
        f"{BY}: symbol cublasLtGet, version libcublasLt.so.12 not defined in file libcublasLt.so.12 with link time ..",
        f"{BARE}/libcublasLt.so.12: version `libcublasLt.so.12' not found (required by {BY})",
    ],
)
def test_a_copy_that_does_not_belong_to_its_neighbours(said: str) -> None:
    older = a_copy(BARE, "libcublasLt.so.12", loader=True)
    newest = a_copy("/usr/local/cuda/lib64", "libcublasLt.so.12", version="12.99")
    libraries = copies({"libcublasLt.so.12": {"loader": False}}, older, newest)
    stderr = f"Failed to load library libonnxruntime_providers_cuda.so with error: {said}"
    finding = root(judged(GPU, cuda__libraries=libraries, ort__session=cuda_session(stderr=stderr)))
    assert (finding.cause, finding.variant) == ("duplicate_cuda_libs", "mixed")
    assert finding.values["path"] == f"{BARE}/libcublasLt.so.12"
    # The copy beside the library that asks for it, not the newest of all.
    assert finding.commands == [
        f"export LD_LIBRARY_PATH={SITE}/cublas/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
    ]


def test_a_library_that_is_too_old_and_alone_is_supplied() -> None:
    stderr = "with error: libonnxruntime_providers_cuda.so: undefined symbol: cudaNew, version libcudart.so.12"
    finding = root(judged(GPU, ort__session=cuda_session(stderr=stderr)))
    assert (finding.cause, finding.variant) == ("duplicate_cuda_libs", "default")
    assert any("nvidia-cuda-runtime-cu12" in command for command in finding.commands)


CUDNN_9 = ("graph", "ops", "cnn", "adv", "heuristic", "engines_runtime_compiled", "engines_precompiled")
CUDNN_8 = ("ops_infer", "cnn_infer", "adv_infer", "ops_train")


def cudnn(major: int, parts: tuple[str, ...], wheel: str | None) -> list[dict[str, Any]]:
    folder = f"{SITE}/cudnn/lib"
    rest = [row for row in fact("cuda.libraries") if not row["name"].startswith("cudnn")]
    names = ["cudnn", *(f"cudnn_{part}" for part in parts)]
    own = [a_copy(folder, f"lib{name}.so.{major}", major=major, version=f"{major}.5.1.17") for name in names]
    return rest + [{**row, "loader": True, "wheel": wheel} for row in own]


@pytest.mark.parametrize(("major", "parts"), [(9, CUDNN_9), (8, CUDNN_8)])
def test_a_cudnn_without_one_of_its_parts_is_not_whole_though_a_session_works(
    major: int, parts: tuple[str, ...]
) -> None:
    wheel = "nvidia-cudnn-cu12"
    assert not judged(GPU, cuda__libraries=cudnn(major, parts, wheel)).findings
    assert not judged(GPU, cuda__libraries=cudnn(major, parts, None)).findings
    for part in set(parts) - {"ops_train"}:
        left = tuple(name for name in parts if name != part)
        finding = root(judged(GPU, cuda__libraries=cudnn(major, left, wheel)))
        assert (finding.cause, finding.variant, finding.severity) == ("cudnn_missing", "part", "error")
        assert finding.values["missing"] == f"libcudnn_{part}.so.{major}"
        assert finding.commands[0].endswith(f"--force-reinstall --no-deps {wheel}=={major}.5.1.17")


def test_a_cudnn_that_compiles_all_its_engines_has_fewer_parts() -> None:
    for wheel in (None, "nvidia-cudnn-jit-cu12"):
        assert not judged(GPU, cuda__libraries=cudnn(9, ("graph", "engines_runtime_compiled"), wheel)).findings


@pytest.mark.parametrize("major", [None, "9", [9], {}, 7])
def test_a_major_that_is_none_is_not_asked_for_parts(major: object) -> None:
    rows = [{**row, "major": major} for row in cudnn(9, (), "nvidia-cudnn-cu12")]
    assert not judged(GPU, cuda__libraries=rows).findings


def test_a_cudnn_of_another_kind_without_a_part_is_supplied() -> None:
    left = tuple(name for name in CUDNN_9 if name != "ops")
    finding = root(judged(GPU, cuda__libraries=cudnn(9, left, None)))
    assert any("nvidia-cudnn-cu12==9.*" in command for command in finding.commands)


def test_a_build_that_opens_cudnn_later_is_told_that_there_is_none() -> None:
    new = [{"name": "onnxruntime-gpu", "version": "1.31.1", "location": "/v", "missing": [], "changed": [], "files": 9}]
    facts: dict[str, Any] = {"ort__distributions": new, "ort__version": "1.31.1", "ort__cuda_build": "13.0"}
    rest = [row for row in fact("cuda.libraries") if not row["name"].startswith("cudnn")]
    finding = root(judged(GPU, **facts, cuda__libraries=rest, cudnn__runtime=None))
    assert (finding.cause, finding.variant, finding.severity) == ("cudnn_missing", "later", "warning")
    assert any("nvidia-cudnn-cu13==9.*" in command for command in finding.commands)
    off_path = [*rest, a_copy(BARE, "libcudnn.so.9", major=9)]
    assert not judged(GPU, **facts, cuda__libraries=off_path, cudnn__runtime=None).findings
    assert not judged(GPU, **facts, cuda__libraries=rest, cudnn__runtime=OSError("not asked")).findings


def test_libraries_that_cuda_itself_answers_from_were_loaded() -> None:
    """A program may open them before the loader is asked, so that what the loader misses is not missing."""
    rows = providers("libcublas.so.12", "LD_LIBRARY_PATH /nowhere")
    answered = cuda_session(stderr="x.cc:122 onnxruntime::CudaCall() CUDA failure 100: no CUDA-capable device ; GPU=0")
    unreached = copies({"libcublas.so.12": {"loader": False}})
    report = judged(GPU, ort__provider_libraries=rows, cuda__libraries=unreached, ort__session=answered)
    assert causes(report) == ["no_gpu_visible"]
    silent = judged(GPU, ort__provider_libraries=rows, cuda__libraries=unreached, ort__session=cuda_session())
    assert causes(silent)[0] == "cuda_libs_not_on_loader_path"


def test_a_device_that_is_not_there_is_not_cured_by_another_release() -> None:
    said = "/src/cuda_call.cc:121 std::conditional_t<..> CUDA failure 100: no CUDA-capable device ; GPU=-1 ; hostname=x"
    finding = root(judged(GPU, ort__session=cuda_session(stderr=said)))
    assert finding.commands == []
    assert finding.values["error"] == "CUDA failure 100: no CUDA-capable device"


STUB = {"library": "/usr/local/cuda/lib64/stubs/libcuda.so.1", "init_code": 34, "init_name": "CUDA_ERROR_STUB_LIBRARY"}


@pytest.mark.parametrize(
    ("path", "commands"),
    [
        ("/usr/local/cuda/lib64/stubs", ["unset LD_LIBRARY_PATH"]),
        ("/a b:/usr/local/cuda/lib64/stubs/:/c", ["export LD_LIBRARY_PATH='/a b:/c'"]),
        ("/a", []),
        (None, []),
    ],
)
def test_a_stub_in_place_of_the_drivers_library(path: str | None, commands: list[str]) -> None:
    env = {"LD_LIBRARY_PATH": path} if path else {}
    finding = root(judged(GPU, gpu__cuda_api=STUB, python__env=env, ort__session=cuda_session()))
    assert (finding.cause, finding.variant, finding.commands) == ("cuda_driver_fails", "stub", commands)


@pytest.mark.parametrize(
    "error",
    ["libcuda.so.1 could not be loaded: libcuda.so.1: file too short", "python libcuda.py was ended by SIGBUS"],
)
def test_a_drivers_library_that_cannot_be_loaded(error: str) -> None:
    finding = root(judged(GPU, gpu__cuda_api=OSError(error), ort__session=cuda_session(signal="SIGBUS", exit=-7)))
    assert (finding.cause, finding.variant) == ("cuda_driver_library_missing", "broken")
    assert error in finding.values["error"]


def test_a_drivers_library_that_hangs_is_not_broken() -> None:
    hangs = judged(GPU, gpu__cuda_api=OSError("python libcuda.py did not end within 10 s"), ort__session=cuda_session())
    assert "cuda_driver_library_missing" not in causes(hangs)


@pytest.mark.parametrize(("code", "severity"), [(803, "error"), (999, "warning")])
def test_an_error_that_only_a_kernel_module_gives_proves_the_driver(code: int, severity: str) -> None:
    api = {"library": "/usr/lib/libcuda.so.1", "init_code": code, "init_name": "X"}
    said = OSError("nvmlInit returned 18")
    unknown = {"gpu__driver_version": said, "gpu__devices": said, "gpu__proc_driver": None}
    report = judged(GPU, gpu__cuda_api=api, system__pci_gpus=[], ort__session=cuda_session(), **unknown)
    assert (report.findings[0].cause, report.findings[0].severity) == ("cuda_driver_fails", severity)


def test_the_versions_of_one_cuda_are_told_once() -> None:
    document = recorded.machine("linux-cuda12-libraries-with-cuda11-build")["document"]
    document["facts"]["cuda.libraries"]["value"] = [
        a_copy("/v/cuda_runtime/lib", "libcudart.so.10.2", major=10),
        a_copy("/v/cuda_runtime/lib", "libcudart.so.10.1", major=10),
        a_copy("/w/cuda_runtime/lib", "libcudart.so.12"),
        a_copy("/w/cublas/lib", "libcublas.so.12"),
    ]
    document["facts"]["cuda.toolkits"]["value"] = document["facts"]["cuda.nvcc"]["value"] = []
    finding = next(row for row in judge(document, recorded.matrix()).findings if row.cause == "cuda_major_mismatch")
    assert finding.values["have"] == "10.1, 10.2, 12"
