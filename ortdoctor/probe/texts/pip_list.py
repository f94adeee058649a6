"""``pip list``, ``pip freeze``, ``pip show``, ``conda list`` and the tags of ``pip debug --verbose``."""

import re
from typing import Any, Dict, List, Optional, Tuple

from ._common import UNREADABLE, clean, shell_failure

_NAME = r"([A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9])?)"

_VERSION = r"(v?\d[\w.+!-]*)"

_ROW = re.compile(r"^[ \t]*" + _NAME + r"(?:\s+|\s*\()" + _VERSION + r"(?:\)|\s|$)(.*)$")

_PINNED = re.compile(r"^[ \t]*(?:\[\w+\]\s*)?" + _NAME + r"===?" + _VERSION)

_SHOW = re.compile(r"^[ \t]*(Name|Version|Required-by):[ \t]*(.*)$")

_JSON = re.compile(r"\"name\"\s*:\s*\"([^\"]+)\"\s*,\s*\"version\"\s*:\s*\"([^\"]+)\"")

_TAG = re.compile(r"^[^\w\n]*((?:cp|py|pp)\d\w*-\w+-\w+)\s*$", re.M)

# The glibc that the names before PEP 600 stand for.
_LEGACY_MANYLINUX = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}

# Distributions of names that start so live in the folder onnxruntime/, but for the tools around it.
_RUNTIME = re.compile(r"(?:onnxruntime|ort)(?:-(?!extensions|genai|tools|easy|inference).*)?$")


def parse(text: str) -> Dict[str, Any]:
    """Return ``{packages: {name: version}, conflict?, required_by?, columns?}``, tags, or ``{error}``.

    ``conflict`` is there where an ONNX Runtime is: true if more than one distribution owns its folder. Names
    are as printed. Of ``pip debug``: ``{tag_count, first_tag, max_manylinux, python}``, with
    ``max_manylinux`` as ``manylinux_2_31_aarch64`` (None on other systems) and ``python`` as ``cp39``.
    """
    text = clean(text)
    tags = _tags(text)
    if tags:
        return tags
    packages, required_by, columns = _packages(text.splitlines())
    packages.update(_JSON.findall(text))
    if not packages:
        missing = re.search(r"Package\(s\) not found|No module named pip", text)
        return {"error": "not-found" if missing else shell_failure(text, "pip") or UNREADABLE}
    found = {"packages": packages}  # type: Dict[str, Any]
    runtimes = [name for name in packages if _RUNTIME.match(re.sub(r"[-_.]+", "-", name).lower())]
    if runtimes:
        found["conflict"] = len(runtimes) > 1
    if required_by:
        found["required_by"] = required_by
    if columns:
        found["columns"] = columns
    return found


def _packages(lines: List[str]) -> Tuple[Dict[str, str], Dict[str, List[str]], List[str]]:
    packages = {}  # type: Dict[str, str]
    required_by = {}  # type: Dict[str, List[str]]
    columns = []  # type: List[str]
    shown = None  # type: Optional[str]
    for line in lines:
        show = _SHOW.match(line)
        if show:
            key, value = show.group(1), show.group(2).strip()
            if key == "Name":
                shown = value
            elif shown and key == "Version":
                packages[shown] = value
            elif shown and value:
                required_by[shown] = [name.strip() for name in value.split(",")]
            continue
        if re.match(r"^[^\w\n]*(?:Package|Name)\s+Version\b", line):
            columns = re.findall(r"Editable project location|\w+", line)
            continue
        pinned = _PINNED.match(line) or _ROW.match(line)
        if pinned and (pinned.re is _PINNED or _is_row(line, pinned.group(3))):
            packages[pinned.group(1)] = pinned.group(2)
    return packages, required_by, columns


def _is_row(line: str, rest: str) -> bool:
    """Tell a table's row from a sentence: nothing follows, or columns that stand two spaces apart."""
    return not rest.strip() or (len(rest.split()) <= 3 and "  " in line.strip())


def _tags(text: str) -> Optional[Dict[str, Any]]:
    count = re.search(r"\bCompatible tags: *(\d+)", text)
    tags = _TAG.findall(text)
    if count is None and not tags:
        return None
    return {
        "tag_count": int(count.group(1)) if count else len(tags),
        "first_tag": tags[0] if tags else None,
        "max_manylinux": _max_manylinux(tags),
        "python": tags[0].split("-")[0] if tags else None,
    }


def _max_manylinux(tags: List[str]) -> Optional[str]:
    best = None  # type: Optional[Tuple[Tuple[int, int], str]]
    for tag in tags:
        platform = tag.split("-")[2]
        perennial = re.match(r"manylinux_(\d+)_(\d+)_", platform)
        if perennial:
            glibc = (int(perennial.group(1)), int(perennial.group(2)))
        elif platform.split("_")[0] in _LEGACY_MANYLINUX:
            glibc = _LEGACY_MANYLINUX[platform.split("_")[0]]
        else:
            continue
        if best is None or glibc > best[0]:
            best = (glibc, platform)
    return best[1] if best else None
