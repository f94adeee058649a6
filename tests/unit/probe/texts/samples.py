"""The project's own texts with what a parser finds in them: tests/data/outputs/KIND.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).resolve().parents[3] / "data" / "outputs"


class Sample(NamedTuple):
    kind: str
    id: str
    text: str
    expected: dict[str, Any]


def samples() -> list[Sample]:
    """Return every sample, in the order of file names and of each file."""
    return [
        Sample(path.stem, case["id"], "\n".join(case["text"]), case["expected"])
        for path in sorted(FOLDER.glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))
    ]
