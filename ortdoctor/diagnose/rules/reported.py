"""Causes that an error text names by itself, whatever else is known of the machine."""

import re
from typing import NamedTuple, Optional


class Known(NamedTuple):
    """A form of error text and the cause that it stands for; ``os``, where given, is the only system that has it."""

    form: str
    cause: str
    variant: str = "default"
    os: str = ""


#: In order: a text may match several, and the first is the cause of the others.
_KNOWN = (
    Known(
        r"_ARRAY_API not found|compiled using NumPy 1\.x|multiarray failed to import", "numpy2_abi_mismatch"
    ),
    Known(r"version [`'\"]?(?:GLIBCXX|CXXABI)_[\d.]+.? not found", "glibcxx_too_old"),
    Known(r"version [`'\"]?GLIBC_[\d.]+.? not found", "glibc_too_old"),
    Known(r"cannot enable executable stack", "executable_stack_blocked"),
    Known(r"static TLS block", "static_tls_exhausted"),
    Known(r"cannot change memory protections", "memory_protection_denied"),
    Known(r"incompatible architecture", "macos_wrong_arch", os="macos"),
    Known(r"libomp\.dylib", "macos_libomp_missing", os="macos"),
    Known(r"onnx_cpp2py_export", "onnx_package_dll_failure", os="windows"),
    Known(
        r"API version \[\d+\] is not available|given version \[\d+\] is not supported",
        "wrong_onnxruntime_dll_loaded",
    ),
    Known(r"CUDA failure 35\b|driver version is insufficient", "driver_too_old", "reported"),
    Known(r"CUDA failure 100\b|no CUDA-capable device", "no_gpu_visible", "reported"),
    Known(r"[Nn]o kernel image|NoKernelImageForDevice", "gpu_arch_unsupported", "reported"),
    Known(r"version lib\w+\.so[.\d]* not defined in file", "duplicate_cuda_libs"),
    Known(r"zlibwapi\.dll", "zlibwapi_missing"),
    Known(r"CUDNN_STATUS_|CUDNN_BACKEND|CUDNN failure|CUDNN_FE", "cudnn_runtime_failure"),
    Known(r"ALLOC_FAILED|out of memory|Failed to allocate memory for requested", "gpu_out_of_memory"),
    Known(r"initialization error.*fork|CUDA failure 3\b", "cuda_used_after_fork"),
    Known(r"required to explicitly set the providers", "providers_not_specified"),
    Known(r"providers_shared\S* .*(?:not (?:be )?found|cannot open shared)", "provider_shared_lib_missing"),
    Known(
        r"error(?: code)? 127\b|specified procedure could not be found",
        "windows_dll_version_conflict_127",
        os="windows",
    ),
)

#: The native part itself did not load. Before 1.8 it linked CUDA, so that rules on CUDA ask first.
_NATIVE_ON_WINDOWS = Known(r"DLL load failed|WinError 1114", "msvc_runtime_missing_or_old", os="windows")

#: The words of CUDA inside the line that ONNX Runtime makes of them, which names files and functions of its source.
_CUDA_SAYS = re.compile(r"\b((?:CUDA|CUDNN|CUBLAS) (?:failure|error) \d+: .*?) ?; ")


def known(text: str, os: str) -> Optional[Known]:
    """Return the first cause that ``text`` names; None where it names none."""
    for entry in _KNOWN:
        if entry.os in ("", os) and re.search(entry.form, text):
            return entry
    return None


def native_on_windows(text: str, os: str) -> Optional[Known]:
    """Return the Visual C++ runtime as the cause where the text is of the kind that it leads to."""
    return _NATIVE_ON_WINDOWS if os == "windows" and re.search(_NATIVE_ON_WINDOWS.form, text) else None


def line_of(text: str, entry: Known) -> str:
    """Return the line of ``text`` that ``entry`` was recognised by; of an error of CUDA, what CUDA says."""
    for line in text.splitlines():
        if re.search(entry.form, line):
            said = _CUDA_SAYS.search(line)
            return said.group(1) if said and re.search(entry.form, said.group(1)) else line.strip()
    return text.strip()
