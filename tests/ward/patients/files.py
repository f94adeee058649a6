"""Files inside onnxruntime/ that are gone, cut, another machine's, or that are not files at all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tests.ward import health
from tests.ward.patient import Patient
from tests.ward.wheels import fetched

if TYPE_CHECKING:
    from tests.ward.bed import Bed

_ARM = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


def whole(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")


def without_extension(bed: Bed) -> None:
    whole(bed)
    bed.extension().unlink()


def without_python_file(bed: Bed) -> None:
    whole(bed)
    (bed.package / "capi" / "onnxruntime_inference_collection.py").unlink()


def without_provider(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime-gpu==1.22.0")
    (bed.package / "capi" / "libonnxruntime_providers_shared.so").unlink()
    (bed.package / "capi" / "libonnxruntime_providers_cuda.so").unlink()


def cut_extension(bed: Bed) -> None:
    whole(bed)
    bed.truncate(bed.extension())


def empty_python_file(bed: Bed) -> None:
    whole(bed)
    bed.truncate(bed.package / "capi" / "_pybind_state.py", 0)


def damaged_extension(bed: Bed) -> None:
    """Zero a piece of the code, as a disk that lost a block does."""
    whole(bed)
    path = bed.own(bed.extension())
    with path.open("r+b") as file:
        for part in range(30, 90):
            file.seek(path.stat().st_size * part // 100)
            file.write(bytes(65536))


def empty_namespace(bed: Bed) -> None:
    whole(bed)
    (bed.package / "__init__.py").unlink()
    shutil.rmtree(next(bed.site.glob("onnxruntime-*.dist-info")))


def metadata_only(bed: Bed) -> None:
    whole(bed)
    shutil.rmtree(bed.package)


def blocked_file(bed: Bed) -> None:
    """Let reading a file never return, as on a network mount whose server is gone."""
    whole(bed)
    path = bed.package / "capi" / "onnxruntime_validation.py"
    path.unlink()
    os.mkfifo(path)


def jetson_wheel(bed: Bed) -> None:
    bed.venv("3.11", "numpy<2")
    bed.unpack(fetched("onnxruntime==1.22.0", "3.11", *_ARM))


def old_jetson_wheel(bed: Bed) -> None:
    bed.venv("3.8", "numpy<2")
    bed.unpack(fetched("onnxruntime==1.12.1", "3.8", *_ARM))


def wheel_of_another_python(bed: Bed) -> None:
    bed.venv("3.11", "numpy<2")
    bed.unpack(fetched("onnxruntime==1.22.0", "3.10", "manylinux_2_28_x86_64", "manylinux_2_27_x86_64"))


_BROKEN = ("broken_onnxruntime_install",)

PATIENTS = [
    Patient("extension-deleted", "the native module is gone", without_extension, _BROKEN, health.whole),
    Patient("python-file-deleted", "a Python file is gone", without_python_file, _BROKEN, health.whole),
    Patient(
        "provider-library-deleted",
        "the GPU package has lost its provider libraries",
        without_provider,
        (*_BROKEN, "provider_shared_lib_missing"),
        health.whole,
    ),
    Patient("extension-cut", "half of the native module: SIGBUS", cut_extension, _BROKEN, health.whole),
    Patient("python-file-empty", "a Python file of no bytes (a full disk)", empty_python_file, _BROKEN, health.whole),
    Patient("extension-damaged", "blocks of zeros in the code", damaged_extension, _BROKEN, health.whole),
    Patient("half-removed-folder", "a folder without __init__.py or metadata", empty_namespace, _BROKEN, health.whole),
    Patient("metadata-only", "pip lists it, and the folder is gone", metadata_only, _BROKEN, health.whole),
    Patient("file-that-blocks", "reading a Python file never returns", blocked_file, _BROKEN, health.whole),
    Patient(
        "jetson-wheel-on-x86",
        "the files of a wheel for aarch64 lie in an environment of x86_64",
        jetson_wheel,
        ("wheel_tag_not_supported",),
        health.whole,
    ),
    Patient(
        "old-jetson-wheel-on-x86",
        "the same of a release whose native module has no tag in its name",
        old_jetson_wheel,
        ("wheel_tag_not_supported",),
        health.whole,
    ),
    Patient(
        "wheel-of-another-python",
        "the files of a wheel for Python 3.10 lie in an environment of 3.11",
        wheel_of_another_python,
        ("wheel_tag_not_supported",),
        health.whole,
    ),
]
