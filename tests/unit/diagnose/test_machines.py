"""Recorded machines get the verdict and the findings that are expected of them, errors first."""

from __future__ import annotations

from functools import cache

import jsonschema
import pytest

from ortdoctor import data
from ortdoctor.diagnose import order
from ortdoctor.diagnose.facts import FAILED, Facts
from ortdoctor.diagnose.findings import SEVERITIES
from ortdoctor.diagnose.judge import judge
from ortdoctor.diagnose.shapes import SHAPES
from tests import recorded


@cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(data.compat_json("schema/facts.schema"))


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_a_machine_is_judged_as_expected(name: str) -> None:
    machine = recorded.machine(name)
    report = judge(machine["document"], recorded.matrix())
    causes = order.roots(report.findings)
    found = [finding.cause for finding in causes]
    assert (report.verdict, found) == (machine["expect"]["verdict"], machine["expect"]["findings"])
    assert not set(found) & set(machine["expect"]["not"])
    ranks = [SEVERITIES.index(finding.severity) for finding in causes]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_consequences_stand_below_their_cause(name: str) -> None:
    machine = recorded.machine(name)
    report = judge(machine["document"], recorded.matrix())
    under: dict[str, list[str]] = {}
    last = None
    for finding in report.findings:
        if finding.under is None:
            last = finding.cause
            continue
        assert (finding.under, finding.severity, finding.commands) == (last, "info", [])
        under.setdefault(finding.under, []).append(finding.cause)
    assert under == machine["expect"].get("under", under)


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_a_recorded_machine_is_complete_and_of_the_schema(name: str) -> None:
    document = recorded.machine(name)["document"]
    schema().validate(document)
    assert set(document["facts"]) == {key for key in SHAPES if not key.startswith(("model.", "ort.extension"))}
    facts = Facts(document)
    misread = [
        key for key in SHAPES if facts.state(key) == FAILED and document["facts"][key]["error"] is None
    ]
    assert not misread


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_evidence_exists_and_words_are_in_the_vocabulary(name: str) -> None:
    report = judge(recorded.machine(name)["document"], recorded.matrix())
    known = {row["id"]: row for row in recorded.causes()}
    for finding in report.findings:
        assert finding.evidence, finding
        for key in finding.evidence:
            assert key in SHAPES or recorded.matrix().evidence(key), key
        templates = known[finding.cause]
        assert finding.variant in {*templates["detail"], *templates["remedy"]}


def test_enough_machines_are_recorded() -> None:
    assert len(recorded.MACHINES) >= 14
