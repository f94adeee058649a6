"""``jetson_release`` of jetson-stats, releases 2 to 4, and the scripts that print the like."""

import re
from typing import Any, Dict, Optional

from ._common import UNREADABLE, clean, first, shell_failure

_VERSION = re.compile(r"\d\S*$")

# Key and pattern. Releases up to 3 print `CUDA 10.2.300` and `CUDNN: ..`, later ones ` - cuDNN: ..`.
_VERSIONS = (
    ("jetpack", r"\bJet[Pp]ack:? +\[?([\w.]+)"),
    ("l4t", r"\bL4T:? +([\w.]+)"),
    ("cuda", r"^[ \t*-]*CUDA:? +([\w.]+)\s*$"),
    ("cudnn", r"^[ \t*-]*cuDNN: *([\w.]+)"),
    ("tensorrt", r"^[ \t*-]*TensorRT: *([\w.]+)"),
    ("jtop", r"\bjetson-stats +(\d[\w.]*)|^jtop:\n\s*- *Version: *(\S+)"),
    ("opencv", r"^[ \t*-]*OpenCV(?: version)?: *([\w.]+)(?=\s*$| - | compiled)"),
    ("arch", r"\bCUDA Arch(?:itecture| BIN): *([\w.]+)"),
    ("kernel", r"^[ \t]*Kernel Version: *(\S+)"),
    ("python", r"^Python +(\d[\w.]*)\s*$"),
    ("onnxruntime", r"^[ \t]*onnxruntime +version: *(\S+)"),
    ("onnxruntime-gpu", r"^[ \t]*onnxruntime-gpu +version: *(\S+)"),
    ("torch", r"^[ \t]*Torch +version: *(\S+)"),
)

_MODEL = r"^[ \t*-]*(?:Model:)?\s*((?:NVIDIA |Jetson|Orin|Thor)[^\n]*?)(?: - Jet[Pp]ack .*)?$"


def parse(text: str) -> Dict[str, Any]:
    """Return those found of the keys below, or ``{error}``.

    They are ``model, jetpack, l4t, cuda, cudnn, tensorrt, jtop, opencv, opencv_cuda, arch, board, kernel,
    python, onnxruntime, onnxruntime-gpu, torch, conflict``. None is what is printed as not installed or
    unknown (also ``N.N.N`` in a container). ``conflict`` is true where both ONNX Runtime packages are
    installed.
    """
    text = clean(text)
    found = {}  # type: Dict[str, Any]
    for key, pattern in _VERSIONS:
        match = re.search(pattern, text, re.M | (re.I if key == "cudnn" else 0))
        if match:
            value = next(group for group in match.groups() if group)
            found[key] = value if _VERSION.match(value) else None
    model = first(_MODEL, text, re.M)
    if model or "Hardware Model Name not available" in text:
        found["model"] = model
    board = first(r"^[ \t]*Board: *(\S+)", text, re.M)
    if board:
        found["board"] = board
    with_cuda = _opencv_cuda(text)
    if with_cuda is not None:
        found["opencv_cuda"] = with_cuda
    if found.get("onnxruntime") and found.get("onnxruntime-gpu"):
        found["conflict"] = True
    return found or {"error": shell_failure(text, "jetson_release") or UNREADABLE}


def _opencv_cuda(text: str) -> Optional[bool]:
    told = first(r"OpenCV: [^\n]*CUDA: *(\w+)", text) or first(r"^[ \t*-]*OpenCV Cuda: *(\w+)", text, re.M)
    return told.upper() == "YES" if told else None
