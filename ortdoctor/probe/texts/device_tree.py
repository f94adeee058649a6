"""``/proc/device-tree/model``: the name of the board, ended by a NUL and no line end."""

import re
from typing import Any, Dict

from ._common import UNREADABLE, clean, file_failure

# A pasted session: `user@host:~$ cat /proc/device-tree/model`, also glued to the name that has no line end.
_PROMPT = re.compile(r"^(?:\([\w.-]+\)\s*)?(?:[\w.-]+@[\w.-]+(?::\S*)?\s*)?[$#>]\s.*$|^[\w.-]+@[\w.-]+:\S*[$#]\s*$")

_COMMAND = re.compile(r"^(?:sudo\s+)?(?:cat|strings|tr|more)\s+\S*(?:device-?tree|/)\S*")


def parse(text: str) -> Dict[str, Any]:
    """Return ``{model}`` or ``{error}``."""
    text = clean(text)
    failure = file_failure(text)
    if failure:
        return {"error": failure}
    for line in (line.strip() for line in text.splitlines()):
        if line and not _PROMPT.match(line) and not _COMMAND.match(line):
            return {"model": line}
    return {"error": UNREADABLE}
