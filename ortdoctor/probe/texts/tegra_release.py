"""``/etc/nv_tegra_release``: the L4T release of a Jetson."""

import re
from typing import Any, Dict

from ._common import UNREADABLE, clean, drop_none, file_failure, first


def parse(text: str) -> Dict[str, Any]:
    """Return ``{l4t, release, revision, gcid?, board?, date?, kernel_variant?}`` or ``{error}``.

    ``R32 .. REVISION: 5.2`` is L4T 32.5.2. From L4T 36 on the board is ``generic`` for every module.
    """
    text = clean(text)
    release = re.search(r"\bR(\d+)\s*\(release\)", text)
    if release is None:
        return {"error": file_failure(text) or UNREADABLE}
    revision = first(r"\bREVISION:\s*(\d+(?:\.\d+)*)", text)
    found = {
        "l4t": "%s.%s" % (release.group(1), revision) if revision else None,
        "release": "R" + release.group(1),
        "revision": revision,
    }  # type: Dict[str, Any]
    optional = {
        "gcid": first(r"\bGCID:\s*(\w+)", text),
        "board": first(r"\bBOARD:\s*([\w-]+)", text),
        "date": first(r"\bDATE:\s*(\S.*)", text),
        "kernel_variant": first(r"\bKERNEL_VARIANT:\s*(\S+)", text),
    }
    found.update(drop_none(optional))
    return found
