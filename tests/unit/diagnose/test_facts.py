"""Facts: three states, known shapes, and a sentence for a document that is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor import data
from ortdoctor.diagnose import shapes
from ortdoctor.diagnose.facts import (
    ABSENT,
    FAILED,
    FOUND,
    UNCOLLECTED,
    Facts,
    FactsDocumentError,
    at_least,
    version_tuple,
)
from ortdoctor.diagnose.shapes import SHAPES, ShapeError, fit
from tests import recorded


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "should be a JSON object"),
        ([], "should be a JSON object"),
        ({}, "should have the schema ortdoctor.facts/1"),
        ({"schema": 1, "facts": {}}, "should have the schema"),
        ({"schema": "ortdoctor.report/1", "facts": {}}, "should have the schema"),
        ({"schema": "ortdoctor.facts/2", "facts": {}}, "upgrade ortdoctor"),
        ({"schema": "ortdoctor.facts/0", "facts": {}}, "expected ortdoctor.facts/1"),
        ({"schema": "ortdoctor.facts/1"}, "object 'facts'"),
        ({"schema": "ortdoctor.facts/1", "facts": []}, "object 'facts'"),
    ],
)
def test_a_document_that_is_none_gets_a_sentence(document: Any, says: str) -> None:
    with pytest.raises(FactsDocumentError, match=says) as raised:
        Facts(document)
    assert isinstance(raised.value, ValueError)


def test_the_states_of_a_fact() -> None:
    facts = Facts(
        recorded.document(
            {
                "system.os": "linux",
                "system.container": None,
                "gpu.devices": [],
                "gpu.driver_version": OSError("nvidia-smi gave no answer within 20 s"),
            }
        )
    )
    states = ("system.os", "system.container", "gpu.devices", "gpu.driver_version", "ort.import")
    assert [facts.state(key) for key in states] == [FOUND, ABSENT, ABSENT, FAILED, UNCOLLECTED]
    assert [facts.known(key) for key in states] == [True, True, True, False, False]
    assert facts.error("gpu.driver_version") == "nvidia-smi gave no answer within 20 s"
    assert facts.source("system.os") == "a test"


def test_a_value_of_another_form_counts_as_failed_and_says_where() -> None:
    facts = Facts(recorded.document({"gpu.devices": [{"name": "T4"}, {"name": 4}], "python.bits": True}))
    assert facts.state("gpu.devices") == FAILED
    assert "gpu.devices[1].name should be str" in str(facts.error("gpu.devices"))
    assert facts.records("gpu.devices") == []
    assert facts.state("python.bits") == FAILED


def test_records_have_every_name_of_their_shape() -> None:
    facts = Facts(recorded.document({"ort.session": {"cpu": {"active": ["CPUExecutionProvider"]}}}))
    session = facts.record("ort.session")["cpu"]
    assert session["requested"] == []
    assert session["error"] is None
    assert facts.record("ort.session")["cuda"] is None


def test_the_schema_file_is_the_one_of_the_shapes() -> None:
    assert data.compat_json("schema/facts.schema") == shapes.json_schema()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.sampled_from(sorted(SHAPES)))
def test_fit_gives_the_shape_or_says_no(value: Any, key: str) -> None:
    try:
        fitted = fit(value, SHAPES[key])
    except ShapeError:
        return
    assert repr(fit(fitted, SHAPES[key])) == repr(fitted)  # NaN is not equal to itself


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("535.104.05", (535, 104, 5)),
        ("12.2", (12, 2)),
        ("v9", (9,)),
        ("", ()),
        (None, ()),
        ("N/A", ()),
        ("9" * 20, ()),
    ],
)
def test_version_tuple(text: str | None, numbers: tuple[int, ...]) -> None:
    assert version_tuple(text) == numbers


def test_at_least_compares_numbers_and_admits_what_it_cannot_read() -> None:
    assert at_least("2.17", "2.5") is True
    assert at_least("2.17", "2.17.0") is True
    assert at_least("2.12", "2.17") is False
    assert at_least("unknown", "2.17") is None
