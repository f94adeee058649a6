"""A table of machines and what has to be recommended for each; every row says why, from the facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.diagnose import plans
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.plans_described import Described, described, document
from ortdoctor.diagnose.plans_model import ModelNeeds
from tests import recorded

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
CHECKED = {
    *("best", "source", "supply", "beside", "because", "rejected", "unlocks", "requirements", "commands", "model"),
    *("cannot_tell", "max_opset", "among", "among_because", "among_cannot_tell"),
}


def named(row: plans.Ranked) -> str:
    return f"{row.plan.distribution} {row.plan.version}"


def codes(reasons: list[plans.Reason]) -> set[str]:
    return {reason.code for reason in reasons}


def find(found: plans.Recommendation, name: str) -> plans.Ranked:
    rows = [row for row in found.plans if named(row) == name]
    assert rows, f"{name} is not among {[named(row) for row in found.plans]}"
    return rows[0]


def check_best(best: plans.Ranked, expect: dict[str, Any]) -> None:
    assert named(best) == expect["best"]
    for field in ("source", "supply", "max_opset"):
        assert getattr(best, field) == expect.get(field, getattr(best, field))
    assert set(expect.get("because", ())) <= codes(best.plan.because)
    assert set(expect.get("cannot_tell", ())) <= codes(best.unclear)
    assert set(expect.get("requirements", ())) <= set(best.requirements)
    assert all(part in "\n".join(best.plan.commands) for part in expect.get("commands", ()))
    if "model" in expect:
        assert best.model is not None
        assert best.model._asdict() == expect["model"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_what_is_recommended_and_why(case: dict[str, Any]) -> None:
    expect = case["expect"]
    assert not set(expect) - CHECKED
    facts = Facts(document(described(Described(**case["box"]), recorded.matrix())))
    found = plans.recommend(facts, recorded.matrix(), ModelNeeds(**case["model"]) if "model" in case else None)
    if expect.get("best"):
        check_best(found.plans[0], expect)
    elif "best" in expect:
        assert not found.plans
    if "beside" in expect:
        assert named(find(found, expect["beside"])) != named(found.plans[0])
    if "among" in expect:
        row = find(found, expect["among"])
        assert set(expect.get("among_because", ())) <= codes(row.plan.because)
        assert set(expect.get("among_cannot_tell", ())) <= codes(row.unclear)
    for version, reason in expect.get("rejected", {}).items():
        assert reason in {row.reason.code for row in found.rejected if row.version == version}, version
    if "unlocks" in expect:
        told = {f"{row.change} {row.to} {row.version}" for row in found.unlocks}
        assert set(expect["unlocks"]) <= told
        assert expect["unlocks"] or not told


def test_the_table_has_what_was_asked_for() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) >= 40
    assert all(case["why"] for case in CASES)
