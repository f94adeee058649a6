"""The driver and the GPU: not there, too old, hidden, without code in the build, a stub, broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.ward import cuda
from tests.ward.cuda import CU11, CU12, CU13, NEW, Driver
from tests.ward.patient import FIX, NOTHING, STEPS, Patient

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ward.bed import Bed

_OLD, _NEW = ("onnxruntime-gpu==1.16.3", "numpy<2", *CU11), ("onnxruntime-gpu==1.31.1", "numpy", *CU13)
_CUDA12 = ("onnxruntime-gpu==1.20.2", "numpy", *CU12)

_HUMAN = "no command of this environment changes a driver or a card"


def with_libraries(driver: Driver | None, *requirements: str, **variables: str) -> Callable[[Bed], None]:
    """Return the recipe of an environment whose CUDA libraries are all found, under ``driver``."""

    def build(bed: Bed) -> None:
        cuda.environment(bed, *requirements)
        if driver is not None:
            cuda.drive(bed, driver)
        cuda.search(bed, *cuda.folders(bed))
        bed.env.update(variables)

    return build


def stub_first(bed: Bed) -> None:
    """Put a toolkit's stub of the driver's library before the driver's own."""
    with_libraries(NEW, *_OLD)(bed)
    cuda.search(bed, cuda.stub(bed, bed.root / "cuda" / "lib64" / "stubs"))


def stub_alone(bed: Bed) -> None:
    with_libraries(None, *_OLD)(bed)
    cuda.search(bed, cuda.stub(bed, bed.root / "cuda" / "lib64" / "stubs"))


def broken_libcuda(bed: Bed) -> None:
    """Cut the driver's library; NVML still tells of the driver and its GPU."""
    with_libraries(NEW, *_OLD)(bed)
    bed.truncate(bed.root / "driver" / "libcuda.so.1")


def says(*words: str) -> Callable[[Bed, dict[str, Any]], None]:
    """Return the check that the first finding's detail and remedy have ``words``, and promise no command."""

    def steps(_: Bed, report: dict[str, Any]) -> None:
        first = report["findings"][0]
        text = f"{first['detail']} {first['remedy']['text']}"
        assert not [word for word in words if word not in text], text
        assert first["remedy"]["commands"] == []

    return steps


def crashes(release: str) -> Patient:
    return Patient(
        f"crashes-without-driver-{release}",
        "every CUDA library is found and there is no driver: a session on CUDA ends the process",
        with_libraries(None, f"onnxruntime-gpu=={release}", "numpy", *CU12),
        ("gpu_package_without_nvidia_gpu",),
        cuda.asks_for_cuda_and_lives,
        FIX,
    )


_WITHOUT_DRIVER = [
    Patient(
        "driver-missing",
        "a GPU package with all its libraries on a machine without a driver",
        with_libraries(None, *_OLD),
        ("gpu_package_without_nvidia_gpu",),
        cuda.is_the_cpu_package,
        FIX,
        options=("--strict",),
    ),
    Patient(
        "driver-missing-linked",
        "a release that is linked with the driver's library itself, without a driver",
        with_libraries(None, *_CUDA12),
        ("gpu_package_without_nvidia_gpu",),
        cuda.is_the_cpu_package,
        FIX,
        options=("--strict",),
    ),
    crashes("1.19.2"),
    crashes("1.22.0"),
    Patient(
        "stub-without-driver",
        "a toolkit's lib64/stubs is on the loader's path, and there is no driver",
        stub_alone,
        ("gpu_package_without_nvidia_gpu",),
        cuda.is_the_cpu_package,
        FIX,
        options=("--strict",),
    ),
]

_WITH_DRIVER = [
    Patient(
        "driver-470-under-cuda12-build",
        "the driver knows CUDA 11.4, the build wants 12",
        with_libraries(Driver("470.57.02", "11.4", "Tesla T4", "7.5"), *_CUDA12),
        ("driver_too_old",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "driver-535-under-cuda13-build",
        "the driver knows CUDA 12.2, the build wants 13",
        with_libraries(Driver("535.104.05", "12.2", "Tesla T4", "7.5"), *_NEW),
        ("driver_too_old",),
        cuda.reaches_the_driver,
        FIX,
    ),
    Patient(
        "no-device",
        "the driver answers and counts no device",
        with_libraries(Driver(device=None), *_OLD),
        ("no_gpu_visible",),
        cuda.sees_a_device,
        NOTHING,
        says("nvidia-smi"),
        why=_HUMAN,
    ),
    Patient(
        "hidden-by-minus-one",
        "CUDA_VISIBLE_DEVICES=-1",
        with_libraries(NEW, *_OLD, CUDA_VISIBLE_DEVICES="-1"),
        ("no_gpu_visible",),
        cuda.sees_a_device,
        STEPS,
        why="the variables of a shell are the user's own",
    ),
    Patient(
        "hidden-by-empty-variable",
        "CUDA_VISIBLE_DEVICES is there and empty",
        with_libraries(NEW, *_CUDA12, CUDA_VISIBLE_DEVICES=""),
        ("no_gpu_visible",),
        cuda.sees_a_device,
        STEPS,
        why="the variables of a shell are the user's own",
    ),
    Patient(
        "hidden-by-container-runtime",
        "a container that was started with NVIDIA_VISIBLE_DEVICES=none: the driver is there, and no device",
        with_libraries(Driver(device=None), *_OLD, container="docker", NVIDIA_VISIBLE_DEVICES="none"),
        ("no_gpu_visible",),
        cuda.sees_a_device,
        NOTHING,
        says("NVIDIA_VISIBLE_DEVICES"),
        why="the container has to be started again, from outside",
    ),
    Patient(
        "gpu-newer-than-build",
        "an RTX 5090 (12.0) under a CUDA 11 build",
        with_libraries(Driver(device="NVIDIA GeForce RTX 5090", capability="12.0"), *_OLD),
        ("gpu_arch_unsupported",),
        cuda.holds_machine_code("12.0"),
        FIX,
    ),
    Patient(
        "gpu-older-than-build",
        "a GTX 960 (5.2) under a CUDA 13 build",
        with_libraries(Driver(device="NVIDIA GeForce GTX 960", capability="5.2"), *_NEW),
        ("gpu_arch_unsupported",),
        cuda.holds_machine_code("5.2"),
        FIX,
    ),
    Patient(
        "stub-before-driver",
        "a toolkit's lib64/stubs is on the loader's path before the driver's library",
        stub_first,
        ("cuda_driver_fails",),
        cuda.sees_a_device,
        STEPS,
        why="the variables of a shell are the user's own",
    ),
    Patient(
        "driver-library-cut",
        "libcuda.so.1 is there and no whole library",
        broken_libcuda,
        ("cuda_driver_library_missing",),
        cuda.sees_a_device,
        NOTHING,
        says("libcuda.so.1"),
        why=_HUMAN,
    ),
    Patient(
        "driver-mismatch",
        "the driver was updated and the machine not restarted: cuInit 803, NVML 18",
        with_libraries(Driver(init=803, nvml=18), *_OLD),
        ("cuda_driver_fails",),
        cuda.sees_a_device,
        NOTHING,
        says("restart"),
        why=_HUMAN,
    ),
]

PATIENTS = [*_WITHOUT_DRIVER, *map(cuda.on_stand_in, _WITH_DRIVER)]
