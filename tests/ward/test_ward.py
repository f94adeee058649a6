"""Every patient: built, diagnosed with the cause first, cured, and proved to be healthy by something else."""

from __future__ import annotations

import json
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ward import tool
from tests.ward.patient import FIX, NOTHING, Patient
from tests.ward.patients import everyone
from tests.ward.table import Row, Table

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
def test_patient(patient: Patient, bed: Bed, table: Table) -> None:
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
    table.add(
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
            return None, *unchanged(patient, bed), ""
        if patient.cure == FIX:
            fixed(patient, bed)
        elif patient.steps:
            patient.steps(bed, before.report)
        else:
            bed.shell(before.commands)
        seconds = time.perf_counter() - started
        if patient.cure == NOTHING:
            return None, before.verdict, seconds, ""
        patient.health(bed)
        again = tool.check(bed, *patient.options)
        assert again.verdict == patient.after, f"the check says {again.verdict} afterwards: {again.found}"
        if patient.left:
            assert again.errors == [*patient.left], f"the check finds {again.errors} afterwards"
        else:
            assert again.found[:1] != before.found[:1], f"the check still finds {again.found} afterwards"
    except AssertionError as error:
        return False, "", time.perf_counter() - started, str(error) or traceback.format_exc()[-400:]
    return True, again.verdict, seconds, ""


def fixed(patient: Patient, bed: Bed) -> None:
    """Let the tool cure; where it made a new environment, this is the patient's from now on."""
    done = tool.fix(bed, *patient.options)
    told = done.report["treatment"]
    bed.python = Path(told["after"]["python"])
    outcome = "changed" if patient.left else "cured"
    assert told["outcome"] == outcome, f"the cure is {told['outcome']}: {json.dumps(told['rounds'])[:1500]}"
    assert done.verdict == patient.after, f"the cure ends with {done.verdict}: {done.found}"


def unchanged(patient: Patient, bed: Bed) -> tuple[str, float]:
    """Check that a cure leaves a healthy environment as it is; return the verdict, and the seconds."""
    fingerprint = bed.fingerprint()
    done = tool.fix(bed, *patient.options)
    assert done.report["treatment"]["outcome"] == "nothing_to_do", done.report["treatment"]
    assert bed.fingerprint() == fingerprint, "a healthy environment was changed"
    patient.health(bed)
    return done.verdict, done.seconds
