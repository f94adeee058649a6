"""What ONNX Runtime says of itself: ``print_debug_info()``, the training banner, providers, load errors."""

import re
from typing import Any, Dict, List

from ._common import UNREADABLE, clean, drop_none, first
from .cudnn_header import unpack

_PACKAGE = re.compile(r"^[^\w\n]*((?:onnxruntime|ort)[\w-]*) version: *(\d\S*)", re.M)

_INSTALLED = re.compile(r"^[^\w\n]*([A-Za-z0-9][\w.-]*)==(\S+) at ", re.M)

_PROVIDER = re.compile(r"\b[A-Za-z0-9]+ExecutionProvider\b")

# Lists that a person printed, and the list inside the error about a provider that is not available.
_PROVIDERS = re.compile(r"\[((?:\s*['\"]\w+ExecutionProvider['\"],?)+)\s*\]|[Aa]vailable [Pp]roviders:? *([^\n]*)")

_LIBRARY = re.compile(r"(?:with error: |: )(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")

_LOAD_FAILURE = re.compile(r"Failed to load (?:shared )?library|LoadLibrary failed with error \d+")


def parse(text: str) -> Dict[str, Any]:
    """Return those found of the keys below, or ``{error: "unreadable"}``.

    They are ``package, version, cuda_build, platform, glibc, packages, cuda_tag, cudart_build, cudnn_build,
    cudnn_found, warning, providers, error, missing_library, cudnn_major_needed``. ``error`` is
    ``"provider-load"`` for a provider library that the loader rejected; ``missing_library`` the soname that
    it named. Builds are versions: ``cudart_version 10020`` is 10.2, ``cudnn_version 8004`` is 8.0.4.
    """
    text = clean(text)
    named = _PACKAGE.search(text)
    platform = first(r"^[^\w\n]*platform: *(\S+)", text, re.M)
    found = {
        "package": named.group(1) if named else first(r"package_name: *(\S+)", text),
        "version": named.group(2) if named else first(r"__version__: *(\S+)", text),
        "cuda_build": first(r"CUDA version used in build: *(\d[\d.]*)", text),
        "platform": platform,
        "glibc": first(r"-glibc(\d+(?:\.\d+)+)", platform or ""),
        "packages": dict(_INSTALLED.findall(text)) or None,
        "cuda_tag": first(r"\bcuda_version: *(\d+)", text),
        "providers": _providers(text) or None,
    }  # type: Dict[str, Any]
    found.update(_build(text))
    found.update(_load_error(text))
    return drop_none(found) or {"error": UNREADABLE}


def _build(text: str) -> Dict[str, Any]:
    cudart = first(r"\bcudart_version: *(\d+)", text)
    cudnn = first(r"\bcudnn_version: *(\d+)", text)
    copies = first(r"found cudnn versions: *\[([^\]]*)\]", text)
    found = {}  # type: Dict[str, Any]
    if cudart:
        found["cudart_build"] = "%d.%d" % (int(cudart) // 1000, int(cudart) % 1000 // 10)
    if cudnn:
        found["cudnn_build"] = _dotted(cudnn)
    if copies is not None:
        found["cudnn_found"] = [_dotted(copy) for copy in re.findall(r"\d+", copies)]
    warning = re.search(r"failed to find (cudnn|cudart) version that matches", text)
    if warning:
        found["warning"] = warning.group(1) + "-mismatch"
    return found


def _dotted(packed: str) -> str:
    return ".".join(str(part) for part in unpack(int(packed)))


def _providers(text: str) -> List[str]:
    match = _PROVIDERS.search(text)
    return _PROVIDER.findall(match.group(1) or match.group(2)) if match else []


def _load_error(text: str) -> Dict[str, Any]:
    library = first(_LIBRARY.pattern, text)
    if not library and not _LOAD_FAILURE.search(text):
        return {}
    found = {"error": "provider-load"}  # type: Dict[str, Any]
    if library:
        found["missing_library"] = library
        cudnn = re.match(r"libcudnn\w*\.so\.(\d+)", library)
        if cudnn:
            found["cudnn_major_needed"] = int(cudnn.group(1))
    return found
