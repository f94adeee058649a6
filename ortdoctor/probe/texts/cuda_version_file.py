"""``version.json`` (CUDA 11.1 and later) and ``version.txt`` (before) of an installed toolkit."""

import re
from typing import Any, Dict

from ._common import UNREADABLE, clean, file_failure, first, major_minor

# One component. Not json.loads: what people paste is cut at both ends and has dots for what was left out.
_COMPONENT = re.compile(r"\"(\w+)\"\s*:\s*\{([^{}]*)")


def parse(text: str) -> Dict[str, Any]:
    """Return ``{cuda, version, patches?, nvcc?, bundled_driver?}`` or ``{error}``.

    ``cuda`` is ``"12.2"``; the third number of ``version`` can be a date (``12.2.20230823``), so never
    compare it. ``bundled_driver`` came with the installer and need not be the one that runs.
    """
    text = clean(text)
    components = _components(text)
    version = components.get("cuda") or first(r"CUDA Version\s+(\d+(?:\.\d+)+)", text)
    if version is None and not components:
        version = first(r"\"version\"\s*:\s*\"(\d[^\"]*)\"", text)
    if version is None:
        return {"error": file_failure(text) or UNREADABLE}
    found = {"cuda": major_minor(version), "version": version}  # type: Dict[str, Any]
    patches = re.findall(r"CUDA Patch Version\s+(\d+(?:\.\d+)+)", text)
    if patches:
        found["patches"] = patches
    for key, component in (("nvcc", "cuda_nvcc"), ("bundled_driver", "nvidia_driver")):
        if component in components:
            found[key] = components[component]
    return found


def _components(text: str) -> Dict[str, str]:
    found = {}  # type: Dict[str, str]
    for name, body in _COMPONENT.findall(text):
        version = first(r"\"version\"\s*:\s*\"([^\"]*)\"", body)
        if version:
            found.setdefault(name, version)
    return found
