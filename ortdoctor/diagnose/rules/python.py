"""Which wheels this Python, its pip and the C library can take; told where nothing is installed yet."""

from typing import List, Set

from ortdoctor.diagnose import fits, machine
from ortdoctor.diagnose.findings import ERROR, WARNING, Finding
from ortdoctor.diagnose.plans import CPU_DISTRIBUTION, GPU_DISTRIBUTION, Rejected
from ortdoctor.diagnose.rules.case import Case, Result
from ortdoctor.diagnose.versions import parse

_PLATFORM = {"bits": ("no_wheel_platform", "bits"), "musl": ("no_wheel_musl", "default")}


def wheels(case: Case) -> List[Result]:
    """Return what keeps pip from the newest releases: an error where it keeps pip from all."""
    severity = ERROR if case.plan.kind == "none" else WARNING
    refused = [
        row for row in case.plan.rejected if row.distribution == CPU_DISTRIBUTION or case.plan.kind == "gpu"
    ]
    if case.plan.kind == "none" and not refused:
        return [_platform(case)] if machine.os_of(case.facts) and machine.arch_of(case.facts) else []
    codes = {row.reason.code for row in refused}
    for code in ("bits", "musl"):
        if code in codes:
            return [_stopped(case, code, severity, refused)]
    results: List[Result] = []
    if case.plan.kind == "none" and codes == {"python"}:
        results.append(_python(case, refused, severity))
    if "glibc" in codes:
        results.append(_glibc(refused, severity))
    return results


def for_gpu(case: Case) -> List[Result]:
    """Return that this Python is what stands between the GPU and a build for it."""
    gpu = [row for row in case.plan.rejected if row.distribution == GPU_DISTRIBUTION]
    if case.plan.kind == "gpu" or not gpu or any(row.reason.code != "python" for row in gpu):
        return []
    values = {"tag": machine.python_tag(case.facts), "offered": _offered(case, GPU_DISTRIBUTION)}
    evidence = ["python.version"] + gpu[0].reason.evidence[1:]
    return [Finding("no_wheel_python_version", "gpu", WARNING, values, evidence, [])]


def _platform(case: Case) -> Finding:
    values = {"os": machine.os_of(case.facts), "arch": machine.arch_of(case.facts)}
    return Finding("no_wheel_platform", "default", ERROR, values, ["system.os", "system.arch"], [])


def _python(case: Case, refused: List[Rejected], severity: str) -> Finding:
    values = {"tag": machine.python_tag(case.facts), "offered": _offered(case, CPU_DISTRIBUTION)}
    evidence = ["python.version"] + refused[0].reason.evidence[1:]
    return Finding("no_wheel_python_version", "default", severity, values, evidence, [])


def _glibc(refused: List[Rejected], severity: str) -> Finding:
    """Name the oldest release that this glibc keeps out: from there on the wheels ask for more."""
    kept_out = [row for row in refused if row.reason.code == "glibc"]
    first = min(kept_out, key=lambda row: parse(row.version))
    values = dict(first.reason.values, distribution=first.distribution, first=first.version)
    return Finding("glibc_too_old_for_wheel", "default", severity, values, first.reason.evidence, [])


def pip(case: Case) -> List[Result]:
    """Return that pip sees no wheel that could be installed: that is why nothing is."""
    build = case.plan.build
    if build is None:
        return []
    answer = fits.platform(case.facts, build)
    if answer.reason != "pip":
        return []
    # The commands of the plan upgrade it first.
    return [Finding("pip_too_old_for_wheel", "default", ERROR, answer.values, answer.evidence, case.plan.commands)]


def _stopped(case: Case, code: str, severity: str, refused: List[Rejected]) -> Finding:
    cause, variant = _PLATFORM[code]
    row = [row for row in refused if row.reason.code == code][0]
    values = dict(row.reason.values, os=machine.os_of(case.facts), arch=machine.arch_of(case.facts))
    return Finding(cause, variant, severity, values, row.reason.evidence, [])


def _offered(case: Case, distribution: str) -> str:
    """Return the Python tags of the builds on the index for this system, oldest first."""
    tags: Set[str] = set()
    for build in case.matrix.builds(
        distribution, os=machine.os_of(case.facts), arch=machine.arch_of(case.facts)
    ):
        if build.availability == "index":
            tags.update(build.python)
    return ", ".join(sorted(tags, key=lambda tag: (len(tag.rstrip("t")), tag)))
