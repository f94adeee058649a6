"""Ask NVML, the library below nvidia-smi; its arguments are the names or paths of the library to try.

Each answer is one line, a literal of Python (importing json takes longer than all the rest), printed before the
next call: any of them may crash or hang.
The calls: https://docs.nvidia.com/deploy/nvml-api/
"""

import ctypes
import sys
from typing import Any, Dict, List, Optional

TEXT = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE, the longest of the texts asked for here


class Memory(ctypes.Structure):
    """``nvmlMemory_t``, in bytes."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


def tell(**facts: Any) -> None:
    """Print one line of the answer now."""
    sys.stdout.write(ascii(facts) + "\n")
    sys.stdout.flush()


def load(names: List[str]) -> Any:
    """Return the first library of ``names`` that loads, or None."""
    loader = getattr(ctypes, "WinDLL", ctypes.CDLL)
    errors = []
    for name in names:
        try:
            library = loader(name)
        except OSError as error:  # noqa: PERF203 - the second name is for when the first fails
            errors.append([name, str(error)])
        else:
            tell(library=name)
            return library
    tell(load_errors=errors)
    return None


def text(call: Any, *arguments: Any) -> Optional[str]:
    """Return what ``call(*arguments, buffer, length)`` writes, or None where it refuses."""
    buffer = ctypes.create_string_buffer(TEXT)
    if call(*(arguments + (buffer, TEXT))):
        return None
    return buffer.value.decode("utf-8", "replace")


def compute_capability(nvml: Any, handle: Any) -> Optional[str]:
    """Return ``"7.5"``; drivers before 384 have no such call."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    if not hasattr(nvml, "nvmlDeviceGetCudaComputeCapability"):
        return None
    if nvml.nvmlDeviceGetCudaComputeCapability(handle, ctypes.byref(major), ctypes.byref(minor)):
        return None
    return "%d.%d" % (major.value, minor.value)


def device(nvml: Any, index: int) -> Dict[str, Any]:
    """Return what NVML says of the device ``index``; what a call refuses is None."""
    handle = ctypes.c_void_p()
    if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)):
        return {"index": index}
    memory = Memory()
    measured = nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0
    return {
        "index": index,
        "name": text(nvml.nvmlDeviceGetName, handle),
        "memory_mib": memory.total >> 20 if measured else None,
        "compute_capability": compute_capability(nvml, handle),
        "uuid": text(nvml.nvmlDeviceGetUUID, handle),
    }


def main(names: List[str]) -> None:
    """Load NVML and ask it all."""
    nvml = load(names)
    if nvml is None:
        return
    code = nvml.nvmlInit_v2()
    tell(init_code=code)
    if code:
        return
    tell(driver_version=text(nvml.nvmlSystemGetDriverVersion))
    version = ctypes.c_int()
    if hasattr(nvml, "nvmlSystemGetCudaDriverVersion_v2"):  # drivers before 410 have no such call
        code = nvml.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(version))
        tell(cuda=version.value if code == 0 else None)
    count = ctypes.c_uint()
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0:
        tell(devices=[device(nvml, index) for index in range(count.value)])
    nvml.nvmlShutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
