"""A CUDA build is installed: whether a session gets the CUDA provider, and if not, the first cause."""

import re
from typing import List, Sequence

from ortdoctor.diagnose import machine
from ortdoctor.diagnose.facts import Record
from ortdoctor.diagnose.findings import ERROR, INFO, WARNING, Finding, Undetermined
from ortdoctor.diagnose.rules import copies, cuda, cudnn, driver, gpu, packages, reported, windows
from ortdoctor.diagnose.rules.case import Case, Result, first_line, said, unknown

#: What a session reports and no other package would change.
_NOT_BY_PACKAGES = ("no_gpu_visible", "gpu_out_of_memory", "cuda_used_after_fork")

_PROVIDER_LINES = re.compile(r"CUDA|cuda|providers_|LoadLibrary|Failed to load")


def rules(case: Case) -> List[Result]:
    """Return the root cause that keeps CUDA from working, and what a session makes of it as its consequence."""
    if case.cuda_works:
        return cudnn.parts(case) + cudnn.later(case)
    driven = machine.has_driver(case.facts)
    if driven is False:
        blocked = driver.absent(case, ERROR)
        return _with_session(case, blocked) if blocked else packages.without_nvidia(case)
    known = _blocked(case) or _libraries(case)
    results = _with_session(case, known) if known else _reported(case)
    if driven is None:
        missing = unknown(case, machine.DRIVER_FACTS) or list(machine.DRIVER_FACTS)
        # Without a GPU the provider need not work: only a card on the bus makes its failure an error.
        if not machine.has_nvidia_gpu(case.facts):
            results = [_softened(result) for result in results]
        return results + [Undetermined("nvidia_driver", missing)]
    return results


def lost(case: Case, found: Sequence[Result]) -> List[Result]:
    """Return, where the files of a CUDA build were written over, what a program that asks for CUDA is told."""
    over = [row for row in found if isinstance(row, Finding) and row.variant in ("cpu_won", "overwritten")]
    if not over or case.facts.static or machine.has_driver(case.facts) is False:
        return []
    values = {
        "providers": ", ".join(case.facts.texts("ort.available_providers")),
        "device": case.facts.text("ort.device"),
    }
    evidence = ["ort.available_providers", "ort.device"]
    return [Finding("silent_cpu_fallback", "lost", INFO, values, evidence, [], under=over[0].cause)]


def cpu_session(case: Case) -> List[Result]:
    """Return that not even a CPU session can be made, or that this is not known."""
    session = case.session("cpu")
    if session is None and case.facts.static:
        return []
    if session is None:
        return [Undetermined("cpu_session_works", ["ort.session"])]
    if session["active"] and not session["error"] and not session["signal"]:
        return []
    variant = "signal" if session["signal"] else "default"
    values = {"error": first_line(said(session)), "signal": session["signal"]}
    return [Finding("cpu_session_fails", variant, ERROR, values, ["ort.session"], case.plan.commands)]


def _blocked(case: Case) -> List[Result]:
    """Return what stops every CUDA program, or this build on this GPU, before a library is looked for."""
    first = gpu.hidden(case) or driver.library(case)
    if first:
        return first
    old = driver.too_old(case)
    if old:
        # What is on the disk is told, too, but not cured: the driver decides, and its cure changes the build.
        here = [row for row in cuda.rules(case) + cudnn.rules(case) if isinstance(row, Finding)]
        return old + [
            row._replace(variant="driver", commands=[])
            for row in here
            if row.cause.endswith("_major_mismatch")
        ]
    return gpu.without_code(case)


def _libraries(case: Case) -> List[Result]:
    return copies.damaged(case) + cuda.rules(case) + cudnn.rules(case) + cudnn.parts(case)


def _reported(case: Case) -> List[Result]:
    """Return what the session itself said, else that it said nothing."""
    session = case.session("cuda")
    if session is None and case.facts.static:
        return []
    if session is None:
        return [Undetermined("cuda_provider_works", ["ort.session"])]
    mixed = copies.mixed(case)
    if mixed:
        return mixed
    text = said(session)
    values = _values(case, session)
    entry = reported.known(text, machine.os_of(case.facts))
    if entry is not None:
        values["error"] = reported.line_of(text, entry)
        commands = [] if entry.cause in _NOT_BY_PACKAGES else case.plan.commands
        return [Finding(entry.cause, entry.variant, ERROR, values, ["ort.session"], commands)]
    if windows.dependency_missing(case, text):
        return windows.dependency_missing(case, text)
    return [_unexplained(case, session)]


def _with_session(case: Case, known: List[Result]) -> List[Result]:
    """Add what a session says to the cause that explains it: people know the failure by that message."""
    session = case.session("cuda")
    causes = [row.cause for row in known if isinstance(row, Finding)]
    if session is None or not causes:
        return known
    return known + [_unexplained(case, session)._replace(under=causes[0])]


def _unexplained(case: Case, session: Record) -> Finding:
    """Return that a session did not get CUDA, in the provider's own words where it has any."""
    values = _values(case, session)
    lines = "\n".join(line for line in said(session).splitlines() if _PROVIDER_LINES.search(line))
    values["error"] = first_line(lines)
    if session["signal"] or lines:
        variant = "signal" if session["signal"] else "default"
        return Finding("cuda_provider_fails", variant, ERROR, values, ["ort.session"], case.plan.commands)
    evidence = ["ort.session", "ort.device"]
    return Finding("silent_cpu_fallback", "default", ERROR, values, evidence, case.plan.commands)


def _values(case: Case, session: Record) -> Record:
    return dict(
        case.names,
        active=", ".join(session["active"]) or "nothing",
        requested=", ".join(session["requested"]),
        device=case.facts.text("ort.device"),
        signal=session["signal"],
    )


def _softened(result: Result) -> Result:
    if isinstance(result, Finding) and result.severity == ERROR:
        return result._replace(severity=WARNING)
    return result
