"""``ldd --version``: which C library, and its version."""

import re
from typing import Any, Dict

from ._common import UNREADABLE, clean, first, shell_failure

_GLIBC = (
    r"\bldd \(.*\)\s+(\d+(?:\.\d+)+)",  # greedy: the name of the distribution's build can hold parentheses
    r"\bstable release version (\d+(?:\.\d+)+)",  # libc.so.6 run as a program
    r"\bglibc[ -](\d+(?:\.\d+)+)",  # getconf GNU_LIBC_VERSION
)


def parse(text: str) -> Dict[str, Any]:
    """Return ``{libc: "glibc" | "musl", version}`` or ``{error}``."""
    text = clean(text)
    if re.search(r"\bmusl\b", text, re.I):
        return {"libc": "musl", "version": first(r"\bVersion\s+(\d+(?:\.\d+)+)", text)}
    for pattern in _GLIBC:
        version = first(pattern, text)
        if version:
            return {"libc": "glibc", "version": version}
    return {"error": shell_failure(text, "ldd") or UNREADABLE}
