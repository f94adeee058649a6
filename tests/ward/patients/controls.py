"""Healthy environments, some with noise around them: no alarm, and nothing that a cure would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ward import health
from tests.ward.patient import Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed


def cpu_only(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")


def noise(bed: Bed) -> None:
    """Start-up files that print, a preloaded library that is gone, variables of CUDA, and a leftover of pip."""
    cpu_only(bed)
    (bed.site / "sitecustomize.py").write_text("import sys\nprint('hello'); print('W: deprecated', file=sys.stderr)\n")
    (bed.site / "~nnxruntime").mkdir()
    (bed.cwd / "onnxruntime").mkdir()
    bed.env.update(
        LD_PRELOAD="/nowhere/libgone.so", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1", CUDA_HOME="/nowhere/cuda",
        LD_LIBRARY_PATH="/nowhere/lib:", PYTHONWARNINGS="error::DeprecationWarning", ORT_LOGGING_LEVEL="0",
    )  # fmt: skip


def old_release(bed: Bed) -> None:
    bed.venv("3.8", "onnxruntime==1.12.1")


def smi_hangs(bed: Bed) -> None:
    cpu_only(bed)
    bed.program("nvidia-smi", "#!/bin/sh\nexec sleep 100000\n")


def smi_says_nothing(bed: Bed) -> None:
    cpu_only(bed)
    bed.program("nvidia-smi", "#!/bin/sh\nexit 0\n")


def smi_in_chinese(bed: Bed) -> None:
    cpu_only(bed)
    said = "NVIDIA-SMI 已失败,因为无法与 NVIDIA 驱动程序通信。请确保已安装并运行最新的 NVIDIA 驱动程序。"
    bed.program("nvidia-smi", f"#!/bin/sh\necho '{said}'\nexit 9\n")


def smi_in_broken_german(bed: Bed) -> None:
    """Words in a code page that is not UTF-8, and colours."""
    cpu_only(bed)
    said = r"\033[31mNVIDIA-SMI ist fehlgeschlagen: Ger\344t fehlt\033[0m\n"
    bed.program("nvidia-smi", f"#!/bin/sh\nprintf '{said}'\nexit 9\n")


#: What an nvidia-smi that says nothing of use leaves open is whether there is a driver.
_HEALTHY, _OPEN = "healthy", "undetermined"

PATIENTS = [
    Patient(name, about, build, (), health.whole, verdict=verdict)
    for name, about, build, verdict in [
        ("healthy-cpu", "a CPU package on a machine without a GPU", cpu_only, _HEALTHY),
        ("healthy-with-noise", "the same amid harmless noise", noise, _HEALTHY),
        ("healthy-old-release", "an old release on an old Python", old_release, _HEALTHY),
        ("nvidia-smi-hangs", "nvidia-smi never ends", smi_hangs, _OPEN),
        ("nvidia-smi-silent", "nvidia-smi prints nothing and succeeds", smi_says_nothing, _OPEN),
        ("nvidia-smi-chinese", "nvidia-smi fails in Chinese", smi_in_chinese, _OPEN),
        ("nvidia-smi-latin-1", "nvidia-smi fails in a code page that is not UTF-8", smi_in_broken_german, _OPEN),
    ]
]
