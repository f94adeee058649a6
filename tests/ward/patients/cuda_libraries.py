"""CUDA and cuDNN libraries: not there, of another major, cut, in the wrong place, twice; with a GPU and its driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ward import cuda
from tests.ward.cuda import CU11, CU12
from tests.ward.patient import FIX, Patient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.ward.bed import Bed

_OLD, _NEW = ("onnxruntime-gpu==1.16.3", "numpy<2"), ("onnxruntime-gpu==1.31.1", "numpy")
_CUDA12, _PRELOAD = ("onnxruntime-gpu==1.20.2", "numpy"), ("onnxruntime-gpu==1.26.0", "numpy")

#: A partial toolkit of the machine itself may be of another CUDA: it then explains what is missing.
_NO_LIBRARIES = ("cuda_libs_missing", "cuda_major_mismatch")


def with_driver(*requirements: str, on_path: bool = True) -> Callable[[Bed], None]:
    """Return the recipe of an environment with a driver, whose wheels are on the loader's path."""

    def build(bed: Bed) -> None:
        cuda.environment(bed, *requirements)
        cuda.drive(bed)
        if on_path:
            cuda.search(bed, *cuda.folders(bed))

    return build


def then(first: Callable[[Bed], None], break_it: Callable[[Bed], object]) -> Callable[[Bed], None]:
    """Return the recipe that builds ``first`` and then breaks it."""

    def build(bed: Bed) -> None:
        first(bed)
        break_it(bed)

    return build


def delete(name: str) -> Callable[[Bed], None]:
    return lambda bed: cuda.library(bed, name).unlink()


def truncate(name: str) -> Callable[[Bed], None]:
    return lambda bed: bed.truncate(cuda.library(bed, name))


def truncated_copy_first(name: str) -> Callable[[Bed], None]:
    """Put a cut copy of a library into a folder that the loader searches before the wheels'."""

    def break_it(bed: Bed) -> None:
        content = cuda.library(bed, name).read_bytes()
        cuda.search(bed, _elsewhere(bed, name, content[: len(content) // 2]))

    return break_it


def older_copy_first(name: str, requirement: str) -> Callable[[Bed], None]:
    """Put the copy of an older wheel into a folder that the loader searches before the wheels'."""

    def break_it(bed: Bed) -> None:
        older = bed.root / "older"
        bed.run("uv", "pip", "install", "-q", "--python", bed.python, "--no-deps", "--target", older, requirement)
        (path,) = older.glob(f"nvidia/*/lib/{name}")
        cuda.search(bed, _elsewhere(bed, name, path.read_bytes()))

    return break_it


def _elsewhere(bed: Bed, name: str, content: bytes) -> Path:
    folder = bed.root / "opt" / "lib"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    return folder


def without(wheels: Sequence[str], part: str) -> list[str]:
    return [wheel for wheel in wheels if part not in wheel]


def no_provider(bed: Bed) -> None:
    (bed.package / "capi" / "libonnxruntime_providers_cuda.so").unlink()


def cpu_package_last(bed: Bed) -> None:
    cuda.install(bed, "--no-deps", "onnxruntime==1.22.0")


def by_pip(bed: Bed) -> None:
    """Leave out a small library, in an environment whose installer is pip."""
    with_driver(*_OLD, *without(CU11, "curand"), "pip")(bed)


_PATIENTS = [
    Patient(
        "gpu-1.16.3-no-libraries",
        "a CUDA 11 build, a driver and a GPU, and no CUDA library",
        with_driver(*_OLD),
        _NO_LIBRARIES,
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "gpu-1.20.2-no-libraries",
        "a CUDA 12 build, a driver and a GPU, and no CUDA library",
        with_driver(*_CUDA12),
        _NO_LIBRARIES,
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "gpu-1.31.1-no-libraries",
        "a CUDA 13 build, a driver and a GPU, and no CUDA library",
        with_driver(*_NEW),
        _NO_LIBRARIES,
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "one-library-missing-pip",
        "all of CUDA 11 and cuDNN but cuRAND on the loader's path, in an environment with pip",
        by_pip,
        _NO_LIBRARIES,
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "cuda11-libraries-under-cuda12-build",
        "the wheels of CUDA 11 on the loader's path under a CUDA 12 build",
        with_driver(*_CUDA12, *CU11),
        ("cuda_major_mismatch",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "cuda12-libraries-under-cuda11-build",
        "the wheels of CUDA 12 on the loader's path under a CUDA 11 build",
        with_driver(*_OLD, *CU12),
        ("cuda_major_mismatch",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "cudnn-missing",
        "all of CUDA 11 on the loader's path, and no cuDNN",
        with_driver(*_OLD, *without(CU11, "cudnn")),
        ("cudnn_missing",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "cudnn-8-under-build-for-9",
        "CUDA 12 on the loader's path with cuDNN 8, under a build for cuDNN 9",
        with_driver(*_PRELOAD, *without(CU12, "cudnn"), "nvidia-cudnn-cu12==8.*"),
        ("cudnn_major_mismatch",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "cudnn-9-part-deleted",
        "libcudnn_ops.so.9, which cuDNN opens when it starts, is gone",
        then(with_driver(*_PRELOAD, *CU12), delete("libcudnn_ops.so.9")),
        ("cudnn_missing",),
        cuda.has_all_of_cudnn,
        FIX,
    ),
    Patient(
        "cudnn-8-part-deleted",
        "libcudnn_cnn_infer.so.8, which cuDNN opens at the first convolution, is gone",
        then(with_driver(*_OLD, *CU11), delete("libcudnn_cnn_infer.so.8")),
        ("cudnn_missing",),
        cuda.has_all_of_cudnn,
        FIX,
    ),
    Patient(
        "wheels-not-on-path-1.16.3",
        "the wheels are installed, and nobody tells the loader; a release without preload_dlls()",
        with_driver(*_OLD, *CU11, on_path=False),
        ("cuda_libs_not_on_loader_path",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "wheels-not-on-path-1.20.2",
        "the wheels are installed, and nobody tells the loader; a release without preload_dlls()",
        with_driver(*_CUDA12, *CU12, on_path=False),
        ("cuda_libs_not_on_loader_path",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "wheels-not-on-path-1.26.0",
        "the wheels are installed, and the program does not call preload_dlls()",
        with_driver(*_PRELOAD, *CU12, on_path=False),
        ("cuda_libs_not_on_loader_path",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "truncated-copy-first",
        "a cut libcublasLt.so.12 lies in a folder before those of the wheels",
        then(with_driver(*_PRELOAD, *CU12), truncated_copy_first("libcublasLt.so.12")),
        ("cuda_library_damaged",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "older-copy-first",
        "libcublasLt.so.12 of CUDA 12.1 lies in a folder before those of the wheels",
        then(with_driver(*_PRELOAD, *CU12), older_copy_first("libcublasLt.so.12", "nvidia-cublas-cu12==12.1.3.1")),
        ("duplicate_cuda_libs",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "library-truncated",
        "libcufft.so.11 of the wheel is cut, as by a full disk",
        then(with_driver(*_PRELOAD, *CU12), truncate("libcufft.so.11")),
        ("cuda_library_damaged",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "provider-deleted",
        "libonnxruntime_providers_cuda.so is gone from the GPU package",
        then(with_driver(*_OLD, *CU11), no_provider),
        ("broken_onnxruntime_install",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "both-packages-with-libraries",
        "a GPU package that works, and the CPU package installed over it",
        then(with_driver("onnxruntime-gpu==1.26.0", "numpy", *CU12), cpu_package_last),
        ("both_cpu_and_gpu_packages",),
        cuda.reaches_the_driver,
        FIX,
    ),
]

PATIENTS = [cuda.on_stand_in(patient) for patient in _PATIENTS]
