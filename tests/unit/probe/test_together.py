import threading

import pytest

from ortdoctor.probe.fact import Facts, found
from ortdoctor.probe.together import later, together


def test_steps_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def step() -> Facts:
        meeting.wait()  # breaks unless the other step runs meanwhile
        return {"met": found("both", "barrier")}

    facts = together({"one": step, "two": step}, 20)
    assert facts == {"one": {"met": found("both", "barrier")}, "two": {"met": found("both", "barrier")}}


def test_a_step_that_raises_costs_the_others_nothing() -> None:
    def broken() -> Facts:
        raise ZeroDivisionError("no")

    facts = together({"broken": broken, "whole": lambda: {"key": found(1, "here")}}, 20)
    assert facts["whole"] == {"key": found(1, "here")}
    assert facts["broken"]["broken"]["error"] == "ZeroDivisionError: no"


def test_a_step_without_facts_is_not_a_late_one() -> None:
    assert together({"none": dict}, 20) == {"none": {}}


def test_a_step_that_never_ends_is_left_behind() -> None:
    release = threading.Event()

    def stuck() -> Facts:
        release.wait(60)
        return {}

    facts = together({"stuck": stuck}, 0.2)
    release.set()
    assert facts["stuck"]["stuck"]["error"] == "stuck: no answer within 0.2 s"


def test_what_is_done_beside_us_returns_and_raises_where_it_is_asked_for() -> None:
    meeting = threading.Barrier(2, timeout=10)
    begun = later(lambda: meeting.wait() + 40)
    assert meeting.wait() + begun() - 40 == 1

    def broken() -> None:
        raise LookupError("beside us")

    result = later(broken)
    with pytest.raises(LookupError, match="beside us"):
        result()
