"""The libraries that a build needs and the loader does not find: elsewhere on disk, of another version, or nowhere."""

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ortdoctor.diagnose import installed, machine, remedies, supply
from ortdoctor.diagnose.facts import Facts, Record, version_tuple
from ortdoctor.diagnose.plans import FIRST_PRELOAD
from ortdoctor.diagnose.rules.case import Case, said
from ortdoctor.diagnose.sonames import Library, parse_soname, reported_missing

_FOLDERS_SHOWN = 4

#: ONNX Runtime's words for an error of CUDA's own functions.
_CUDA_ANSWERED = re.compile(r"(?:CUDA|CUDNN|CUBLAS) (?:failure|error) \d+")


class Missing(NamedTuple):
    """Sonames that the loader does not find. ``off_path`` are on disk; ``folders`` are where they and others are."""

    sonames: List[str]
    off_path: List[str]
    folders: List[str]
    others: List[Record]
    evidence: List[str]


def missing(case: Case, family: str) -> Optional[Missing]:
    """Return what is missing of ``family`` (``"cuda"``, ``"cudnn"``); None where nothing is known to be.

    What the loader was asked counts first, then what the provider reported, then the build's row. A library that is
    there and cut is not missing (:func:`damaged`).
    """
    names, evidence = _names(case, family)
    cut = [name for name, _ in damaged(case)]
    names = [name for name in names if name not in cut]
    return look_for(case.facts, names, family, evidence) if names else None


def damaged(case: Case) -> List[Tuple[str, Record]]:
    """Return (soname, file) of what is needed and not found because the loader comes to a file that it cannot take."""
    found: Dict[str, Tuple[str, Record]] = {}
    for need in [] if was_opened(case) else installed.needed(case.facts):
        met = [place for place in need["searched"] if "not an ELF file" in place]
        if need["path"] is not None or not met:
            continue
        broken = [row for row in copies(case.facts, need["soname"]) if row["error"]]
        exact = [row for row in broken if any(place.startswith(folder_of(row["path"]) + "/") for place in met)]
        for row in exact or broken:
            found.setdefault(row["path"], (need["soname"], row))
    return list(found.values())


def copies(facts: Facts, soname: str) -> List[Record]:
    """Return the files that are called ``soname``; one that cannot be read may have its full version in its name."""
    rows = facts.records("cuda.libraries")
    return [row for row in rows if soname_of(row) == soname or soname_of(row).startswith(soname + ".")]


def was_opened(case: Case) -> bool:
    """Return whether CUDA itself answered a session: the provider, and all that it is linked with, was then loaded.

    A program may load the libraries before the loader is asked for them, so that what it finds by itself is less.
    """
    return bool(_CUDA_ANSWERED.search(said(case.session("cuda"))))


def look_for(facts: Facts, names: Sequence[str], family: str, evidence: Sequence[str]) -> Missing:
    """Look on the disk for libraries that the loader does not find."""
    off_path, folders, others = [], [], []
    for row in facts.records("cuda.libraries"):
        library = parse_soname(soname_of(row))
        if library is None or library.family != family or row["error"]:
            continue
        if soname_of(row).lower() in [name.lower() for name in names]:
            off_path.append(soname_of(row))
            folders.append(folder_of(row["path"]))
        else:
            others.append(row)
    return Missing(list(names), _once(off_path), _once(folders), others, list(evidence) + ["cuda.libraries"])


def _names(case: Case, family: str) -> Tuple[List[str], List[str]]:
    if was_opened(case):
        return [], []
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
    on_path = {soname_of(row).lower() for row in case.facts.records("cuda.libraries") if row["loader"]}
    wanted = [name for name in build.sonames if name.lower() not in on_path and name not in build.optional]
    return _of_family(wanted, family), [build.row_id]


def _of_family(sonames: Sequence[str], family: str) -> List[str]:
    parsed = [(name, parse_soname(name)) for name in sonames]
    return _once([name for name, library in parsed if library and library.family == family])


def versions_here(facts: Facts) -> Dict[str, List[str]]:
    """Return each CUDA version on the disk with where it is: its libraries, else its toolkit, else its nvcc."""
    seen: Dict[str, List[str]] = {}
    for row in facts.records("cuda.libraries"):
        library = parse_soname(soname_of(row))
        if library is not None and library.cuda:
            # libcudart.so.11.0 is of every CUDA 11, as libcublas.so.11 is.
            version = library.cuda if version_tuple(library.cuda)[0] < 11 else library.cuda.split(".")[0]
            seen.setdefault(version, []).append(folder_of(row["path"]))
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
    return remedies.install(case.facts, wheels) + remedies.loader_path(case.facts)


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
    return parse_soname(soname_of(row))


def requirement(row: Record) -> str:
    """Return what pip installs to put back the wheel that a file came in."""
    return "%s==%s" % (row["wheel"], row["version"]) if version_tuple(row["version"]) else str(row["wheel"])


def soname_of(row: Record) -> str:
    """Return the name that programs ask for: the file's own, else its file name."""
    return str(row["soname"] or re.split(r"[\\/]", row["path"])[-1])


def folder_of(path: str) -> str:
    """Return the folder of a file, on any system."""
    return re.sub(r"[\\/][^\\/]*$", "", path)


def _once(words: Sequence[str]) -> List[str]:
    return list(dict.fromkeys(words))
