"""``pip --version``: which pip, and whose."""

import re
from typing import Any, Dict

from ._common import UNREADABLE, clean, shell_failure

_PIP = re.compile(r"\bpip\s+(\d\S*)\s+from\s+(\S[^\n]*?)\s*\(python\s+(\d+\.\d+)\S*\)")


def parse(text: str) -> Dict[str, Any]:
    """Return ``{pip, python, path}`` or ``{error}``."""
    text = clean(text)
    match = _PIP.search(text)
    if match:
        return {"pip": match.group(1), "python": match.group(3), "path": match.group(2)}
    if "No module named pip" in text:
        return {"error": "not-found"}
    return {"error": shell_failure(text, "pip") or shell_failure(text, "pip3") or UNREADABLE}
