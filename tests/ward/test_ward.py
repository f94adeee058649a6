"""Every patient: built, diagnosed with the cause first, cured, and proved to be healthy by something else."""

from __future__ import annotations

import platform
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.ward import tool
from tests.ward.patient import FIX, NOTHING, STEPS, Patient
from tests.ward.patients import everyone
from tests.ward.table import Row

if TYPE_CHECKING:
    from tests.ward.bed import Bed

pytestmark = [
    pytest.mark.ward,
    pytest.mark.skipif(
        (sys.platform, platform.machine(), platform.libc_ver()[0]) != ("linux", "x86_64", "glibc"),
        reason="the wheels are for glibc on x86_64",
    ),
]


@pytest.mark.parametrize("patient", everyone(), ids=lambda patient: str(patient.name))
def test_patient(patient: Patient, bed: Bed, table: list[Row]) -> None:
    started = time.perf_counter()
    patient.build(bed)
    build = time.perf_counter() - started
    sick(patient, bed)
    before = tool.check(bed, *patient.options)
    diagnosed = before.verdict == patient.verdict and (
        not patient.causes or (bool(before.found) and before.found[0] in patient.causes)
    )
    cured, after, fix, note = treated(patient, bed, before)
    said = patient.why if cured else note
    table.append(
        Row(patient.name, patient.causes, tuple(before.found), before.verdict, diagnosed, cured, patient.cure, after,
            build, before.seconds, fix, " ".join(said.split()))
    )  # fmt: skip
    assert diagnosed, f"{before.verdict}: {before.found}, expected {patient.verdict}: one of {patient.causes} first"
    assert cured is not False, note


def sick(patient: Patient, bed: Bed) -> None:
    """Check that a patient is really ill, and a control really healthy, before anybody looks."""
    try:
        patient.health(bed)
    except AssertionError:
        assert patient.causes, "a control is not healthy"
    else:
        assert not patient.causes or patient.cure == NOTHING, "the patient is not ill"


def treated(patient: Patient, bed: Bed, before: tool.Checked) -> tuple[bool | None, str, float, str]:
    """Return whether the patient is cured, the verdict then, the seconds of the cure, and what is still wrong."""
    started = time.perf_counter()
    try:
        if not patient.causes:
            return None, unchanged(bed), time.perf_counter() - started, ""
        if patient.cure == NOTHING:
            if patient.steps:
                patient.steps(bed, before.report)
            return None, before.verdict, 0.0, ""
        if patient.cure == STEPS and patient.steps:
            patient.steps(bed, before.report)
        elif patient.cure == STEPS:
            bed.shell(before.commands)
        else:
            assert patient.cure == FIX
            bed.shell(before.commands)
        seconds = time.perf_counter() - started
        patient.health(bed)
        again = tool.check(bed, *patient.options)
        if again.verdict != patient.after:
            return False, again.verdict, seconds, f"the check says {again.verdict} afterwards: {again.found}"
        if again.found[:1] and again.found[0] in patient.causes:
            return False, again.verdict, seconds, f"the check still finds {again.found} afterwards"
    except AssertionError as error:
        return False, "", time.perf_counter() - started, str(error)
    return True, again.verdict, seconds, ""


def unchanged(bed: Bed) -> str:
    """Check that a healthy environment stays as it is, and healthy; return the verdict."""
    fingerprint = bed.fingerprint()
    again = tool.check(bed)
    assert bed.fingerprint() == fingerprint, "a healthy environment was changed"
    return again.verdict
