"""The libraries that a build needs and the loader does not find: elsewhere on disk, of another version, or nowhere."""

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ortdoctor.diagnose import installed, machine, remedies, supply
from ortdoctor.diagnose.facts import Facts, Record, version_tuple
from ortdoctor.diagnose.plans import FIRST_PRELOAD
from ortdoctor.diagnose.rules.case import Case, said
from ortdoctor.diagnose.sonames import Library, parse_soname, reported_missing

_FOLDERS_SHOWN = 4


class Missing(NamedTuple):
    """Sonames that the loader does not find. ``off_path`` are on disk; ``folders`` are where they and others are."""

    sonames: List[str]
    off_path: List[str]
    folders: List[str]
    others: List[Record]
    evidence: List[str]


def missing(case: Case, family: str) -> Optional[Missing]:
    """Return what is missing of ``family`` (``"cuda"``, ``"cudnn"``); None where nothing is known to be.

    What the loader was asked counts first, then what the provider reported, then the build's row.
    """
    names, evidence = _names(case, family)
    return look_for(case.facts, names, family, evidence) if names else None


def look_for(facts: Facts, names: Sequence[str], family: str, evidence: Sequence[str]) -> Missing:
    """Look on the disk for libraries that the loader does not find."""
    off_path, folders, others = [], [], []
    for row in facts.records("cuda.libraries"):
        library = parse_soname(_soname(row))
        if library is None or library.family != family:
            continue
        if _soname(row).lower() in [name.lower() for name in names]:
            off_path.append(_soname(row))
            folders.append(_folder(row["path"]))
        else:
            others.append(row)
    return Missing(list(names), _once(off_path), _once(folders), others, list(evidence) + ["cuda.libraries"])


def _names(case: Case, family: str) -> Tuple[List[str], List[str]]:
    measured = [row["soname"] for row in installed.needed(case.facts) if row["path"] is None]
    named = _of_family(measured, family)
    if named:
        return named, ["ort.provider_libraries"]
    named = _of_family(reported_missing(said(case.session("cuda"))), family)
    if named:
        return named, ["ort.session"]
    build = case.installed.build if case.installed else None
    if build is None or case.facts.known("ort.provider_libraries") or not case.facts.known("cuda.libraries"):
        return [], []
    on_path = {_soname(row).lower() for row in case.facts.records("cuda.libraries") if row["loader"]}
    wanted = [name for name in build.sonames if name.lower() not in on_path and name not in build.optional]
    return _of_family(wanted, family), [build.row_id]


def _of_family(sonames: Sequence[str], family: str) -> List[str]:
    parsed = [(name, parse_soname(name)) for name in sonames]
    return _once([name for name, library in parsed if library and library.family == family])


def versions_here(facts: Facts) -> Dict[str, List[str]]:
    """Return each CUDA version on the disk with where it is: its libraries, else its toolkit, else its nvcc."""
    seen: Dict[str, List[str]] = {}
    for row in facts.records("cuda.libraries"):
        library = parse_soname(_soname(row))
        if library is not None and library.cuda:
            seen.setdefault(library.cuda, []).append(_folder(row["path"]))
    for row in facts.records("cuda.toolkits") + facts.records("cuda.nvcc"):
        if version_tuple(row["cuda"]) and not any(same_cuda(row["cuda"], version) for version in seen):
            seen[str(row["cuda"])] = [str(row["path"])]
    return {version: _once(places) for version, places in seen.items()}


def same_cuda(a: Optional[str], b: Optional[str]) -> Optional[bool]:
    """Return whether libraries of CUDA ``a`` do for a build with ``b``: one major, and before 11 one minor."""
    has, wants = version_tuple(a), version_tuple(b)
    if not has or not wants:
        return None
    if has[0] != wants[0]:
        return False
    return has[0] >= 11 or len(has) < 2 or len(wants) < 2 or has[:2] == wants[:2]


def supply_commands(case: Case) -> List[str]:
    """Return the commands that bring the CUDA and cuDNN of the installed build, and let the loader find them."""
    if case.installed is None or machine.is_jetson(case.facts):
        return []
    build = case.installed.build
    wheels = (
        supply.for_build(build) if build else supply.requirements(case.installed.cuda, case.installed.cudnn)
    )
    if not wheels:
        return case.plan.commands
    commands = remedies.install(case.facts, wheels)
    return commands if has_preload(case) else commands + remedies.loader_path(case.facts)


def has_preload(case: Case) -> bool:
    """Return whether the installed release has ``preload_dlls``."""
    record = case.facts.record("ort.preload")
    if record:
        return bool(record["available"])
    return (
        bool(case.installed)
        and version_tuple(case.installed.version if case.installed else "") >= FIRST_PRELOAD
    )


def listed(words: Sequence[str]) -> str:
    """Return some of ``words`` as text, with the number of those that are left out."""
    shown = ", ".join(words[:_FOLDERS_SHOWN])
    left = len(words) - _FOLDERS_SHOWN
    return "%s, +%d" % (shown, left) if left > 0 else shown


def library_of(row: Record) -> Optional[Library]:
    """Return which library a row of ``cuda.libraries`` is."""
    return parse_soname(_soname(row))


def _soname(row: Record) -> str:
    return str(row["soname"] or re.split(r"[\\/]", row["path"])[-1])


def _folder(path: str) -> str:
    return re.sub(r"[\\/][^\\/]*$", "", path)


def _once(words: Sequence[str]) -> List[str]:
    return list(dict.fromkeys(words))
