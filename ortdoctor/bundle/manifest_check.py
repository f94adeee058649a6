"""Judge a manifest that was read: its schema, its own digest, and whether this release understands it."""

from __future__ import annotations

import re
from typing import Any

from ortdoctor.bundle.manifest import FAMILY, NAME, SCHEMA, VERSION, digest, to_bytes
from ortdoctor.bundle.members import LARGEST_TOTAL, name_problem

#: What every bundle has; the number of golden/output_N.npy depends on the model.
REQUIRED = (
    "README.md",
    "golden/detections.json",
    "golden/input.npy",
    "golden/input.png",
    "golden/output_0.npy",
    "model.onnx",
    "requirements.txt",
    "scrfd.py",
    "smoke_test.py",
    "spec.json",
)

_SHA256 = re.compile(r"[0-9a-f]{64}")


def manifest_problems(document: Any, data: bytes) -> tuple[bool, list[tuple[str, str]]]:  # noqa: ANN401 - JSON
    """Return whether the document is of no use, and (kind, sentence) for everything wrong with it.

    ``data`` are the bytes that it was read from: they must be the very ones that the writer makes of it.
    """
    if not isinstance(document, dict):
        return True, [("manifest", f"it should hold a JSON object, and holds a {type(document).__name__}")]
    newer = _newer(document.get("schema"))
    if newer:
        return True, [("newer", newer)]
    if document.get("schema") != SCHEMA:
        return True, [("manifest", f"its schema should be {SCHEMA}, and is {document.get('schema')!r}")]
    wrong = [*_shape(document), *_files(document.get("files"))]
    if wrong:
        return True, [("manifest", text) for text in wrong]
    problems = []
    try:
        if document.get("digest") != digest(document) or to_bytes(document) != data:
            problems.append(("changed", "it was changed after it was written: its digest does not agree"))
    except (ValueError, RecursionError) as error:
        problems.append(("manifest", f"it cannot be judged: {error}"))
    missing = [name for name in REQUIRED if name not in document["files"]]
    problems += [("manifest", f"it does not list {name}, which every bundle has") for name in missing]
    return False, problems


def members_of(document: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Return (SHA-256, size in bytes) of each file that a sound manifest lists."""
    return {name: (entry["sha256"], entry["size"]) for name, entry in document["files"].items()}


def _newer(schema: Any) -> str | None:  # noqa: ANN401 - JSON
    family, _, number = str(schema).partition("/")
    if family == FAMILY and number.isascii() and number.isdigit() and int(number[:9]) > VERSION:
        return (
            f"it has the schema {FAMILY}/{number[:9]}, from a newer ortdoctor than this one, which knows {SCHEMA}. "
            "Upgrade: python -m pip install --upgrade ortdoctor"
        )
    return None


def _shape(document: dict[str, Any]) -> list[str]:
    wanted: dict[str, type] = {"ortdoctor": str, "digest": str}
    wanted |= dict.fromkeys(("target", "model", "plan", "tolerance", "files"), dict)
    wrong = [
        f"{key!r} should be a {kind.__name__}, and is {_kind_of(document, key)}"
        for key, kind in wanted.items()
        if not isinstance(document.get(key), kind)
    ]
    if wrong:
        return wrong
    providers = document["target"].get("expected_providers")
    if not isinstance(providers, list) or not providers or not all(isinstance(name, str) for name in providers):
        wrong.append("'target' should name the expected_providers, a list of names")
    limits = [document["tolerance"].get(key) for key in ("raw", "box_px", "score")]
    if not all(isinstance(limit, int | float) and not isinstance(limit, bool) and limit >= 0 for limit in limits):
        wrong.append("'tolerance' should have the numbers raw, box_px and score")
    return wrong


def _kind_of(document: dict[str, Any], key: str) -> str:
    return f"a {type(document[key]).__name__}" if key in document else "missing"


def _files(files: Any) -> list[str]:  # noqa: ANN401 - JSON
    if not isinstance(files, dict):
        return []  # _shape says so
    wrong = []
    total = 0
    for name, entry in files.items():
        reason = name_problem(name)
        if reason or name == NAME:
            wrong.append(f"it lists {name!r}: {reason or 'a manifest cannot describe itself'}")
            continue
        size = entry.get("size") if isinstance(entry, dict) else None
        digest_text = entry.get("sha256") if isinstance(entry, dict) else None
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            wrong.append(f"it gives {name!r} no size")
        elif not isinstance(digest_text, str) or not _SHA256.fullmatch(digest_text):
            wrong.append(f"it gives {name!r} no SHA-256")
        else:
            total += size
    if total > LARGEST_TOTAL:
        wrong.append(f"it lists {total} bytes in all; a bundle has {LARGEST_TOTAL} at most")
    return wrong
