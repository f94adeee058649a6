import re
from pathlib import Path

import pytest

from ortdoctor.probe import libcuda
from ortdoctor.probe.context import Context

from .boxes import Box, children_env
from .standins import build

HEADER = Path("/usr/local/cuda/include/cuda.h")


def _context(box: Box, library: Path) -> Context:
    return box(env=children_env(LD_LIBRARY_PATH=str(library.parent)))


def test_a_driver_with_one_device(box: Box, tmp_path: Path) -> None:
    library = build(tmp_path / "lib", "libcuda.so.1")
    facts = libcuda.collect(_context(box, library))
    assert facts["gpu.cuda_api"]["value"] == {
        "library": str(library),
        "version": "12.2",
        "init_code": 0,
        "init_name": "CUDA_SUCCESS",
        "device_count": 1,
    }
    assert facts["gpu.driver_cuda"]["value"] == "12.2"
    assert str(library) in facts["gpu.driver_cuda"]["source"]
    assert facts["gpu.devices"]["value"] == [
        {
            "index": 0,
            "name": "Tesla T4",
            "memory_mib": 15360,
            "compute_capability": "7.5",
            "uuid": "GPU-00112233-4455-6677-8899-aabbccddeeff",
            "source": "CUDA driver API",
        }
    ]


def test_a_driver_of_the_time_of_cuda_9(box: Box, tmp_path: Path) -> None:
    library = build(tmp_path / "lib", "libcuda.so.1", old=True, VERSION=9010)
    facts = libcuda.collect(_context(box, library))
    assert facts["gpu.driver_cuda"]["value"] == "9.1"
    assert facts["gpu.devices"]["value"][0]["uuid"] is None


def test_no_device_is_an_answer(box: Box, tmp_path: Path) -> None:
    facts = libcuda.collect(_context(box, build(tmp_path / "lib", "libcuda.so.1", INIT=100)))
    api = facts["gpu.cuda_api"]["value"]
    assert (api["init_code"], api["init_name"]) == (100, "CUDA_ERROR_NO_DEVICE")
    assert (api["version"], api["device_count"]) == ("12.2", None)
    assert (facts["gpu.devices"]["value"], facts["gpu.devices"]["error"]) == (None, None)


@pytest.mark.parametrize(("code", "name"), [(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"), (12345, None)])
def test_a_driver_that_does_not_start(box: Box, tmp_path: Path, code: int, name: str | None) -> None:
    facts = libcuda.collect(_context(box, build(tmp_path / "lib", "libcuda.so.1", INIT=code)))
    assert facts["gpu.cuda_api"]["value"]["init_name"] == name
    assert str(code) in facts["gpu.devices"]["error"]


def test_the_stub_for_linking_has_no_version(box: Box, tmp_path: Path) -> None:
    library = build(tmp_path / "lib", "libcuda.so.1", VERSION=0, VERSION_CODE=34, INIT=34)
    facts = libcuda.collect(_context(box, library))
    assert facts["gpu.cuda_api"]["value"]["init_name"] == "CUDA_ERROR_STUB_LIBRARY"
    assert facts["gpu.driver_cuda"]["error"] == "cuDriverGetVersion gave CUDA_ERROR_STUB_LIBRARY (34)"


def test_a_driver_that_cannot_count(box: Box, tmp_path: Path) -> None:
    facts = libcuda.collect(_context(box, build(tmp_path / "lib", "libcuda.so.1", COUNT_CODE=999)))
    assert facts["gpu.cuda_api"]["value"]["device_count"] is None
    assert "CUDA_ERROR_UNKNOWN (999)" in facts["gpu.devices"]["error"]


def test_a_crash_keeps_what_was_said_before(box: Box, tmp_path: Path) -> None:
    facts = libcuda.collect(_context(box, build(tmp_path / "lib", "libcuda.so.1", INIT=-1)))
    assert "was ended by SIGSEGV" in facts["gpu.cuda_api"]["error"]
    assert "was ended by SIGSEGV" in facts["gpu.devices"]["error"]
    assert facts["gpu.driver_cuda"]["value"] == "12.2"


def test_a_hang_is_cut(box: Box, tmp_path: Path) -> None:
    facts = libcuda.collect(_context(box, build(tmp_path / "lib", "libcuda.so.1", INIT=-2)), limit=1.5)
    assert "libcuda.py libcuda.so.1 gave no answer within 1.5 s" in facts["gpu.cuda_api"]["error"]
    assert facts["gpu.driver_cuda"]["value"] == "12.2"


def test_no_driver_says_what_was_searched(box: Box) -> None:
    context = box({"/usr/lib/wsl/lib/libcuda.so.1": ""}, env=children_env())
    facts = libcuda.collect(context)
    if facts["gpu.cuda_api"]["value"] is not None:
        pytest.skip("this machine has a driver")
    assert facts["gpu.cuda_api"]["error"] is None
    assert facts["gpu.cuda_api"]["source"] == (
        "the loader, for libcuda.so.1; a copy that it does not look at lies in /usr/lib/wsl/lib"
    )


def test_a_broken_library_is_a_failure(box: Box, tmp_path: Path) -> None:
    library = tmp_path / "lib" / "libcuda.so.1"
    library.parent.mkdir()
    library.write_bytes(b"\x7fELF but no library")
    facts = libcuda.collect(_context(box, library))
    assert facts["gpu.cuda_api"]["error"].startswith("libcuda.so.1 could not be loaded: ")


def test_windows_has_another_name_for_it(box: Box) -> None:
    fact = libcuda.collect(box(env=children_env(), system="windows"))["gpu.cuda_api"]
    assert (fact["value"], fact["source"]) == (None, "the loader, for nvcuda.dll")


@pytest.mark.parametrize(
    ("number", "version"), [(9010, "9.1"), (10000, "10.0"), (11080, "11.8"), (12020, "12.2"), (13000, "13.0")]
)
def test_cuda_versions(number: int, version: str) -> None:
    assert libcuda.cuda_version(number) == version


@pytest.mark.skipif(not HEADER.exists(), reason=f"needs {HEADER}")
def test_the_names_are_those_of_cuda_h() -> None:
    lines = re.findall(r"^\s+(CUDA_(?:SUCCESS|ERROR_\w+))\s*=\s*(\d+),?", HEADER.read_text(), re.MULTILINE)
    stated = {int(number): name for name, number in lines}
    assert {number: stated.get(number) for number in libcuda.NAMES} == libcuda.NAMES
