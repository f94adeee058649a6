"""CUDA libraries: of another major, not installed, or where the loader does not look."""

from typing import List, Optional

from ortdoctor.diagnose import machine, remedies
from ortdoctor.diagnose.facts import Record, version_tuple
from ortdoctor.diagnose.findings import ERROR, WARNING, Finding, Undetermined
from ortdoctor.diagnose.rules import libraries
from ortdoctor.diagnose.rules.case import Case, Result, unknown
from ortdoctor.diagnose.rules.libraries import Missing, listed
from ortdoctor.diagnose.sonames import parse_soname, reported_missing


def rules(case: Case) -> List[Result]:
    """Return why the CUDA libraries of the installed build are not found."""
    found = libraries.missing(case, "cuda")
    return (_judged(case, found, "default") if found else []) + _off_path(case, found)


def at_import(case: Case, text: str) -> List[Result]:
    """Return why a native part that links CUDA itself (before 1.8) does not load."""
    names = [name for name in reported_missing(text) if _family(name) == "cuda"]
    if not names:
        return []
    found = libraries.look_for(case.facts, names, "cuda", ["ort.import"])
    return _judged(case, found, "import") + _off_path(case, found)


def _judged(case: Case, found: Missing, variant: str) -> List[Result]:
    absent = [name for name in found.sonames if name not in found.off_path]
    if not absent:
        return []
    left_open = unknown(case, ["cuda.libraries"])
    wants = _wanted(case, found)
    here = libraries.versions_here(case.facts)
    same = [version for version in here if libraries.same_cuda(version, wants)]
    other = [version for version in here if libraries.same_cuda(version, wants) is False]
    if wants and other and not same:
        places = [place for version in other for place in here[version]]
        extra = {"wants": wants, "have": ", ".join(sorted(other, key=version_tuple)), "where": listed(places)}
        return [_finding(case, "cuda_major_mismatch", variant, dict(extra, missing=listed(absent)), found)]
    if left_open:
        return [Undetermined("cuda_libraries_on_disk", left_open)]
    if machine.os_of(case.facts) == "windows":
        return [_finding(case, "windows_cuda_dll_missing", "default", {"missing": listed(absent)}, found)]
    return [_finding(case, "cuda_libs_missing", "default", {"missing": listed(absent)}, found)]


def _off_path(case: Case, found: Optional[Missing]) -> List[Result]:
    """Return the copies of CUDA and cuDNN that the loader does not reach, as one finding."""
    both = [row for row in (found, libraries.missing(case, "cudnn")) if row is not None and row.off_path]
    if not both:
        return []
    names = [name for row in both for name in row.off_path]
    folders = list(dict.fromkeys(folder for row in both for folder in row.folders))
    variant = "preload" if libraries.has_preload(case) else "default"
    values = dict(case.names, missing=listed(names), where=listed(folders))
    # LD_LIBRARY_PATH of a container's image is in none of its files.
    env_open = case.facts.static and not case.facts.known("python.env")
    left_open: List[Result] = [Undetermined("search_path", ["python.env"])] if env_open else []
    return left_open + [
        Finding(
            cause="cuda_libs_not_on_loader_path",
            variant=variant,
            severity=WARNING if env_open else ERROR,
            values=values,
            evidence=both[0].evidence,
            commands=remedies.search_path(case.facts, folders),
        )
    ]


def _wanted(case: Case, found: Missing) -> Optional[str]:
    """Return the CUDA that the missing libraries belong to: by their own number, else the build's."""
    if case.installed and case.installed.cuda:
        return case.installed.cuda
    parsed = [parse_soname(name) for name in found.sonames]
    numbered = [library.cuda for library in parsed if library and library.cuda]
    return numbered[0] if numbered else None


def _finding(case: Case, cause: str, variant: str, values: Record, found: Missing) -> Finding:
    evidence = found.evidence + (case.installed.evidence if case.installed else [])
    commands = libraries.supply_commands(case)
    return Finding(cause, variant, ERROR, dict(case.names, **values), evidence, commands)


def _family(soname: str) -> Optional[str]:
    library = parse_soname(soname)
    return library.family if library else None
