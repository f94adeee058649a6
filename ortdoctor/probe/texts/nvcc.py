"""``nvcc --version``: the CUDA toolkit that a compiler belongs to."""

import re
from typing import Any, Dict

from ._common import UNREADABLE, clean, drop_none, first, shell_failure

_RELEASE = re.compile(r"\brelease\s+(\d+\.\d+)(?:\s*,\s*(V(\d+(?:\.\d+)+)))?")


def parse(text: str) -> Dict[str, Any]:
    """Return ``{cuda, build, version, built_on?, compiler_build?}`` or ``{error}``.

    ``cuda`` is the release (``"11.4"``), ``version`` the compiler's own (``"11.4.315"``). The build date is
    kept as printed: Windows writes it in the language of the machine that built it, with underscores for
    spaces.
    """
    text = clean(text)
    release = _RELEASE.search(text)
    if release is None:
        return {"error": shell_failure(text, "nvcc") or UNREADABLE}
    found = {"cuda": release.group(1), "build": release.group(2), "version": release.group(3)}  # type: Dict[str, Any]
    optional = {
        "built_on": first(r"\bBuilt on\s+(\S.*?)\s*(?:\bCuda compilation|$)", text, re.M),
        "compiler_build": first(r"(?:^|[\s#>|:])Build\s+(\S*[._]\S*)", text, re.M),
    }
    found.update(drop_none(optional))
    return found
