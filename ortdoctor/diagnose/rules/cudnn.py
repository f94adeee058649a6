"""cuDNN: of another major, or not installed. Copies off the loader's path are told with those of CUDA."""

import re
from typing import Dict, List, Optional, Tuple

from ortdoctor.diagnose import machine, remedies
from ortdoctor.diagnose.facts import ABSENT, version_tuple
from ortdoctor.diagnose.findings import ERROR, WARNING, Finding, Undetermined
from ortdoctor.diagnose.rules import libraries
from ortdoctor.diagnose.rules.case import Case, Result, unknown
from ortdoctor.diagnose.rules.libraries import Missing, folder_of, listed
from ortdoctor.diagnose.sonames import parse_soname, reported_missing

#: The libraries that cuDNN is split into, by major, as its wheels hold them (8.9 and 9.28); those for training are left
#: out. Default usage needs all (cuDNN 9 documentation, "cuDNN Library Configuration").
_PARTS = {
    8: ("cudnn_ops_infer", "cudnn_cnn_infer", "cudnn_adv_infer"),
    9: (
        "cudnn_graph",
        "cudnn_ops",
        "cudnn_cnn",
        "cudnn_adv",
        "cudnn_heuristic",
        "cudnn_engines_runtime_compiled",
        "cudnn_engines_precompiled",
    ),
}

#: The part that only a whole cuDNN has: NVIDIA packs version 9 without it and others as ``cudnn-jit``, too.
_WHOLE = {8: "cudnn_ops_infer", 9: "cudnn_engines_precompiled"}
_WHOLE_WHEEL = re.compile(r"nvidia-cudnn-cu\d+$")


def rules(case: Case) -> List[Result]:
    """Return why cuDNN of the installed build is not found."""
    found = libraries.missing(case, "cudnn")
    return _judged(case, found) if found else []


def parts(case: Case) -> List[Result]:
    """Return that cuDNN, which opens its parts by name when an operator needs them, is not whole.

    A tiny model needs none of them, so that neither the loader nor a session tells.
    """
    rows = [row for row in case.facts.records("cuda.libraries") if row["name"].startswith("cudnn")]
    taken = [row for row in rows if row["name"] == "cudnn" and row["loader"]]
    # A recorded file may hold anything for a major.
    if not taken or not isinstance(taken[0]["major"], int) or taken[0]["major"] not in _PARTS:
        return []
    main = taken[0]
    beside = [row for row in rows if folder_of(row["path"]) == folder_of(main["path"]) or row["loader"]]
    there = {row["name"] for row in beside if row["major"] == main["major"] and not row["error"]}
    if not _WHOLE_WHEEL.match(main["wheel"] or "") and _WHOLE[main["major"]] not in there:
        return []
    absent = ["lib%s.so.%d" % (name, main["major"]) for name in _PARTS[main["major"]] if name not in there]
    if not absent:
        return []
    values = dict(case.names, missing=listed(absent), have=main["version"], where=folder_of(main["path"]))
    commands = libraries.supply_commands(case)
    if main["wheel"]:
        commands = remedies.reinstall(case.facts, [libraries.requirement(main)])
    return [Finding("cudnn_missing", "part", ERROR, values, ["cuda.libraries", "cudnn.runtime"], commands)]


def later(case: Case) -> List[Result]:
    """Return that a build which opens cuDNN when an operator needs it (1.28 and later) will find none."""
    build = case.installed.build if case.installed else None
    if build is None or "cudnn" not in build.optional or case.facts.state("cudnn.runtime") != ABSENT:
        return []
    if not case.facts.known("cuda.libraries") or machine.is_jetson(case.facts):
        return []
    wants = version_tuple(build.cudnn)[:1]
    majors = [row["major"] for row in case.facts.records("cuda.libraries") if row["name"] == "cudnn"]
    # One that is there and not found is for preload_dlls() to open.
    if not wants or wants[0] in majors:
        return []
    values = dict(case.names, wants=str(wants[0]))
    evidence = ["cudnn.runtime", "cuda.libraries", build.row_id]
    return [Finding("cudnn_missing", "later", WARNING, values, evidence, libraries.supply_commands(case))]


def at_import(case: Case, text: str) -> List[Result]:
    """Return why a native part that links cuDNN itself (before 1.8) does not load."""
    parsed = [(name, parse_soname(name)) for name in reported_missing(text)]
    names = [name for name, library in parsed if library and library.family == "cudnn"]
    return _judged(case, libraries.look_for(case.facts, names, "cudnn", ["ort.import"])) if names else []


def _judged(case: Case, found: Missing) -> List[Result]:
    absent = [name for name in found.sonames if name not in found.off_path]
    if not absent:
        return []
    wants = _wanted(case, absent)
    here = _versions_here(case, found)
    other = [version for version in here if wants and version_tuple(version)[:1] != version_tuple(wants)[:1]]
    values = dict(case.names, wants=wants, missing=listed(absent))
    commands = libraries.supply_commands(case)
    if other and len(other) == len(here):
        places = listed([here[version] for version in other])
        values.update(have=", ".join(sorted(other, key=version_tuple)), where=places)
        return [
            Finding(
                "cudnn_major_mismatch", "default", ERROR, values, found.evidence + ["cudnn.header"], commands
            )
        ]
    left_open = unknown(case, ["cuda.libraries"])
    if left_open:
        return [Undetermined("cudnn_on_disk", left_open)]
    return [Finding("cudnn_missing", "default", ERROR, values, found.evidence, commands)]


def _versions_here(case: Case, found: Missing) -> Dict[str, str]:
    """Return, for each major of cuDNN on the disk, the most exact version that is known and where it is."""
    told = [(row["cudnn"], row["path"]) for row in case.facts.records("cudnn.header")]
    told += [(row["version"], row["distribution"]) for row in case.facts.records("cudnn.wheels")]
    for row in found.others:
        library = libraries.library_of(row)
        told.append((row["version"] or (library.version if library else None), row["path"]))
    seen: Dict[int, Tuple[str, str]] = {}
    for version, where in told:
        parts = version_tuple(version)
        if parts and (parts[0] not in seen or len(parts) > len(version_tuple(seen[parts[0]][0]))):
            seen[parts[0]] = (str(version), str(where))
    return dict(seen.values())


def _wanted(case: Case, sonames: List[str]) -> Optional[str]:
    for library in map(parse_soname, sonames):
        if library is not None and library.version:
            return library.version
    return case.installed.cudnn if case.installed else None
