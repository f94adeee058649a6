"""Why ``import onnxruntime`` fails: the native cause first, the Python error that hides it after it."""

import re
from typing import List

from ortdoctor.diagnose import machine, remedies
from ortdoctor.diagnose.facts import Record, version_tuple
from ortdoctor.diagnose.findings import ERROR, INFO, WARNING, Finding
from ortdoctor.diagnose.rules import cuda, cudnn, install, needs, reported
from ortdoctor.diagnose.rules.case import Case, Result, first_line, said

_HIDDEN = re.compile(r"Cannot load onnxruntime\.capi\. Error: '?(.*?)'?\.?\s*$", re.MULTILINE)
_MASKED = re.compile(r"cannot import name ['\"]?\w+['\"]? from ['\"]?onnxruntime\.capi")


def failures(case: Case) -> List[Result]:
    """Return the causes of a failed import; nothing where the import works or was not tried."""
    record = case.facts.record("ort.import")
    if not record or record["ok"]:
        return []
    text = said(record)
    broken = install.damage(case)
    if broken and install.breaks_the_import(case):
        # A file cut short dies of SIGBUS, a missing one hides behind any error: the files are the cause.
        return broken + [_shown(case, record, text)]
    foreign = needs.another_machine(case, text)
    numpy = needs.broken_numpy(case, record)
    if foreign or numpy:
        return list(foreign or numpy)
    results = _native(case, text)
    error = record["error"] or ""
    if broken and not results and not record["signal"] and install.code_differs(case):
        # An empty Python file, say: what the import stumbles over is not where it went wrong.
        return broken + [_shown(case, record, text)]
    if _MASKED.search(error):
        masked = _masked(error, text, known=bool(results))
        causes = [row.cause for row in results if isinstance(row, Finding)]
        return results + [masked._replace(under=causes[0] if causes else None)]
    if results:
        return results
    if record["signal"]:
        return [_crash(case, record["signal"], text)]
    missing = needs.missing(case, text)
    if missing or broken:
        return list(missing) or broken
    if record.get("hangs"):
        return [_import_finding(case, "onnxruntime_import_hangs", first_line(text), case.plan.commands)]
    return [_import_finding(case, "onnxruntime_import_fails", first_line(text), case.plan.commands)]


def numpy_of_another_abi(case: Case) -> List[Finding]:
    """Return that a release of NumPy 1's time meets NumPy 2, where its import went through all the same.

    Some of these releases only print a note at import and die at the first run (1.16.3, measured), so a session
    that works is no sign of the opposite: it is a warning then.
    """
    build = case.installed.build if case.installed else None
    numpy = case.facts.record("python.packages").get("numpy")
    told = reported.known(said(case.facts.record("ort.import")), machine.os_of(case.facts))
    by_text = told is not None and told.cause == "numpy2_abi_mismatch"
    by_row = build is not None and build.numpy == "<2" and version_tuple(numpy) >= (2,)
    if not (by_text or by_row):
        return []
    finding = _import_finding(case, "numpy2_abi_mismatch", "", _numpy_commands(case))
    session = case.session("cpu")
    works = session is not None and session["active"] and not (session["error"] or session["signal"])
    return [finding._replace(severity=WARNING if works else ERROR)]


def _native(case: Case, text: str) -> List[Result]:
    system = machine.os_of(case.facts)
    entry = reported.known(text, system)
    if entry is None:
        found = cuda.at_import(case, text) + cudnn.at_import(case, text)
        if found:
            return found
        entry = reported.native_on_windows(text, system)
    if entry is None:
        return []
    commands = _numpy_commands(case) if entry.cause == "numpy2_abi_mismatch" else []
    if entry.cause in ("glibc_too_old", "glibcxx_too_old", "executable_stack_blocked"):
        commands = case.plan.commands
    return [_import_finding(case, entry.cause, reported.line_of(text, entry), commands, entry.variant)]


def _import_finding(
    case: Case, cause: str, error: str, commands: List[str], variant: str = "default"
) -> Finding:
    values = dict(case.names, error=error, numpy=case.facts.record("python.packages").get("numpy"))
    return Finding(cause, variant, ERROR, values, ["ort.import", "python.packages"], commands)


def _numpy_commands(case: Case) -> List[str]:
    return remedies.install(case.facts, ["numpy<2"])


def _masked(error: str, text: str, known: bool) -> Finding:
    hidden = _HIDDEN.search(text)
    return Finding(
        cause="masked_native_import_error",
        variant="default" if hidden else "unknown",
        severity=INFO if known else ERROR,
        values={"error": first_line(error), "hidden": hidden.group(1) if hidden else None},
        evidence=["ort.import"],
        commands=[],
    )


def _crash(case: Case, signal: str, text: str) -> Finding:
    flags = ", ".join(case.facts.record("system.cpu").get("flags") or [])
    return Finding(
        cause="illegal_instruction" if signal == "SIGILL" else "onnxruntime_import_crashes",
        variant="default",
        severity=ERROR,
        values={"signal": signal, "error": first_line(text), "flags": flags},
        evidence=["ort.import", "system.cpu"],
        commands=[] if signal == "SIGILL" else case.plan.commands,
    )


def _shown(case: Case, record: Record, text: str) -> Finding:
    """Return how an import fails whose cause is known: in its own words."""
    error = record["error"] or ""
    if _MASKED.search(error):
        return _masked(error, text, known=True)
    if record["signal"]:
        return _crash(case, record["signal"], text)._replace(cause="onnxruntime_import_crashes")
    return _import_finding(case, "onnxruntime_import_fails", first_line(text), [])
