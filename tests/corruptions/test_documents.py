"""Recorded machines, corrupted as files or by taking a fact away: no exception, and no health without its facts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortdoctor.commands.machine import read_record
from ortdoctor.diagnose import needed
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.judge import judge
from ortdoctor.errors import FactsError
from tests import recorded
from tests.corruptions.corrupt import corrupted, share
from tests.corruptions.judged import verdict_of

HEALTHY = [
    name
    for name in recorded.MACHINES
    if judge(recorded.machine(name)["document"], recorded.matrix()).verdict == "healthy"
]

#: What may stand where a fact was: not collected, failed, absent, of another type.
INSTEAD: list[Any] = [
    None,
    {"value": None, "source": "a test", "error": "it did not answer"},
    {"value": "\x1b[2J", "source": "a test", "error": None},
    {"value": [[]], "source": None, "error": None},
    {"value": 1e308, "source": 7, "error": None},
    {"value": {"": {}}, "source": "", "error": None},
    [],
    "gone",
]


@share(0.2)
@given(st.data(), st.sampled_from(recorded.MACHINES))
def test_a_record_that_was_damaged_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    text = json.dumps(recorded.machine(name)["document"], indent=1)
    path.write_bytes(data.draw(corrupted(text.encode())))
    try:
        document = read_record(str(path))
    except FactsError as error:
        assert str(path) in str(error)  # noqa: PT017 - it is not expected every time
        return
    verdict_of(document)


@share(0.2)
@given(st.data(), st.sampled_from(recorded.MACHINES))
def test_facts_of_any_type_are_judged(data: st.DataObject, name: str) -> None:
    document = recorded.machine(name)["document"]
    facts = document["facts"]
    for key in data.draw(st.lists(st.sampled_from(sorted(facts)), min_size=1, max_size=8, unique=True)):
        facts[key] = data.draw(st.sampled_from(INSTEAD))
    verdict_of(document)


def _verdict_with(name: str, key: str, fact: Any) -> str:
    document = recorded.machine(name)["document"]
    if fact is None:
        del document["facts"][key]
    else:
        document["facts"][key] = fact
    return judge(document, recorded.matrix()).verdict


@pytest.mark.parametrize("name", HEALTHY)
def test_no_needed_fact_can_be_taken_from_a_healthy_machine(name: str) -> None:
    for key in needed.ALWAYS:
        for fact in INSTEAD:
            assert _verdict_with(name, key, fact) != "healthy", (key, fact)


@pytest.mark.parametrize("name", HEALTHY)
def test_the_list_of_needed_facts_is_that_of_the_rules(name: str) -> None:
    document = recorded.machine(name)["document"]
    assert needed.missing(Facts(document)) == []
    for key, fact in list(document["facts"].items()):
        document["facts"][key] = INSTEAD[1]
        if needed.missing(Facts(document)):
            assert judge(document, recorded.matrix()).verdict != "healthy", key
        document["facts"][key] = fact


def test_each_kind_of_healthy_machine_needs_what_the_list_says() -> None:
    def taken(name: str) -> set[str]:
        keys = recorded.machine(name)["document"]["facts"]
        return {key for key in keys if _verdict_with(name, key, INSTEAD[1]) != "healthy"}

    assert taken("linux-gpu-healthy-cuda12-wheels") == set(needed.ALWAYS)
    driver = {"gpu.cuda_api", "gpu.driver_version"}
    assert taken("cloud-gpu-package-without-gpu") == {*needed.ALWAYS, *driver}
    assert taken("linux-cpu-only") == {*needed.ALWAYS, *driver, "ort.available_providers"}


