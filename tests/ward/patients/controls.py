"""Healthy environments: no alarm, and nothing that a cure would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ward import health
from tests.ward.patient import Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed


def cpu_only(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")


PATIENTS = [
    Patient("healthy-cpu", "a CPU package on a machine without a GPU", cpu_only, (), health.runs, verdict="healthy"),
]
