"""Print the platform tags that this interpreter's pip accepts, most wanted first, as one line of JSON.

pip's own list is asked, since pip's version decides about it: manylinux2010 came with 19.0, manylinux2014
with 19.3, any manylinux_2_N (PEP 600) with 20.3, musllinux with 21.2. The list has moved between releases.
"""

import sys

if __name__ == "__main__":
    # A file of the current folder must not stand for a module.
    sys.path[:] = [entry for entry in sys.path if entry]

import importlib  # noqa: E402 - only after sys.path is clean
import json  # noqa: E402
from typing import Any, List, Optional  # noqa: E402

#: Where pip keeps ``get_supported``: 20.1 and later, 10 to 20.0, 9.
HOMES = ("pip._internal.utils.compatibility_tags", "pip._internal.pep425tags", "pip.pep425tags")


def supported() -> Optional[List[Any]]:
    """Return pip's list of supported tags, or None where no release's way leads to it."""
    for home in HOMES:
        try:
            tags: List[Any] = importlib.import_module(home).get_supported()
        except (ImportError, AttributeError):
            continue
        sys.stdout.write(json.dumps({"asked": home + ".get_supported()"}) + "\n")
        return tags
    return None


def platforms(tags: List[Any]) -> List[str]:
    """Return the platforms of ``tags`` in pip's order; old releases have tuples (python, abi, platform)."""
    names: List[str] = []
    for tag in tags:
        name = tag[2] if isinstance(tag, tuple) else tag.platform
        if name != "any" and name not in names:
            names.append(name)
    return names


def main() -> None:
    """Print ``{"platforms": [..]}``; null where pip's list is not found."""
    tags = supported()
    sys.stdout.write(json.dumps({"platforms": None if tags is None else platforms(tags)}) + "\n")


if __name__ == "__main__":
    main()
