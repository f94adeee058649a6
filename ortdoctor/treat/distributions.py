"""Every distribution in folders of packages, by the names of their metadata."""

import os
import re
from typing import Dict, Sequence

_METADATA = re.compile(r"(?P<name>[^~-][^-]*)-(?P<version>[^-]+)(?:-[^.]*)?\.(?:dist|egg)-info$")


def versions(packages: Sequence[str]) -> Dict[str, str]:
    """Return name to version; the first folder that has a distribution wins, as it does on the import path."""
    found: Dict[str, str] = {}
    for folder in packages:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue  # a folder that is not there yet
        for name in names:
            match = _METADATA.match(name)
            if match:
                found.setdefault(match.group("name").replace("_", "-").lower(), match.group("version"))
    return found
