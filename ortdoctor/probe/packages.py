"""Installed distributions that have a say in whether ONNX Runtime sees the GPU.

The metadata folders on ``sys.path`` are read directly: importlib.metadata came with Python 3.8, and one way
for all interpreters is one thing to trust.
"""

import os
import re
import sys
from typing import Dict, Iterable, List, Optional, Tuple

from .fact import Facts, found

KEY = "python.packages"

#: Canonical names (PEP 503) that matter: those that ORT loads, or that bring what it loads.
_MATTERS = re.compile(
    r"(numpy|onnx|protobuf|torch)$|(opencv|tensorrt|nvidia|onnxruntime|ort)-|(opencv|tensorrt|onnxruntime)$"
)

#: name-version.dist-info (wheels), name-version[-py3.6].egg-info (setuptools, Debian), name-version-py3.6.egg
_METADATA = re.compile(r"(?P<name>.+?)(-(?P<version>[^-]+))?(-py\d[\d.]*.*)?\.(dist-info|egg-info|egg)$", re.IGNORECASE)

#: Where the headers lie in each kind; an .egg-info may also be the file itself.
_HEADERS = ("METADATA", "PKG-INFO", os.path.join("EGG-INFO", "PKG-INFO"), "")


def collect() -> Facts:
    """Return ``python.packages`` of the interpreter that this runs in."""
    return {KEY: found(dict(sorted(installed(sys.path).items())), "metadata folders on sys.path")}


def installed(path: Iterable[str]) -> Dict[str, str]:
    """Return name and version of the distributions on ``path`` that matter; the first copy of a name wins."""
    versions: Dict[str, str] = {}
    for folder in path:
        for entry in _entries(folder or os.curdir):
            seen = _distribution(entry)
            if seen is not None:
                versions.setdefault(*seen)
    return versions


def _entries(folder: str) -> List[str]:
    """Return the paths in ``folder``; an .egg on the path is itself the distribution."""
    if folder.lower().endswith(".egg"):
        return [folder]
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []  # a path entry that is a zip, is not there or is not ours to read holds no metadata folder


def _distribution(path: str) -> Optional[Tuple[str, str]]:
    match = _METADATA.match(os.path.basename(path))
    if match is None or not _MATTERS.match(canonical(match.group("name"))):
        return None
    version = _header(path, "Version") or match.group("version")
    return (canonical(match.group("name")), version) if version else None


def _header(path: str, name: str) -> Optional[str]:
    for file in _HEADERS:
        value = _header_of(os.path.join(path, file) if file else path, name)
        if value is not None:
            return value
    return None


def _header_of(file: str, name: str) -> Optional[str]:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if not line.strip():
                    return None  # the headers end at the first empty line
                if line.startswith(name + ":"):
                    return line.partition(":")[2].strip()
    except OSError:
        return None  # not this kind of metadata
    return None


def canonical(name: str) -> str:
    """Return ``name`` as the index spells it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
