"""NVML, the library below nvidia-smi: it knows the driver and the devices even where CUDA does not start."""

from typing import Any, Dict

from . import child
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .libcuda import DEVICES, DRIVER_CUDA, cuda_version
from .script import ended, not_there, run_script

DRIVER_VERSION = "gpu.driver_version"

SOURCE = "NVML"

#: What the loader is asked for, then where a driver keeps it out of the loader's sight.
LIBRARIES = {
    "windows": ("nvml.dll", "C:\\Program Files\\NVIDIA Corporation\\NVSMI\\nvml.dll"),
    "linux": ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"),
}

#: nvmlReturn_t (NVML API reference, "Device structs"): what nvmlInit may give.
NAMES = {
    1: "NVML_ERROR_UNINITIALIZED",
    2: "NVML_ERROR_INVALID_ARGUMENT",
    3: "NVML_ERROR_NOT_SUPPORTED",
    4: "NVML_ERROR_NO_PERMISSION",
    8: "NVML_ERROR_INSUFFICIENT_POWER",
    9: "NVML_ERROR_DRIVER_NOT_LOADED",
    12: "NVML_ERROR_LIBRARY_NOT_FOUND",
    15: "NVML_ERROR_GPU_IS_LOST",
    17: "NVML_ERROR_OPERATING_SYSTEM",
    18: "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
    20: "NVML_ERROR_MEMORY",
    23: "NVML_ERROR_INSUFFICIENT_RESOURCES",
    999: "NVML_ERROR_UNKNOWN",
}


def collect(context: Context, limit: float = child.TIME_LIMIT) -> Facts:
    """Return what NVML knows of ``gpu.driver_version``, ``gpu.driver_cuda`` and ``gpu.devices``."""
    names = LIBRARIES.get(context.os, ())
    if not names:
        miss = absent("NVML does not exist on %s" % context.os)
        return dict.fromkeys((DRIVER_VERSION, DRIVER_CUDA, DEVICES), miss)
    ran, answer = run_script("nvml", context, list(names), limit)
    number = answer.get("cuda")
    facts: Dict[str, Any] = {DRIVER_VERSION: answer.get("driver_version"), DEVICES: answer.get("devices")}
    facts[DRIVER_CUDA] = cuda_version(number) if isinstance(number, int) and number > 0 else None
    if isinstance(facts[DEVICES], list):
        facts[DEVICES] = [dict(device, source=SOURCE) for device in facts[DEVICES]]
    miss = _miss(ran, answer, ", ".join(names))
    source = "NVML in %s" % answer.get("library")
    return {key: miss if value is None else found(value, source) for key, value in facts.items()}


def _miss(ran: child.Ran, answer: Dict[str, Any], names: str) -> Fact:
    """Return the fact for what NVML did not say."""
    if "library" not in answer:
        if "load_errors" not in answer:
            return failed(ended(ran), names)
        broken = [error for name, error in answer["load_errors"] if not not_there(error, name)]
        if broken:
            return failed("NVML could not be loaded: " + "; ".join(broken), "the loader, for " + names)
        return absent("the loader, for " + names)
    code = answer.get("init_code")
    if code:
        return failed("nvmlInit returned %s (%s)" % (NAMES.get(code, "an error"), code), answer["library"])
    if ran.exit != 0:
        return failed(ended(ran), answer["library"])
    return absent("%s did not say" % answer["library"])
