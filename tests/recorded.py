"""Recorded machines and the data that they are judged with, for the tests of diagnose and report."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from ortdoctor import data
from ortdoctor.diagnose.matrix import STEMS, UNTYPED, Matrix

FOLDER = Path(__file__).parent / "machines"
MACHINES = sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def matrix() -> Matrix:
    """Return the matrix of compat/, with the causes and what brings libraries registered."""
    return Matrix({stem: data.compat_json(stem) for stem in (*STEMS, *UNTYPED)})


@cache
def causes() -> list[dict[str, Any]]:
    """Return the rows of compat/causes.json."""
    rows: list[dict[str, Any]] = data.compat_json("causes")
    return rows


def machine(name: str) -> dict[str, Any]:
    """Return a fresh copy of a recorded machine: about, document, expect."""
    recorded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return recorded


def document(facts: dict[str, Any], base: str | None = None) -> dict[str, Any]:
    """Return a document with ``facts`` (values; an exception stands for a failed fact) over those of ``base``."""
    whole: dict[str, Any] = machine(base)["document"] if base else {"schema": "ortdoctor.facts/1", "facts": {}}
    for key, value in facts.items():
        failed = isinstance(value, Exception)
        whole["facts"][key] = {
            "value": None if failed else value,
            "source": "a test",
            "error": str(value) if failed else None,
        }
    return whole
