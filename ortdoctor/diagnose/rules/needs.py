"""What ONNX Runtime's import needs beside itself: the packages that it imports, and a build for this interpreter."""

import re
from typing import List, Optional

from ortdoctor.diagnose import machine, plans, remedies
from ortdoctor.diagnose.facts import Record
from ortdoctor.diagnose.findings import ERROR, Finding
from ortdoctor.diagnose.rules.case import Case, first_line

_NO_MODULE = re.compile(r"No module named ['\"]?([\w.]+)")

#: A native module with the tag of its interpreter and machine in its name.
_TAGGED = re.compile(r"^onnxruntime_pybind11_state\.c(?:python-|p)(\d+[a-z]*)-(\w+?)(?:-[\w-]+)?\.(?:so|pyd)$")

#: How the loader refuses a library of another machine, by name of the module.
_ANOTHER_MACHINE = re.compile(r"onnxruntime_pybind11_state\S*: (?:wrong ELF class|cannot open shared object file)")

_DISTRIBUTIONS = {"google": "protobuf"}


def missing(case: Case, text: str) -> List[Finding]:
    """Return the package that ``text``, all that the import said, does not find; none of ONNX Runtime's own.

    NumPy is imported natively: its absence is an ImportError without a word, and the line with the name stands on
    standard error, if anywhere.
    """
    installed = case.facts.record("python.packages")
    for name in _NO_MODULE.findall(text):
        top = name.partition(".")[0]
        distribution = _DISTRIBUTIONS.get(top, top)
        if "." in name and top != "onnxruntime" and distribution in installed:
            return [_broken(case, distribution, "No module named %s" % name)]
        if top != "onnxruntime":
            return [_missing(case, top, distribution)]
    if case.facts.known("python.packages") and "numpy" not in installed:
        return [_missing(case, "numpy", "numpy")._replace(variant="files")]
    return []


def broken_numpy(case: Case, record: Record) -> List[Finding]:
    """Return that NumPy cannot be imported by itself either: ONNX Runtime only falls over it."""
    told = record.get("numpy")
    if not told or told["ok"] or "numpy" not in case.facts.record("python.packages"):
        return []
    return [_broken(case, "numpy", str(told["error"] or told["signal"]))]


def another_machine(case: Case, text: str) -> List[Finding]:
    """Return that the native module was built for another machine or another Python: no import finds it."""
    native = case.facts.record("ort.folder").get("native") or []
    tag = machine.python_tag(case.facts)
    arch = machine.arch_of(case.facts)
    tagged = [(name, match) for name, match in ((name, _TAGGED.match(name)) for name in native) if match]
    foreign = [name for name, match in tagged if not _fits(match.group(1), match.group(2), tag, arch)]
    untagged = [name for name in native if name.startswith("onnxruntime_pybind11_state.so")]
    if foreign and len(foreign) == len(tagged) and not untagged:
        file: Optional[str] = foreign[0]
    else:
        file = untagged[0] if untagged and _ANOTHER_MACHINE.search(text) else None
    if file is None:
        return []
    path = case.facts.record("ort.folder").get("path")
    if _of_pythonpath(case, path):
        return [_pythonpath(case, file, path)]
    plan = plans.again(case.facts, case.matrix) or case.plan
    values = dict(case.names, file=file, tag=tag, arch=arch, error=first_line(text))
    return [
        Finding(
            cause="wheel_tag_not_supported",
            variant="installed",
            severity=ERROR,
            values=values,
            evidence=["ort.folder", "ort.import", "python.abi_tag", "system.arch"],
            commands=remedies.remove(case.facts, [case.names["distribution"]], path) + plan.fresh,
        )
    ]


def _missing(case: Case, module: str, distribution: str) -> Finding:
    commands = remedies.install(case.facts, [distribution])
    values = {"module": module}
    return Finding("python_dependency_missing", "default", ERROR, values, ["ort.import", "python.packages"], commands)


def _fits(python: str, system: str, tag: Optional[str], arch: Optional[str]) -> bool:
    """Compare the tag of a native module (``311``, ``x86_64``; ``win_amd64``, ``darwin``) with this interpreter.

    What is not known fits.
    """
    here = (tag or "")[len("cp") :]
    another_python = bool(here) and python.rstrip("mu") != here
    known = {"x86_64": "x86_64", "aarch64": "aarch64", "win_amd64": "x86_64", "win_arm64": "aarch64"}.get(system)
    return not another_python and (known is None or not arch or known == arch)


def _of_pythonpath(case: Case, folder: Optional[str]) -> bool:
    """Return whether ``folder`` lies in a folder that PYTHONPATH names."""
    separator, between = (";", "\\") if machine.os_of(case.facts) == "windows" else (":", "/")
    named = str(case.facts.record("python.env").get("PYTHONPATH") or "").split(separator)
    return bool(folder) and str(folder).rpartition(between)[0] in [name.rstrip(between) for name in named if name]


def _pythonpath(case: Case, file: str, path: Optional[str]) -> Finding:
    windows = machine.os_of(case.facts) == "windows"
    return Finding(
        cause="shadowed_or_source_dir_import",
        variant="pythonpath",
        severity=ERROR,
        values={"file": path, "native": file, "tag": machine.python_tag(case.facts)},
        evidence=["ort.folder", "ort.import", "python.env", "python.abi_tag"],
        commands=["set PYTHONPATH=" if windows else "unset PYTHONPATH"],
    )


def _broken(case: Case, distribution: str, error: str) -> Finding:
    version = case.facts.record("python.packages").get(distribution)
    requirement = "%s==%s" % (distribution, version) if version else distribution
    return Finding(
        cause="python_dependency_broken",
        variant="default",
        severity=ERROR,
        values={"module": distribution, "version": version, "error": error},
        evidence=["ort.import", "python.packages"],
        commands=remedies.install(case.facts, ["--force-reinstall", "--no-deps", requirement]),
    )
