"""``/proc/driver/nvidia/version``: the kernel module that is loaded now."""

import re
from typing import Any, Dict

from ._common import UNREADABLE, clean, file_failure

_MODULE = re.compile(
    r"\bNVIDIA\s+(?:UNIX|Linux)\s+(?P<open>Open\s+)?(?:(?P<before>[\w-]+)\s+)?Kernel\s+Module"
    r"(?:\s+for\s+(?P<after>[\w-]+))?\s+(?P<version>\S+)"
)

_VERSION = re.compile(r"\d[\d.]*(?:-\d+)?$")  # 1.0-9639 in the first years


def parse(text: str) -> Dict[str, Any]:
    """Return ``{driver?, open, arch?, driver_raw?}`` or ``{error}``.

    ``open`` tells the open kernel modules from the proprietary ones. ``driver`` is None, and ``driver_raw``
    says what stood there, where the build was not given a number (Jetson Thor prints ``TempVersion``).
    """
    text = clean(text)
    module = _MODULE.search(text)
    if module is None:
        return {"error": file_failure(text) or UNREADABLE}
    version = module.group("version")
    known = _VERSION.match(version) is not None
    found = {
        "driver": version if known else None,
        "open": module.group("open") is not None,
        "arch": module.group("after") or module.group("before"),
    }  # type: Dict[str, Any]
    if not known:
        found["driver_raw"] = version
    return found
