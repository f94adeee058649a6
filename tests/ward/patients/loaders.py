"""What the system's loader and kernel refuse: a newer C library, an executable stack."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING

import pytest

from tests.ward import health
from tests.ward.patient import Patient
from tests.ward.wheels import ask_for_executable_stack, fetched, need_version, rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ward.bed import Bed

_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64")

#: Runs a program as a service with MemoryDenyWriteExecute=yes: the kernel lets no memory become executable.
_DENY = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): raise SystemExit("PR_SET_MDWE is refused")
os.execvp(sys.argv[1], sys.argv[1:])
"""


def local_build(bed: Bed, edit: Callable[[Path], None]) -> None:
    """Install a wheel as people build them: with the tag linux_x86_64, which promises nothing about the C library."""
    bed.venv("3.11", "numpy")
    wheel = fetched("onnxruntime==1.22.0", "3.11", *_PLATFORMS)

    def change(folder: Path) -> None:
        edit(next((folder / "onnxruntime" / "capi").glob("onnxruntime_pybind11_state*.so")))
        notes = next(folder.glob("*.dist-info/WHEEL"))
        notes.write_text(notes.read_text().replace("manylinux_2_28", "linux").replace("manylinux_2_27", "linux"))

    built = rebuilt(wheel, change, "onnxruntime-1.22.0-cp311-cp311-linux_x86_64.whl", bed.root)
    bed.pip("install", "--no-deps", str(built))


def newer_glibc(bed: Bed) -> None:
    local_build(bed, lambda library: need_version(library, "GLIBC_2.", "GLIBC_2.99"))


def newer_glibcxx(bed: Bed) -> None:
    local_build(bed, lambda library: need_version(library, "GLIBCXX_3.4.", "GLIBCXX_3.4.99"))


def executable_stack(bed: Bed) -> None:
    """Let the kernel refuse what glibc 2.41 refuses by itself: this machine's glibc may be older."""
    if ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3)")
    local_build(bed, ask_for_executable_stack)
    bed.under = [sys.executable, "-c", _DENY]


PATIENTS = [
    Patient(
        "newer-glibc",
        "a wheel built on a newer system: its native module needs a glibc that is not here",
        newer_glibc,
        ("glibc_too_old",),
        health.whole,
    ),
    Patient(
        "newer-glibcxx",
        "the same with the C++ library",
        newer_glibcxx,
        ("glibcxx_too_old",),
        health.whole,
    ),
    Patient(
        "executable-stack",
        "a native module that asks for an executable stack, in a service that may not have one",
        executable_stack,
        ("executable_stack_blocked",),
        health.whole,
    ),
]
