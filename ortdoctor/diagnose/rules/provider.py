"""A CUDA build is installed: whether a session gets the CUDA provider, and if not, the first cause."""

import re
from typing import List

from ortdoctor.diagnose import machine
from ortdoctor.diagnose.findings import ERROR, WARNING, Finding, Undetermined
from ortdoctor.diagnose.rules import cuda, cudnn, driver, gpu, packages, reported, windows
from ortdoctor.diagnose.rules.case import Case, Result, first_line, said, unknown

#: What a session reports and no other package would change.
_NOT_BY_PACKAGES = ("no_gpu_visible", "gpu_out_of_memory", "cuda_used_after_fork")

_PROVIDER_LINES = re.compile(r"CUDA|cuda|providers_|LoadLibrary|Failed to load")


def rules(case: Case) -> List[Result]:
    """Return the root cause that keeps CUDA from working; its consequences are left out."""
    if case.cuda_works:
        return []
    driven = machine.has_driver(case.facts)
    if driven is False:
        return driver.absent(case, ERROR) or packages.without_nvidia(case)
    results = _blocked(case) or _libraries(case) or _reported(case)
    if driven is None:
        missing = unknown(case, machine.DRIVER_FACTS) or list(machine.DRIVER_FACTS)
        # Without a GPU the provider need not work: only a card on the bus makes its failure an error.
        if not machine.has_nvidia_gpu(case.facts):
            results = [_softened(result) for result in results]
        return results + [Undetermined("nvidia_driver", missing)]
    return results


def cpu_session(case: Case) -> List[Result]:
    """Return that not even a CPU session can be made, or that this is not known."""
    session = case.session("cpu")
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
    return cuda.rules(case) + cudnn.rules(case)


def _reported(case: Case) -> List[Result]:
    """Return what the session itself said, else that it said nothing."""
    session = case.session("cuda")
    if session is None:
        return [Undetermined("cuda_provider_works", ["ort.session"])]
    text = said(session)
    values = dict(
        case.names,
        active=", ".join(session["active"]) or "nothing",
        requested=", ".join(session["requested"]),
        device=case.facts.text("ort.device"),
        signal=session["signal"],
    )
    entry = reported.known(text, machine.os_of(case.facts))
    if entry is not None:
        values["error"] = reported.line_of(text, entry)
        commands = [] if entry.cause in _NOT_BY_PACKAGES else case.plan.commands
        return [Finding(entry.cause, entry.variant, ERROR, values, ["ort.session"], commands)]
    if windows.dependency_missing(case, text):
        return windows.dependency_missing(case, text)
    lines = "\n".join(line for line in text.splitlines() if _PROVIDER_LINES.search(line))
    values["error"] = first_line(lines)
    if session["signal"] or lines:
        variant = "signal" if session["signal"] else "default"
        return [Finding("cuda_provider_fails", variant, ERROR, values, ["ort.session"], case.plan.commands)]
    return [
        Finding(
            "silent_cpu_fallback", "default", ERROR, values, ["ort.session", "ort.device"], case.plan.commands
        )
    ]


def _softened(result: Result) -> Result:
    if isinstance(result, Finding) and result.severity == ERROR:
        return result._replace(severity=WARNING)
    return result
