"""Ask the CUDA driver API, through the library that the loader finds; its arguments are names to try.

Each answer is one line, a literal of Python (importing json takes longer than all the rest), printed before the
next call: any of them may crash or hang.
The calls: https://docs.nvidia.com/cuda/cuda-driver-api/
"""

import ctypes
import sys
from typing import Any, Dict, Optional

#: CUdevice_attribute in cuda.h
COMPUTE_CAPABILITY_MAJOR = 75
COMPUTE_CAPABILITY_MINOR = 76


def tell(**facts: Any) -> None:
    """Print one line of the answer now."""
    sys.stdout.write(ascii(facts) + "\n")
    sys.stdout.flush()


def where(name: str, library: Any) -> str:
    """Return the path of the loaded ``library``, or ``name`` where the platform does not tell."""
    if hasattr(ctypes, "WinDLL"):
        buffer = ctypes.create_unicode_buffer(1024)
        module = ctypes.c_void_p(library._handle)  # noqa: SLF001 - ctypes has no other way to name the module
        ctypes.WinDLL("kernel32").GetModuleFileNameW(module, buffer, 1024)
        return buffer.value or name
    stem = name.rsplit("/", 1)[-1].partition(".so")[0] + ".so"
    try:
        with open("/proc/self/maps") as maps:
            for line in maps:
                path = line.rstrip("\n").partition("/")
                if path[1] and path[2].rsplit("/", 1)[-1].startswith(stem):
                    return "/" + path[2]
    except OSError:
        return name
    return name


def uuid_text(raw: bytes) -> str:
    """Spell a CUuuid as nvidia-smi does."""
    text = "".join("%02x" % byte for byte in bytearray(raw))
    return "GPU-" + "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def device(cuda: Any, index: int) -> Dict[str, Any]:
    """Return what the driver says of the device ``index``; what a call refuses is None."""
    handle = ctypes.c_int()
    if cuda.cuDeviceGet(ctypes.byref(handle), index):
        return {"index": index}
    name = ctypes.create_string_buffer(256)
    named = cuda.cuDeviceGetName(name, 256, handle) == 0
    memory = ctypes.c_size_t()
    measured = cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), handle) == 0
    return {
        "index": index,
        "name": name.value.decode("utf-8", "replace") if named else None,
        "memory_mib": memory.value >> 20 if measured else None,
        "compute_capability": compute_capability(cuda, handle),
        "uuid": uuid(cuda, handle),
    }


def compute_capability(cuda: Any, handle: Any) -> Optional[str]:
    """Return ``"7.5"``."""
    numbers = []
    for attribute in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR):
        number = ctypes.c_int()
        if cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, handle):
            return None
        numbers.append(number.value)
    return "%d.%d" % tuple(numbers)


def uuid(cuda: Any, handle: Any) -> Optional[str]:
    """Return ``"GPU-.."``; drivers before CUDA 9.2 have no such call."""
    raw = ctypes.create_string_buffer(16)
    if not hasattr(cuda, "cuDeviceGetUuid") or cuda.cuDeviceGetUuid(raw, handle):
        return None
    return uuid_text(raw.raw)


def main(name: str) -> None:
    """Load the library ``name`` and ask it all."""
    load = getattr(ctypes, "WinDLL", ctypes.CDLL)
    try:
        cuda = load(name)
    except OSError as error:
        tell(load_error=str(error))
        return
    tell(library=where(name, cuda))
    version = ctypes.c_int()
    code = cuda.cuDriverGetVersion(ctypes.byref(version))  # works without cuInit
    tell(version_code=code, version=version.value)
    code = cuda.cuInit(0)
    tell(init_code=code)
    if code:
        return
    count = ctypes.c_int()
    code = cuda.cuDeviceGetCount(ctypes.byref(count))
    tell(count_code=code, device_count=count.value if code == 0 else None)
    tell(devices=[device(cuda, index) for index in range(count.value)])


if __name__ == "__main__":
    main(sys.argv[1])
