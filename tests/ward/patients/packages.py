"""Two distributions in one folder: installed together, one removed again, files of one over the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ward import health
from tests.ward.patient import Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed

_CPU, _GPU = "onnxruntime==1.22.0", "onnxruntime-gpu==1.22.0"


def cpu_last(bed: Bed) -> None:
    bed.venv("3.11", f"{_GPU} numpy", f"{_CPU} --no-deps")


PATIENTS = [
    Patient(
        "both-packages-cpu-last",
        "pip installed the GPU package and then the CPU package into the same folder",
        cpu_last,
        ("both_cpu_and_gpu_packages",),
        health.whole,
        verdict="healthy",  # a warning: the CPU is all that there is here
    ),
]
