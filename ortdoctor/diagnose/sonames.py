"""What the name of a CUDA or cuDNN library says: which library, and of which version."""

import re
from typing import List, NamedTuple, Optional

_LINUX = re.compile(r"lib(?P<name>[A-Za-z_]+)\.so(?:\.(?P<version>\d+(?:\.\d+)*))?$")
_WINDOWS = re.compile(r"(?P<name>[A-Za-z_]+?)(?:64|32)_(?P<version>\d+)(?:_\d+)?\.dll$", re.IGNORECASE)

#: Libraries of the CUDA toolkit whose number is the toolkit's. cuFFT and cuRAND count for themselves.
_TOOLKIT_NUMBERED = ("cudart", "cublas", "cublaslt")

_TOOLKIT = _TOOLKIT_NUMBERED + (
    "cufft",
    "cufftw",
    "curand",
    "cusparse",
    "cusolver",
    "nvrtc",
    "nvjitlink",
    "cupti",
)

#: "libcudart.so.12: cannot open shared object file" of glibc, "depends on "cublasLt64_12.dll" which is missing"
#: of ONNX Runtime on Windows, "Could not load library cudnn_ops64_9.dll" of cuDNN.
_REPORTED = (
    re.compile(r"(lib[\w+-]+\.so(?:\.\d+)*): cannot open shared object file"),
    re.compile(r"depends on \"([\w.-]+\.dll)\" which is missing", re.IGNORECASE),
    re.compile(r"[Cc]ould not (?:load library|locate) ([\w-]+\.(?:dll|so(?:\.\d+)*))"),
    re.compile(r"Unable to load any of \{([\w.-]+)"),
)


class Library(NamedTuple):
    """``libcublasLt.so.12`` is ``("cublasLt", "12")``; ``cudart64_110.dll`` is ``("cudart", "11.0")``."""

    name: str
    version: Optional[str]

    @property
    def family(self) -> Optional[str]:
        """``"cuda"`` | ``"cudnn"`` | ``"driver"`` | ``"tensorrt"``; None for what is none of them."""
        name = self.name.lower()
        if name.startswith("cudnn"):
            return "cudnn"
        if name.startswith(("nvinfer", "nvonnxparser")):
            return "tensorrt"
        if name in ("cuda", "nvcuda"):
            return "driver"
        return "cuda" if name in _TOOLKIT else None

    @property
    def cuda(self) -> Optional[str]:
        """The CUDA that the number stands for; None for libraries that count for themselves."""
        return self.version if self.name.lower() in _TOOLKIT_NUMBERED else None


def parse_soname(soname: str) -> Optional[Library]:
    """Return the library that a soname or the name of a DLL stands for; None for other names."""
    match = _LINUX.match(soname)
    if match:
        return Library(match.group("name"), match.group("version"))
    match = _WINDOWS.match(soname)
    if match:
        return Library(match.group("name"), _dotted(match.group("version")))
    return Library("nvcuda", None) if soname.lower() == "nvcuda.dll" else None


def _dotted(digits: str) -> str:
    """Windows writes 10.0 as 100 and 11.0 as 110; from 12 on the major alone."""
    return digits if len(digits) < 3 and int(digits) < 80 else "%s.%s" % (digits[:-1], digits[-1])


def reported_missing(text: str) -> List[str]:
    """Return the libraries that an error text says are not found, in its order, without repeats."""
    found = sorted((match.start(), match.group(1)) for form in _REPORTED for match in form.finditer(text))
    seen: List[str] = []
    for _, name in found:
        if name not in seen:
            seen.append(name)
    return seen
