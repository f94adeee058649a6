"""What files alone tell of an import: whether the native part fits the machine, its C library and the Python."""

from typing import List, Optional

from ortdoctor.diagnose import installed, machine, remedies
from ortdoctor.diagnose.facts import FOUND, Record, at_least
from ortdoctor.diagnose.findings import ERROR, Finding, Undetermined
from ortdoctor.diagnose.rules.case import Case, Result
from ortdoctor.diagnose.sonames import parse_soname

#: From this release on glibc refuses to make the stack executable for a library that is opened later.
_NO_EXEC_STACK = "2.41"


def natives(case: Case) -> List[Result]:
    """Return what would stop an import; nothing where it was tried, since that says more."""
    if not case.facts.static:
        return []
    record = case.facts.record("ort.extension")
    if not record:
        return _without(case)
    if record["error"]:
        return [_broken(case, "changed", record["path"])]
    other = _made_for_other(case, record)
    if other:
        return [other]
    return _libc(case, record) + _needed(case, record) + _numpy(case)


def _without(case: Case) -> List[Result]:
    if case.facts.known("ort.extension"):
        return [_broken(case, "missing", "capi/onnxruntime_pybind11_state*.so")]
    return [Undetermined("onnxruntime_imports", ["ort.extension"])]


def _broken(case: Case, variant: str, file: str) -> Finding:
    names = [row["name"] for row in installed.distributions(case.facts)]
    folder = case.facts.record("ort.folder").get("path")
    commands = remedies.remove(case.facts, names, folder) + case.plan.fresh
    values = dict(case.names, count=1, files=file)
    return Finding("broken_onnxruntime_install", variant, ERROR, values, ["ort.extension", "ort.folder"], commands)


def _made_for_other(case: Case, record: Record) -> Optional[Finding]:
    """Return that the native part is of another architecture, or another Python's."""
    values = dict(case.names, file=record["path"], built=record["machine"], here=machine.arch_of(case.facts))
    evidence = ["ort.extension", "system.arch", "python.version"]
    if record["machine"] and case.facts.state("system.arch") == FOUND and record["machine"] != values["here"]:
        return Finding("wheel_tag_not_supported", "arch", ERROR, values, evidence, case.plan.commands)
    tag = machine.python_tag(case.facts)
    if record["python"] and tag and record["python"] != tag:
        values.update(built=record["python"], here=tag)
        return Finding("wheel_tag_not_supported", "python", ERROR, values, evidence, case.plan.commands)
    return None


def _libc(case: Case, record: Record) -> List[Result]:
    """Return that the C or C++ library of the machine is older than the one that the file was linked with."""
    results: List[Result] = []
    glibc = machine.glibc(case.facts)
    if machine.is_musl(case.facts) and record["glibc"]:
        values = dict(case.names, needs=record["glibc"], here="musl", file=record["path"])
        results.append(Finding("glibc_too_old", "musl", ERROR, values, ["ort.extension", "system.libc"], []))
    for cause, needs, here in (
        ("glibc_too_old", record["glibc"], glibc),
        ("glibcxx_too_old", record["glibcxx"], record["glibcxx_here"]),
    ):
        if at_least(here, needs) is False:
            values = dict(case.names, needs=needs, here=here, file=record["path"])
            evidence = ["ort.extension", "system.libc"]
            results.append(Finding(cause, "files", ERROR, values, evidence, case.plan.commands))
    if record["exec_stack"] and at_least(glibc, _NO_EXEC_STACK):
        values = dict(case.names, file=record["path"], here=glibc)
        results.append(Finding("executable_stack_blocked", "files", ERROR, values, ["ort.extension"], []))
    return results


def _needed(case: Case, record: Record) -> List[Result]:
    """Return libraries that the loader does not find; those of CUDA are told with their supply."""
    names = [row["soname"] for row in record["needed"] if row["path"] is None]
    libraries = {name: parse_soname(name) for name in names}
    others = [name for name, library in libraries.items() if library is None or library.family is None]
    if not others:
        return []
    values = dict(case.names, missing=", ".join(others), file=record["path"])
    return [Finding("onnxruntime_import_fails", "files", ERROR, values, ["ort.extension"], [])]


def _numpy(case: Case) -> List[Result]:
    """Every release imports NumPy before anything else."""
    if case.facts.state("python.packages") != FOUND or "numpy" in case.facts.record("python.packages"):
        return []
    commands = remedies.install(case.facts, ["numpy"])
    return [Finding("python_dependency_missing", "files", ERROR, {"module": "numpy"}, ["python.packages"], commands)]

