"""``ldconfig -p`` (also ``-v``): which CUDA libraries the dynamic loader's cache holds, and where."""

import re
from typing import Any, Dict, List, Optional, Tuple

from ._common import UNREADABLE, clean, shell_failure

_ENTRY = re.compile(r"(?<!\S)(\S{1,255}?\.so[\w.+-]{0,64}) \(([^()\n]{0,64})\) => (/\S+)")

_FOLDER = re.compile(r"^(/[^:\n]+):(?: \(.*\))?\s*$")

_LINK = re.compile(r"^\s+(\S{1,255}?\.so[\w.+-]{0,64}) -> (\S+)")

# By their names at the start: `grep cuda` also finds libicudata, which is Unicode.
_RELEVANT = re.compile(
    r"lib(?:cuda|cublas|cufft|curand|cusolver|cusparse|cudnn|cupti|cufile|cutensor|cudla|nv|npp|nccl"
    r"|onnxruntime|tensorrt|OpenCL)"
)

_SIXTY_FOUR = ("64", "AArch64")


def parse(text: str) -> Dict[str, Any]:
    """Return ``{sonames: {soname: path}, cudart?, cudnn_major?, driver_from_soname?, wsl?}`` or ``{error}``.

    Of several entries for one soname the loader's first of the 64-bit ones counts. ``cudart`` is the version
    in the soname (``"11.0"`` for all of CUDA 11, ``"12"``). The heading line, in the user's language, is not
    needed.
    """
    text = clean(text)
    sonames = {}  # type: Dict[str, str]
    narrow = {}  # type: Dict[str, str]
    entries = _entries(text)
    for soname, kind, path in entries:
        if _RELEVANT.match(soname):
            wide = not kind or any(mark in kind for mark in _SIXTY_FOUR)
            (sonames if wide else narrow).setdefault(soname, path)
    for soname, path in narrow.items():
        sonames.setdefault(soname, path)
    if not entries and not re.search(r"ld\.so\.cache|is not a symbolic link", text):
        return {"error": shell_failure(text, "ldconfig") or UNREADABLE}
    found = {"sonames": sonames}  # type: Dict[str, Any]
    cudart = _suffix(sonames, r"libcudart\.so\.(\d+(?:\.\d+)?)")
    cudnn = _suffix(sonames, r"libcudnn\.so\.(\d+)")
    driver = _suffix(sonames, r"lib(?:nvidia-[\w-]+|cuda)\.so\.(\d{3}\.\d[\d.]*)$")
    if cudart:
        found["cudart"] = cudart
    if cudnn:
        found["cudnn_major"] = int(cudnn)
    if driver:
        found["driver_from_soname"] = driver
    if "/usr/lib/wsl/" in text:
        found["wsl"] = True
    return found


def _entries(text: str) -> List[Tuple[str, str, str]]:
    """Return soname, kind and path; of ``-v``, which prints folders and links below them, without a kind."""
    found = [(match.group(1), match.group(2), match.group(3)) for match in _ENTRY.finditer(text)]
    folder = None  # type: Optional[str]
    for line in text.splitlines():
        heading = _FOLDER.match(line)
        link = _LINK.match(line)
        if heading:
            folder = heading.group(1).rstrip("/")
        elif link and folder:
            found.append((link.group(1), "", folder + "/" + link.group(1)))
    return found


def _suffix(sonames: Dict[str, str], pattern: str) -> Optional[str]:
    for soname in sonames:
        match = re.match(pattern, soname)
        if match:
            return match.group(1)
    return None
