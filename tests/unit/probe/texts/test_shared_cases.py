"""Every parser over the shared texts, where ../shared is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.probe.texts import PARSERS, parse

_CASES = Path(__file__).resolve().parents[5] / "shared" / "outputs" / "cases.jsonl"

#: id -> why we keep another answer than the case expects.
DISAGREEMENTS: dict[str, str] = {}


def _cases() -> list[Any]:
    if not _CASES.is_file():
        return [pytest.param({}, marks=pytest.mark.skip(reason="../shared/outputs/cases.jsonl is not there"))]
    cases = [json.loads(line) for line in _CASES.read_text(encoding="utf-8").splitlines()]
    known = [case for case in cases if case["kind"] in PARSERS]
    return [pytest.param(case, id=f"{case['id']}-{case['kind']}") for case in known]


def contradictions(expected: Any, found: Any, where: str = "") -> list[str]:
    """List where ``found`` differs from ``expected``.

    An expectation names some keys of a dictionary (of thirty packages, four); null is a key that is not there.
    Lists are whole.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            text for key, value in expected.items() for text in contradictions(value, found.get(key), f"{where}.{key}")
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            text
            for number, (one, other) in enumerate(zip(expected, found, strict=True))
            for text in contradictions(one, other, f"{where}[{number}]")
        ]
    return [] if expected == found else [f"{where or 'all'}: {expected!r} is expected, {found!r} was found"]


@pytest.mark.parametrize("case", _cases())
def test_agrees(case: dict[str, Any]) -> None:
    found = parse(case["kind"], case["text"])
    differences = contradictions(case["expected"], found)
    if case["id"] in DISAGREEMENTS:
        assert differences, f"{case['id']} agrees now: take it out of DISAGREEMENTS"
    else:
        assert differences == []


@pytest.mark.parametrize("case", _cases())
def test_an_error_is_found_only_where_there_is_one(case: dict[str, Any]) -> None:
    assert ("error" in parse(case["kind"], case["text"])) == ("error" in case["expected"])


@pytest.mark.parametrize(
    ("expected", "found", "count"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, 0),
        ({"a": None}, {}, 0),
        ({"a": 1}, {}, 1),
        ({"a": [1]}, {"a": [1, 2]}, 1),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, 1),
    ],
)
def test_the_comparison_itself(expected: Any, found: Any, count: int) -> None:
    assert len(contradictions(expected, found)) == count
