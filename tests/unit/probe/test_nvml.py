from pathlib import Path

from ortdoctor.probe import nvml
from ortdoctor.probe.context import Context

from .boxes import Box, children_env
from .standins import build


def _context(box: Box, library: Path) -> Context:
    return box(env=children_env(LD_LIBRARY_PATH=str(library.parent)))


def test_a_driver_with_one_device(box: Box, tmp_path: Path) -> None:
    facts = nvml.collect(_context(box, build(tmp_path / "lib", "libnvidia-ml.so.1")))
    assert facts["gpu.driver_version"]["value"] == "535.104.05"
    assert facts["gpu.driver_cuda"]["value"] == "12.2"
    assert facts["gpu.devices"]["value"] == [
        {
            "index": 0,
            "name": "Tesla T4",
            "memory_mib": 15360,
            "compute_capability": "7.5",
            "uuid": "GPU-01",
            "source": "NVML",
        }
    ]


def test_a_driver_without_the_later_calls(box: Box, tmp_path: Path) -> None:
    facts = nvml.collect(_context(box, build(tmp_path / "lib", "libnvidia-ml.so.1", old=True, MEMORY=3)))
    assert facts["gpu.driver_version"]["value"] == "535.104.05"
    assert (facts["gpu.driver_cuda"]["value"], facts["gpu.driver_cuda"]["error"]) == (None, None)
    device = facts["gpu.devices"]["value"][0]
    assert (device["memory_mib"], device["compute_capability"]) == (None, None)


def test_a_kernel_module_of_another_version(box: Box, tmp_path: Path) -> None:
    facts = nvml.collect(_context(box, build(tmp_path / "lib", "libnvidia-ml.so.1", INIT=18)))
    for fact in facts.values():
        assert fact["error"] == "nvmlInit returned NVML_ERROR_LIB_RM_VERSION_MISMATCH (18)"


def test_no_nvml_is_a_miss_and_a_broken_one_a_failure(box: Box, tmp_path: Path) -> None:
    facts = nvml.collect(box(env=children_env(), system="windows"))
    assert facts["gpu.driver_version"]["error"] is None
    assert "NVSMI\\nvml.dll" in facts["gpu.driver_version"]["source"]
    library = tmp_path / "lib" / "libnvidia-ml.so.1"
    library.parent.mkdir()
    library.write_bytes(b"\x7fELF but no library")
    error = nvml.collect(_context(box, library))["gpu.driver_version"]["error"]
    assert error.startswith("NVML could not be loaded: ")


def test_macos_has_none(box: Box) -> None:
    assert nvml.collect(box(system="macos"))["gpu.devices"]["source"] == "NVML does not exist on macos"
