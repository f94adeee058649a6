"""What the loader does with the libraries of a provider that does not load: where it looks, what wins, who brings."""

from typing import Any, Dict, List, Optional, Tuple

from ortdoctor.diagnose import installed, machine
from ortdoctor.diagnose.facts import Facts, Record, version_tuple
from ortdoctor.diagnose.findings import Copy, Needed, Supplier
from ortdoctor.diagnose.rules.case import Case, said
from ortdoctor.diagnose.sonames import Library, parse_soname, reported_missing


def libraries(case: Case) -> List[Needed]:
    """Return the libraries of the CUDA provider that are missing, then those of which there are several copies."""
    brings = _suppliers(case)
    missing: List[Needed] = []
    several: List[Needed] = []
    for row in _asked_for(case):
        copies = _copies(case.facts, row)
        if row["path"] is not None and len(copies) < 2:
            continue
        found = Needed(
            soname=row["soname"],
            needed_by=row["needed_by"],
            path=row["path"],
            searched=list(row["searched"]),
            provided_by=_provided_by(case, row["soname"], brings),
            copies=copies,
        )
        (several if found.path else missing).append(found)
    return missing + several


def _asked_for(case: Case) -> List[Record]:
    """Return what the loader was asked; if it could not be, what errors name, else what the build's row says."""
    measured = installed.needed(case.facts)
    if measured:
        return measured
    text = "\n".join((said(case.session("cuda")), said(case.facts.record("ort.import"))))
    names = reported_missing(text)
    build = case.installed.build if case.installed else None
    if not names and build is not None and case.facts.known("cuda.libraries"):
        found = {_key(_name(row)) for row in case.facts.records("cuda.libraries") if row["loader"]}
        names = [name for name in build.sonames if _key(name) not in found and name not in build.optional]
    return [{"soname": name, "path": None, "searched": [], "needed_by": None} for name in names]


def _copies(facts: Facts, row: Record) -> List[Copy]:
    """Return the copies at hand; where the loader finds none, those of other versions, too: they tell why."""
    wanted = parse_soname(row["soname"])
    if wanted is None or wanted.family is None:
        return []
    same: List[Record] = []
    other: List[Record] = []
    for copy in facts.records("cuda.libraries"):
        library = parse_soname(_name(copy))
        if library is not None and library.name.lower() == wanted.name.lower():
            (same if _key(_name(copy)) == _key(row["soname"]) else other).append(copy)
    if row["path"] is not None:
        other = []
    taken = [copy for copy in same if copy["path"] == row["path"]] or [copy for copy in same if copy["loader"]]
    return [
        Copy(copy["path"], _name(copy), copy["version"], row["path"] is not None and copy in taken[:1])
        for copy in same + other
    ]


def _suppliers(case: Case) -> Dict[Tuple[str, str], Dict[str, Any]]:
    """Return the rows of compat/libraries.json by library and version; a DLL has the key of its soname."""
    rows = [case.matrix.raw(row_id) for row_id in case.matrix.row_ids("libraries")]
    return {_key(row["id"]): row for row in rows}


def _provided_by(case: Case, soname: str, rows: Dict[Tuple[str, str], Dict[str, Any]]) -> List[Supplier]:
    library = parse_soname(soname)
    if library is not None and library.family == "driver":
        return [Supplier("driver", "NVIDIA")]
    if "onnxruntime" in soname:
        return [Supplier("distribution", case.installed.distribution)] if case.installed else []
    if library is None or library.family is None:
        return []
    if machine.is_jetson(case.facts):
        return [Supplier("jetpack", "JetPack")]
    cuda = _cuda_of(case, library)
    row = rows.get(_key(soname), {})
    wheels, packages = row.get("wheels", {}), row.get("packages", {})
    major = str((version_tuple(cuda) or ("",))[0])
    if major not in wheels and len(wheels) == 1:
        major = list(wheels)[0]
    found = [Supplier("wheel", wheels[major])] if major in wheels else []
    if machine.os_of(case.facts) == "linux" and major in packages:
        found.append(Supplier("package", packages[major]))
    elif not found and library.family == "cuda" and cuda:
        found.append(Supplier("toolkit", cuda))
    return found


def _cuda_of(case: Case, library: Library) -> Optional[str]:
    """Return the CUDA that the library belongs to: the build's, unless its own number says another."""
    built = case.installed.cuda if case.installed else None
    same = version_tuple(built)[:1] == version_tuple(library.cuda)[:1]
    return built if same or not library.cuda else library.cuda


def _key(soname: str) -> Tuple[str, str]:
    """Return name and version of a library, the same for a soname and a DLL (nvrtc64_120_0.dll, libnvrtc.so.12)."""
    library = parse_soname(soname)
    if library is None:
        return soname.lower(), ""
    version = library.version or ""
    return library.name.lower(), version[:-2] if version.endswith(".0") else version


def _name(row: Record) -> str:
    return str(row["soname"] or row["path"].replace("\\", "/").rsplit("/", 1)[-1])
