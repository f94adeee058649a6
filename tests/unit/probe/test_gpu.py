from pathlib import Path

import pytest

from ortdoctor.probe import gpu
from ortdoctor.probe.collect import KEYS
from ortdoctor.probe.context import here
from ortdoctor.probe.fact import value

from .boxes import Box, children_env, program
from .standins import build

PROC = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"


def test_this_machine_has_every_gpu_fact() -> None:
    facts = gpu.collect(here())
    assert set(facts) == {"gpu." + key for key in KEYS["gpu"]}
    assert all(fact["source"] for fact in facts.values())


def test_a_machine_without_a_gpu_is_a_miss_throughout(box: Box) -> None:
    facts = gpu.collect(box(env=children_env()))
    if value(facts, "gpu.cuda_api"):
        pytest.skip("this machine has a driver")
    for key, fact in facts.items():
        assert (fact["value"], fact["error"]) == (None, None), key
    assert "libcuda.so.1" in facts["gpu.devices"]["source"]
    assert "PATH" in facts["gpu.devices"]["source"]


def test_cuda_is_believed_before_nvml(box: Box, tmp_path: Path) -> None:
    build(tmp_path / "lib", "libcuda.so.1", VERSION=12040)
    build(tmp_path / "lib", "libnvidia-ml.so.1")
    context = box({"/proc/driver/nvidia/version": PROC}, env=children_env(LD_LIBRARY_PATH=str(tmp_path / "lib")))
    facts = gpu.collect(context)
    assert value(facts, "gpu.driver_cuda") == "12.4"
    assert [device["source"] for device in value(facts, "gpu.devices")] == ["CUDA driver API"]
    assert facts["gpu.driver_version"]["source"].startswith("NVML")
    assert value(facts, "gpu.proc_driver") == {"driver": "535.104.05", "open": False, "arch": "x86_64"}


def test_devices_that_cuda_does_not_see_are_still_there(box: Box, tmp_path: Path) -> None:
    build(tmp_path / "lib", "libcuda.so.1", INIT=100)
    build(tmp_path / "lib", "libnvidia-ml.so.1")
    facts = gpu.collect(box(env=children_env(LD_LIBRARY_PATH=str(tmp_path / "lib"))))
    assert value(facts, "gpu.cuda_api")["init_code"] == 100
    assert [device["source"] for device in value(facts, "gpu.devices")] == ["NVML"]


def test_the_kernels_file_is_enough_for_the_version(box: Box, tmp_path: Path) -> None:
    script = program(tmp_path / "bin" / "nvidia-smi", "sleep 60\n")
    context = box({"/proc/driver/nvidia/version": PROC}, env=children_env(LD_LIBRARY_PATH=str(tmp_path)))
    program(Path(context.root) / "usr/bin/nvidia-smi", script.read_text())
    facts = gpu.collect(context, limit=1.0)
    assert "gave no answer within 1 s" in facts["gpu.nvidia_smi"]["error"]
    if value(facts, "gpu.cuda_api"):
        pytest.skip("this machine has a driver")
    assert facts["gpu.driver_version"]["source"] == "/proc/driver/nvidia/version"
    # No other source knows: what could have known and failed is told.
    assert "gave no answer within 1 s" in facts["gpu.driver_cuda"]["error"]


def test_a_kernel_file_without_a_version_is_no_version(box: Box) -> None:
    text = "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  TempVersion  Release Build\n"
    facts = gpu.collect(box({"/proc/driver/nvidia/version": text}, env=children_env()))
    assert facts["gpu.proc_driver"]["value"]["driver"] is None
    assert facts["gpu.driver_version"]["error"] is None


def test_a_kernel_file_of_garbage_is_a_failure(box: Box) -> None:
    facts = gpu.collect(box({"/proc/driver/nvidia/version": "\x00\x01"}, env=children_env()))
    assert "does not read as the driver writes it" in facts["gpu.proc_driver"]["error"]
