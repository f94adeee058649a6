"""How a fact's ``source`` and ``confidence`` become evidence, and what a range of releases means."""

from __future__ import annotations

import re
from typing import Any

from packaging.version import Version

Row = dict[str, Any]

#: Facts say more words than the matrix has; the weaker word wins where a fact names two.
CONFIDENCE = {
    "measured": "measured",
    "measured (through proxy)": "measured",
    "measured (minor version unknown)": "measured",
    "measured+doc": "measured",
    "doc+measured": "measured",
    "doc": "doc",
    "doc (conflict)": "doc",
    "doc (CMake); architecture names from memory": "doc",
    "doc; cuDNN/TRT memory": "doc",
    # Not the vendor's document on the subject, or one that says so itself.
    "doc (weak)": "secondary",
    "doc (draft)": "secondary",
    "doc (pytorch)": "secondary",
    "doc; wheel availability uncertain": "secondary",
    "doc; availability uncertain": "secondary",
    "doc+secondary": "secondary",
    "secondary": "secondary",
    "secondary (strong)": "secondary",
    "secondary (weak)": "secondary",
    "secondary (conflict)": "secondary",
    "secondary (conflict noted)": "secondary",
    "secondary (conflict on L4T)": "secondary",
    "secondary; cuDNN/TRT memory": "secondary",
    "doc/derived": "derived",
    "derived": "derived",
    "derived/memory": "derived",
    "memory": "memory",
}

#: Sources that were read out of a wheel; other measurements ran something or read the index.
_WHEEL = re.compile(r"PyPI wheel|newest wheel|wheel __init__|in wheel|Modules/Internal/CMake|CMake .* wheel")
_MEASURED = re.compile(r"measured|simple index|pip index", re.IGNORECASE)


def evidence(source: str, confidence: str, *fields: str, when: str, kind: str = "") -> Row:
    """Return one entry of evidence; ``kind`` is told from the words of ``source`` unless it is given."""
    if not kind:
        kind = "wheel" if _WHEEL.search(source) else "measurement" if _MEASURED.search(source) else "document"
    read = re.search(r"(?:read|inspected on|listed with unzip -l on) (\d{4}-\d{2}-\d{2})", source)
    entry: Row = {
        "kind": kind,
        "where": without_addresses(source),
        "when": read.group(1) if read else when,
        "confidence": CONFIDENCE[confidence],
    }
    if fields:
        entry["fields"] = sorted(fields)
    return entry


def without_addresses(text: str) -> str:
    """Name the index as the documents of this project do, never by its address."""
    text = re.sub(r"(?:the )?PyPI(?: simple)? index", "the index", text)
    text = re.sub(r"\bon PyPI\b", "on the index", text)
    text = re.sub(r"\bPyPI wheel", "wheel of the index", text)
    text = re.sub(r"PyPI onnxruntime \(CPU\)", "onnxruntime (CPU)", text)
    return re.sub(r"\bPyPI\b", "index", text)


def expand(text: str, known: list[str]) -> list[str]:
    """Return the releases of ``known`` that ``"1.0-1.1"``, ``"1.19.x"``, ``"1.22+"`` or ``"1.17"`` name."""
    text = text.strip()
    if re.fullmatch(r"[0-9.]+\+", text):
        return [version for version in known if Version(version) >= Version(text[:-1])]
    if "-" in text:
        first, last = (part.strip() for part in text.split("-"))
        return [
            version
            for version in known
            if Version(first) <= Version(version) and _head(version, last) <= _numbers(last)
        ]
    text = text.removesuffix(".x")
    return [version for version in known if _head(version, text) == _numbers(text)]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _head(version: str, like: str) -> tuple[int, ...]:
    """Return as many numbers of ``version`` as ``like`` has: every 1.16.x is within ``1.15-1.16``."""
    return _numbers(version)[: len(_numbers(like))]


def tag_order(tag: str) -> tuple[int, str]:
    """Sort key of Python tags: cp39, cp310, cp313, cp313t."""
    return int(re.sub(r"\D", "", tag)[1:] or 0), tag
