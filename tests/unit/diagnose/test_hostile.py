"""A recorded file may hold anything: no rule raises, nothing missing is called healthy, no paste is dangerous."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortdoctor.diagnose.facts import FOUND, Facts
from ortdoctor.diagnose.judge import judge
from ortdoctor.diagnose.machine import has_driver
from ortdoctor.report import json as json_report
from ortdoctor.report import text
from tests import recorded

SETTINGS = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ODD_TEXT = st.sampled_from(
    [
        "",
        "..",
        "12.",
        "99999999999999999999.1",
        "\x1b[2J",
        "cp",
        "lib.so",
        "lib" + "a" * 300,
        "{x}",
        "1" * 5000,
    ]
) | st.text(max_size=6)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to every value inside ``value``."""
    found = [path]
    if isinstance(value, dict):
        for name, item in value.items():
            found += places(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            found += places(item, (*path, at))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a recorded machine with a few values replaced, removed or failed."""
    document = recorded.machine(draw(st.sampled_from(recorded.MACHINES)))["document"]
    facts = document["facts"]
    for _ in range(draw(st.integers(1, 6))):
        key = draw(st.sampled_from(sorted(facts)))
        how = draw(st.sampled_from(["replace", "text", "remove", "fail", "inside"]))
        if how == "remove":
            del facts[key]
        elif how == "fail":
            facts[key] = {"value": None, "source": "", "error": "it did not answer"}
        elif how == "replace":
            facts[key] = draw(JSON | st.fixed_dictionaries({"value": JSON, "source": JSON, "error": JSON}))
        elif isinstance(facts[key], dict):
            path = draw(st.sampled_from(places(facts[key])[1:] or [()]))
            target: Any = facts[key]
            for step in path[:-1]:
                target = target[step]
            if path:
                target[path[-1]] = draw(JSON if how == "inside" else ODD_TEXT)
    return dict(document)


@SETTINGS
@given(mutated())
def test_no_rule_and_no_printer_raises(document: dict[str, Any]) -> None:
    report = judge(document, recorded.matrix())
    for verbose in (False, True):
        shown = text.render(report, document, recorded.causes(), verbose=verbose)
        assert "\x1b" not in shown
        assert all(line.isprintable() for line in shown.split("\n"))
    text.render(report, document, recorded.causes(), ascii_only=True).encode("ascii")
    json_report.dumps(json_report.document(report, document, recorded.causes(), "0"))


@SETTINGS
@given(mutated())
def test_healthy_needs_the_facts_that_it_rests_on(document: dict[str, Any]) -> None:
    if judge(document, recorded.matrix()).verdict != "healthy":
        return
    facts = Facts(document)
    assert facts.record("ort.import")["ok"]
    assert facts.record("ort.session")["cpu"]["active"]
    assert facts.known("ort.distributions")
    cuda = facts.record("ort.session")["cuda"]
    works = bool(cuda) and "CUDAExecutionProvider" in cuda["active"]
    assert works or has_driver(facts) is not None
    assert facts.state("ort.available_providers") == FOUND or facts.state("ort.provider_libraries") == FOUND


@SETTINGS
@given(mutated())
def test_a_command_is_one_line_and_deletes_only_a_folder_of_that_name(document: dict[str, Any]) -> None:
    report = judge(document, recorded.matrix())
    for command in [
        *report.plan.commands,
        *(line for finding in report.findings for line in finding.commands),
    ]:
        assert command.isprintable()
        if "rm -rf" in command or "rmdir" in command:
            assert command.rstrip("'\"").endswith("onnxruntime")


def test_without_any_fact_everything_is_undetermined() -> None:
    report = judge({"schema": "ortdoctor.facts/1", "facts": {}}, recorded.matrix())
    assert report.verdict == "undetermined"
    assert not report.findings
