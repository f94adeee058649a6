"""Copies of a library that are found and of no use: cut, or mixed with libraries that they do not belong to."""

import re
from typing import List, NamedTuple, Optional

from ortdoctor.diagnose import remedies
from ortdoctor.diagnose.facts import Record, version_tuple
from ortdoctor.diagnose.findings import ERROR, Finding
from ortdoctor.diagnose.rules import libraries
from ortdoctor.diagnose.rules.case import Case, Result, said
from ortdoctor.diagnose.rules.libraries import folder_of, listed
from ortdoctor.diagnose.sonames import parse_soname

#: What glibc says where a library has not the symbol that another was linked with: who asks, and whom.
_MIXED = (
    re.compile(r"(?P<by>\S+): undefined symbol: \w+, version (?P<soname>lib[\w+-]+\.so[.\d]*)"),
    re.compile(r"(?P<by>\S+): symbol \w+, version \S+ not defined in file (?P<soname>lib[\w+-]+\.so[.\d]*)"),
    re.compile(r"(?P<soname>lib[\w+-]+\.so[.\d]*): version `\S+' not found \(required by (?P<by>[^)]+)\)"),
)


class Mixed(NamedTuple):
    """``by`` is the file that asks the library ``soname`` for something which its copy does not have."""

    soname: str
    by: str
    line: str


def damaged(case: Case) -> List[Result]:
    """Return libraries that the loader comes to first and cannot take, because the file is cut or no library."""
    found: List[Result] = []
    for soname, row in libraries.damaged(case):
        whole = [other for other in libraries.copies(case.facts, soname) if not other["error"]]
        folders = listed([folder_of(other["path"]) for other in whole])
        values = dict(case.names, path=row["path"], error=row["error"], where=folders, wheel=row["wheel"])
        evidence = ["ort.provider_libraries", "cuda.libraries"]
        if row["wheel"]:
            commands = remedies.reinstall(case.facts, [libraries.requirement(row)])
            found.append(Finding("cuda_library_damaged", "wheel", ERROR, values, evidence, commands))
        elif whole:
            commands = remedies.search_path(case.facts, [folder_of(_newest(whole)["path"])])
            found.append(Finding("cuda_library_damaged", "first", ERROR, values, evidence, commands))
        else:
            commands = libraries.supply_commands(case)
            found.append(Finding("cuda_library_damaged", "default", ERROR, values, evidence, commands))
    return found


def mixed(case: Case) -> List[Result]:
    """Return the library that a session found too old, or too new, for another one that was linked with it."""
    told = _mixed(said(case.session("cuda")))
    if told is None:
        return []
    copies = [row for row in libraries.copies(case.facts, told.soname) if not row["error"]]
    taken = [row for row in copies if row["loader"]]
    others = [row for row in copies if not row["loader"]]
    values = dict(case.names, error=told.line, soname=told.soname, by=told.by)
    evidence = ["ort.session", "cuda.libraries"]
    if not taken or not others:
        commands = libraries.supply_commands(case)
        return [Finding("duplicate_cuda_libs", "default", ERROR, values, evidence, commands)]
    beside = [row for row in others if folder_of(row["path"]) == folder_of(told.by)]
    better = beside[0] if beside else _newest(others)
    values.update(path=taken[0]["path"], where=folder_of(better["path"]))
    commands = remedies.search_path(case.facts, [folder_of(better["path"])])
    return [Finding("duplicate_cuda_libs", "mixed", ERROR, values, evidence, commands)]


def _mixed(text: str) -> Optional[Mixed]:
    for form in _MIXED:
        for match in form.finditer(text):
            library = parse_soname(match.group("soname"))
            if library is not None and library.family in ("cuda", "cudnn"):
                return Mixed(match.group("soname"), match.group("by"), match.group(0))
    return None


def _newest(rows: List[Record]) -> Record:
    return max(rows, key=lambda row: version_tuple(row["version"]))
