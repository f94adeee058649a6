"""The CUDA driver API as ONNX Runtime would reach it: libcuda.so.1 (nvcuda.dll) by the dynamic loader."""

import os
from typing import Any, Dict, List, Optional

from . import child
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .script import ended, not_there, run_script

API = "gpu.cuda_api"
DRIVER_CUDA = "gpu.driver_cuda"
DEVICES = "gpu.devices"

SOURCE = "CUDA driver API"

#: Folders that hold a copy which the loader may not know; named in a miss, never loaded from.
FOLDERS = (
    "/usr/lib/wsl/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/tegra",
    "/usr/lib/aarch64-linux-gnu/nvidia",
    "/usr/lib64",
    "/usr/lib64/nvidia",
    "/usr/local/nvidia/lib64",
    "/usr/local/cuda/compat",
)

#: CUresult of cuda.h (CUDA 13.0): the codes that starting the driver or counting devices may give.
NAMES = {
    0: "CUDA_SUCCESS",
    1: "CUDA_ERROR_INVALID_VALUE",
    2: "CUDA_ERROR_OUT_OF_MEMORY",
    3: "CUDA_ERROR_NOT_INITIALIZED",
    4: "CUDA_ERROR_DEINITIALIZED",
    34: "CUDA_ERROR_STUB_LIBRARY",
    36: "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER",
    46: "CUDA_ERROR_DEVICE_UNAVAILABLE",
    100: "CUDA_ERROR_NO_DEVICE",
    101: "CUDA_ERROR_INVALID_DEVICE",
    102: "CUDA_ERROR_DEVICE_NOT_LICENSED",
    201: "CUDA_ERROR_INVALID_CONTEXT",
    214: "CUDA_ERROR_ECC_UNCORRECTABLE",
    220: "CUDA_ERROR_NVLINK_UNCORRECTABLE",
    301: "CUDA_ERROR_FILE_NOT_FOUND",
    302: "CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND",
    303: "CUDA_ERROR_SHARED_OBJECT_INIT_FAILED",
    304: "CUDA_ERROR_OPERATING_SYSTEM",
    800: "CUDA_ERROR_NOT_PERMITTED",
    801: "CUDA_ERROR_NOT_SUPPORTED",
    802: "CUDA_ERROR_SYSTEM_NOT_READY",
    803: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
    804: "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
    805: "CUDA_ERROR_MPS_CONNECTION_FAILED",
    806: "CUDA_ERROR_MPS_RPC_FAILURE",
    807: "CUDA_ERROR_MPS_SERVER_NOT_READY",
    808: "CUDA_ERROR_MPS_MAX_CLIENTS_REACHED",
    809: "CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED",
    810: "CUDA_ERROR_MPS_CLIENT_TERMINATED",
    909: "CUDA_ERROR_TIMEOUT",
    911: "CUDA_ERROR_EXTERNAL_DEVICE",
    999: "CUDA_ERROR_UNKNOWN",
}


def collect(context: Context, limit: float = child.TIME_LIMIT) -> Facts:
    """Return ``gpu.cuda_api`` and what this source knows of ``gpu.driver_cuda`` and ``gpu.devices``."""
    name = "nvcuda.dll" if context.os == "windows" else "libcuda.so.1"
    ran, answer = run_script("libcuda", context, [name], limit)
    if "library" not in answer:
        miss = _not_loaded(context, name, ran, answer.get("load_error"))
        return {API: miss, DRIVER_CUDA: miss, DEVICES: miss}
    return {
        API: _api(ran, answer, name),
        DRIVER_CUDA: _driver_cuda(ran, answer),
        DEVICES: _devices(ran, answer),
    }


def cuda_version(number: int) -> str:
    """Return ``"12.2"`` for 12020: 1000 x major + 10 x minor (cuda.h, CUDA_VERSION)."""
    return "%d.%d" % (number // 1000, number % 1000 // 10)


def _not_loaded(context: Context, name: str, ran: child.Ran, load_error: Optional[str]) -> Fact:
    source = "the loader, for %s" % name
    if load_error is None:
        return failed(ended(ran), source)
    if not not_there(load_error, name):
        return failed("%s could not be loaded: %s" % (name, load_error), source)
    copies = [folder for folder in FOLDERS if os.path.exists(context.path(folder + "/" + name))]
    if copies:
        source += "; a copy that it does not look at lies in " + ", ".join(copies)
    return absent(source)


def _api(ran: child.Ran, answer: Dict[str, Any], name: str) -> Fact:
    source = "ctypes: %s, cuDriverGetVersion, cuInit, cuDeviceGetCount" % name
    if "init_code" not in answer:
        return failed(ended(ran), source)
    code = answer["init_code"]
    value = {
        "library": answer["library"],
        "version": _version(answer),
        "init_code": code,
        "init_name": NAMES.get(code),
        "device_count": answer.get("device_count"),
    }
    return found(value, source)


def _version(answer: Dict[str, Any]) -> Optional[str]:
    number = answer.get("version")
    if answer.get("version_code") == 0 and isinstance(number, int) and number > 0:
        return cuda_version(number)
    return None


def _driver_cuda(ran: child.Ran, answer: Dict[str, Any]) -> Fact:
    version = _version(answer)
    if version is not None:
        return found(version, "cuDriverGetVersion of " + str(answer["library"]))
    if "version_code" in answer:
        return failed("cuDriverGetVersion gave %s" % _named(answer["version_code"]), str(answer["library"]))
    return failed(ended(ran), str(answer["library"]))


def _devices(ran: child.Ran, answer: Dict[str, Any]) -> Fact:
    library = str(answer["library"])
    if isinstance(answer.get("devices"), list) and answer.get("count_code") == 0:
        devices: List[Dict[str, Any]] = [dict(device, source=SOURCE) for device in answer["devices"]]
        return found(devices, "cuDeviceGet of " + library)
    code = answer.get("init_code", 0) or answer.get("count_code", 0)
    if code == 100:  # CUDA_ERROR_NO_DEVICE: an answer, not a failure
        return absent("%s: %s" % (library, _named(code)))
    if code:
        return failed("%s answered %s" % (library, _named(code)), library)
    return failed(ended(ran), library)


def _named(code: int) -> str:
    return "%s (%s)" % (NAMES.get(code, "an error"), code)
