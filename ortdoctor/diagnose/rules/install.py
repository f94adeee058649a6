"""Whether there is an ONNX Runtime to import, and whether it is whole."""

import re
from typing import List, Optional

from ortdoctor.diagnose import installed, plans, remedies
from ortdoctor.diagnose.facts import ABSENT, FOUND, Record
from ortdoctor.diagnose.findings import ERROR, WARNING, Finding, Undetermined
from ortdoctor.diagnose.rules.case import Case, Result, unknown

#: What an import loads natively; a numbered soname (libonnxruntime.so.1.22.0) counts.
_NATIVE = re.compile(r"\.(so|dll|pyd|dylib)\b")

_CODE = re.compile(r"\.(so|dll|pyd|dylib)\b|\.py$")

_ELSEWHERE_SHOWN = 3
_FILES_SHOWN = 3


def presence(case: Case) -> List[Result]:
    """Return why there is nothing to import: not installed, hidden by another folder, an empty namespace."""
    facts = case.facts
    module = facts.record("ort.module")
    if module and module["kind"] == "namespace" and not _only_shadow(case, module):
        return [_namespace(case, module)]
    if module and module["shadows"]:
        hiding = _shadowed(case, module)
        return ([_not_installed(case)] if facts.state("ort.distributions") == ABSENT else []) + hiding
    if _missing(case):
        results: List[Result] = [_not_installed(case)]
        elsewhere = _elsewhere(case)
        return results + ([elsewhere] if elsewhere else [])
    if facts.state("ort.import") != FOUND and not facts.static:
        missing = unknown(case, ["ort.module", "ort.distributions"]) + ["ort.import"]
        return [Undetermined("onnxruntime_imports", missing)]
    return []


def damage(case: Case) -> List[Result]:
    """Return distributions whose files are gone or are another's; two distributions in one folder explain it."""
    rows = installed.distributions(case.facts)
    if len(rows) != 1:
        return []
    row = rows[0]
    values = {"distribution": row["name"], "version": row["version"]}
    works = not breaks_the_import(case) if case.facts.static else bool(case.facts.record("ort.import").get("ok"))
    gpu = installed.is_gpu_distribution(case.matrix, row["name"])
    listed = installed.lists_cuda(case.facts)
    if works and gpu and listed is False and (row["changed"] or row["missing"]):
        return [_broken(case, "overwritten", values, ERROR)]
    for variant in ("missing", "changed"):
        files = [name for name in row[variant] if not name.endswith((".pyc", ".pyo"))]
        if files:
            shown = ", ".join(sorted(files)[:_FILES_SHOWN])
            serious = not works or any(_NATIVE.search(name) for name in files)
            severity = ERROR if variant == "missing" and serious or not works else WARNING
            return [_broken(case, variant, dict(values, count=len(files), files=shown), severity)]
    return []


def breaks_the_import(case: Case) -> bool:
    """Return whether files are gone or changed without which no import can work.

    A changed Python file may be somebody's patch, and missing notes a slimmed image: these explain no failure.
    """
    rows = installed.distributions(case.facts)
    gone = [name for row in rows for name in row["missing"] if _NATIVE.search(name) or name.endswith(".py")]
    return bool(gone) or any(_NATIVE.search(name) for row in rows for name in row["changed"])


def code_differs(case: Case) -> bool:
    """Return whether code is gone or changed; of an import that fails without another reason it is the reason."""
    rows = installed.distributions(case.facts)
    return any(_CODE.search(name) for row in rows for name in row["missing"] + row["changed"])


def _only_shadow(case: Case, module: Record) -> bool:
    """Return whether no installation left the folder behind: one of model files, say, that has the name."""
    return bool(module["shadows"]) and case.facts.state("ort.folder") == ABSENT


def _missing(case: Case) -> bool:
    facts = case.facts
    if facts.state("ort.module") == FOUND or facts.records("ort.distributions"):
        return False
    said_so = re.search(r"No module named '?onnxruntime'?", facts.record("ort.import").get("error") or "")
    return facts.state("ort.module") == ABSENT or bool(said_so)


def _not_installed(case: Case) -> Finding:
    return Finding(
        cause="onnxruntime_not_installed",
        variant="none" if case.plan.kind == "none" else "default",
        severity=ERROR,
        values={"python": case.facts.text("python.executable")},
        evidence=["ort.module", "ort.distributions"],
        commands=case.plan.commands,
    )


def _elsewhere(case: Case) -> Optional[Finding]:
    others = case.facts.records("ort.elsewhere")
    if not others:
        return None
    named = [
        "%s (%s %s)" % (row["python"], row["distribution"] or "onnxruntime", row["version"] or "")
        for row in others
    ]
    return Finding(
        cause="installed_in_other_environment",
        variant="default",
        severity=WARNING,
        values={
            "python": case.facts.text("python.executable"),
            "others": ", ".join(named[:_ELSEWHERE_SHOWN]),
        },
        evidence=["ort.elsewhere"],
        commands=[],
    )


def _namespace(case: Case, module: Record) -> Finding:
    folder = case.facts.record("ort.folder")
    path = folder.get("path") or module["location"] or module["file"]
    return _broken(case, "namespace", {"path": path}, ERROR)


def _broken(case: Case, variant: str, values: Record, severity: str) -> Finding:
    names = [row["name"] for row in installed.distributions(case.facts)]
    leftover = case.facts.record("ort.folder").get("path")
    plan = plans.again(case.facts, case.matrix) or case.plan
    return Finding(
        cause="broken_onnxruntime_install",
        variant=variant,
        severity=severity,
        values=values,
        evidence=["ort.distributions", "ort.folder", "ort.module"],
        commands=remedies.remove(case.facts, names, leftover) + plan.fresh,
    )


def _shadowed(case: Case, module: Record) -> List[Result]:
    session = case.session("cpu")
    works = bool(session and session["active"])
    return [
        Finding(
            cause="shadowed_or_source_dir_import",
            variant="default",
            severity=WARNING if works else ERROR,
            values={"file": module["file"] or module["location"]},
            evidence=["ort.module"],
            commands=[],
        )
    ]
