"""``cudnn.h`` or ``cudnn_version.h`` (8 and later), whole or as grep shows it."""

import re
from typing import Any, Dict, List, Optional

from ._common import UNREADABLE, clean, file_failure

#: From cuDNN 9 on CUDNN_VERSION is major * 10000 + minor * 100 + patch; before, major * 1000.
_NINE = 9


def parse(text: str) -> Dict[str, Any]:
    """Return ``{cudnn, partial?, cudnn_version_int?}`` or ``{error}``.

    ``partial`` is true where minor or patch level are not in the text. ``cudnn_version_int``, what
    ``cudnnGetVersion()`` returns, is given from cuDNN 9 on, where the factor is no longer 1000.
    """
    text = clean(text)
    parts = []  # type: List[int]
    for name in ("MAJOR", "MINOR", "PATCHLEVEL"):
        number = _define(text, name)
        if number is None:
            break
        parts.append(number)
    if not parts:
        packed = _define(text, "VERSION")
        if packed is None:
            return {"error": file_failure(text) or UNREADABLE}
        parts = unpack(packed)
    found = {"cudnn": ".".join(str(part) for part in parts)}  # type: Dict[str, Any]
    if len(parts) < 3:
        found["partial"] = True
    elif parts[0] >= _NINE:
        found["cudnn_version_int"] = parts[0] * 10000 + parts[1] * 100 + parts[2]
    return found


def unpack(version: int) -> List[int]:
    """Return ``[major, minor, patch]`` of a packed version: 8004 is 8.0.4, 90101 is 9.1.1."""
    major, rest = divmod(version, 10000 if version >= _NINE * 10000 else 1000)
    return [major, rest // 100, rest % 100]


def _define(text: str, name: str) -> Optional[int]:
    match = re.search(r"#\s*define\s+CUDNN_%s\s+\(?(\d{1,7})\b" % name, text)
    return int(match.group(1)) if match else None
