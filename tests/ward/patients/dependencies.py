"""What onnxruntime imports: NumPy of another age, none, a broken one; and what it does not need at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ward import health
from tests.ward.patient import Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed


def numpy_2_under_1_16(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.16.3", "numpy>=2")


def numpy_2_under_1_18(bed: Bed) -> None:
    bed.venv("3.12", "onnxruntime==1.18.0", "numpy>=2")


def without_numpy(bed: Bed) -> None:
    bed.venv("3.11", "--no-deps onnxruntime==1.22.0")


def broken_numpy(bed: Bed) -> None:
    """Delete NumPy's native module: ONNX Runtime is whole, and falls over it."""
    bed.venv("3.11", "onnxruntime==1.22.0")
    next((bed.site / "numpy").glob("*core/_multiarray_umath*.so")).unlink()


def cut_numpy(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")
    bed.truncate(next((bed.site / "numpy").glob("*core/_multiarray_umath*.so")))


def numpy_that_waits(bed: Bed) -> None:
    """Let NumPy's import wait for ever, as for a lock that nobody gives back."""
    bed.venv("3.11", "onnxruntime==1.22.0")
    path = bed.own(bed.site / "numpy" / "__init__.py")
    path.write_text("import time\ntime.sleep(1e6)\n" + path.read_text())


def without_protobuf(bed: Bed) -> None:
    """Leave out what pip installs beside it, and what neither import nor session needs."""
    bed.venv("3.11", "--no-deps onnxruntime==1.22.0", "numpy")


PATIENTS = [
    Patient(
        "numpy-2-under-1.16",
        "onnxruntime 1.16.3 prints a note at import and dies at the first run",
        numpy_2_under_1_16,
        ("numpy2_abi_mismatch",),
        health.runs,
    ),
    Patient(
        "numpy-2-under-1.18",
        "onnxruntime 1.18.0 with NumPy 2",
        numpy_2_under_1_18,
        ("numpy2_abi_mismatch",),
        health.runs,
    ),
    Patient("numpy-missing", "installed with --no-deps", without_numpy, ("python_dependency_missing",), health.whole),
    Patient(
        "numpy-broken",
        "NumPy's native module is gone",
        broken_numpy,
        ("python_dependency_broken",),
        health.whole,
    ),
    Patient("numpy-cut", "half of NumPy's native module", cut_numpy, ("python_dependency_broken",), health.whole),
    Patient(
        "numpy-never-returns",
        "the import of NumPy, and so of onnxruntime, never returns",
        numpy_that_waits,
        ("python_dependency_broken",),
        health.whole,
    ),
    Patient(
        "protobuf-missing",
        "protobuf, flatbuffers, sympy and coloredlogs are missing, and nobody here needs them",
        without_protobuf,
        (),
        health.whole,
        verdict="healthy",
    ),
]
