"""Two distributions in one folder: installed together, one removed again, another library's requirement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ward import health
from tests.ward.patient import Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed

_CPU, _GPU = "onnxruntime==1.22.0", "onnxruntime-gpu==1.22.0"

#: A library on the index that requires onnxruntime and cannot know of onnxruntime-gpu.
_LIBRARY = "magika==0.5.1"


def cpu_last(bed: Bed) -> None:
    bed.venv("3.11", f"{_GPU} numpy", f"{_CPU} --no-deps")


def gpu_last(bed: Bed) -> None:
    bed.venv("3.11", f"{_CPU} numpy", f"{_GPU} --no-deps")


def by_a_library(bed: Bed) -> None:
    bed.venv("3.11", f"{_GPU} numpy", _LIBRARY)


def gpu_removed(bed: Bed) -> None:
    cpu_last(bed)
    bed.pip("uninstall", "-y", "onnxruntime-gpu")


def cpu_removed(bed: Bed) -> None:
    cpu_last(bed)
    bed.pip("uninstall", "-y", "onnxruntime")


def library_works(bed: Bed) -> None:
    health.whole(bed)
    bed.run(bed.python, "-c", "from magika import Magika; assert Magika().identify_bytes(b'# text')")


PATIENTS = [
    Patient(
        "both-packages-cpu-last",
        "pip installed the GPU package and then the CPU package into the same folder",
        cpu_last,
        ("both_cpu_and_gpu_packages",),
        health.whole,
        options=("--strict",),  # a warning: the CPU is all that there is here
    ),
    Patient(
        "both-packages-gpu-last",
        "pip installed the CPU package and then the GPU package into the same folder",
        gpu_last,
        ("both_cpu_and_gpu_packages",),
        health.whole,
        options=("--strict",),
    ),
    Patient(
        "cpu-package-by-a-library",
        "a library that requires onnxruntime was installed beside the GPU package",
        by_a_library,
        ("both_cpu_and_gpu_packages", "autoinstall_overwrites_gpu_package"),
        library_works,
        options=("--strict",),
    ),
    Patient(
        "gpu-package-removed-after-both",
        "both packages shared the folder, then pip removed the files of the GPU package",
        gpu_removed,
        ("broken_onnxruntime_install",),
        health.whole,
    ),
    Patient(
        "cpu-package-removed-after-both",
        "both packages shared the folder, then pip removed the files of the CPU package",
        cpu_removed,
        ("broken_onnxruntime_install",),
        health.whole,
    ),
]
