"""Every way to supply the CUDA and cuDNN libraries of a build on a machine."""

import re
from typing import List, NamedTuple, Optional, Set

from ortdoctor.diagnose import fits, machine, supply
from ortdoctor.diagnose.facts import FOUND, Facts, Record, version_tuple
from ortdoctor.diagnose.fits import Fit
from ortdoctor.diagnose.matrix_rows import Build

#: The least work first. ``found``: the loader finds every library now. ``wheels``: pip installs them.
#: ``torch``: the copies that PyTorch brings. ``toolkit``: the system's toolkit. ``jetson``: the Jetson image.
#: ``install``: a toolkit or cuDNN of another version has to be installed first: a change to the system.
KINDS = ("none", "jetson", "found", "wheels", "torch", "toolkit", "install")

#: onnxruntime.preload_dlls() exists from here on (python_api row); it loads PyTorch's copies, too.
FIRST_PRELOAD = (1, 21)

_TOOLKIT_FACTS = ["cuda.toolkits", "cuda.nvcc", "cudnn.header", "cuda.libraries"]


class Way(NamedTuple):
    """One way: ``requirements`` are for pip, ``folders`` go on the loader's search path.

    ``loader`` says how a program reaches the libraries: ``"preload"`` (call ``preload_dlls()``), ``"path"`` (the
    search path), ``"torch"`` (import torch first) or ``""`` (found already).
    """

    kind: str
    requirements: List[str]
    loader: str
    folders: List[str]
    fit: Fit

    @property
    def changes_system(self) -> bool:
        """Whether more than this Python's packages has to be changed."""
        return self.kind == "install"


def nothing() -> Way:
    """Return the way of a build that needs no CUDA."""
    return Way("none", [], "", [], fits.yes("", {}, []))


def ways(facts: Facts, build: Build) -> List[Way]:
    """Return every way that is open for a GPU build, the least work first; one that is not open where none is."""
    values = {"cuda": build.cuda, "cudnn": build.cudnn}
    evidence = ["cuda.libraries", build.row_id]
    if machine.is_jetson(facts):
        return [Way("jetson", [], "", [], fits.yes("supply_jetson", values, ["system.jetson", build.row_id]))]
    found: List[Way] = []
    if fits.on_loader_path(facts, list(build.sonames)):
        found.append(Way("found", [], "", [], fits.yes("supply_found", values, evidence)))
    wheels = supply.for_build(build)
    if wheels is not None:
        preload = "preload" if _has_preload(build) else "path"
        found.append(Way("wheels", wheels, preload, [], fits.yes("supply_wheels", values, [build.row_id])))
    if _torch_brings(facts, build):
        loader = "preload" if _has_preload(build) else "torch"
        found.append(Way("torch", [], loader, [], fits.yes("supply_torch", values, evidence)))
    toolkit = _toolkit(facts, build)
    if toolkit is not None and not (found and found[0].kind == "found"):
        # Somebody who names the toolkit of a box that was not probed does not ask for another copy.
        told = toolkit.kind == "toolkit" and not facts.known("cuda.libraries")
        found.insert(0 if told else len(found), toolkit)
    open_ways = [way for way in found if not way.changes_system]
    return open_ways or found or [_install(facts, build)]


def cudnn_here(facts: Facts, wanted: Optional[str]) -> Optional[bool]:
    """Return whether a cuDNN of the major of ``wanted`` is installed; True where no major is wanted."""
    major = version_tuple(wanted)[:1]
    if not major:
        return True
    majors: Set[int] = set()
    for row in facts.records("cudnn.header"):
        majors.update(version_tuple(row["cudnn"])[:1])
    majors.update(version_tuple(facts.record("cudnn.runtime").get("version"))[:1])
    for row in facts.records("cuda.libraries"):
        if row["name"].startswith("cudnn") and isinstance(row["major"], int):
            majors.add(row["major"])
    if major[0] in majors:
        return True
    return False if facts.known("cudnn.header") or facts.known("cuda.libraries") else None


def _has_preload(build: Build) -> bool:
    return version_tuple(build.version) >= FIRST_PRELOAD


def _torch_brings(facts: Facts, build: Build) -> bool:
    """PyTorch on Windows carries the DLLs in torch/lib, where nothing but itself looks for them."""
    copies = {str(row["soname"]).lower() for row in facts.records("cuda.libraries") if row["supply"] == "torch"}
    return bool(build.sonames) and {name.lower() for name in build.sonames} <= copies


def _toolkit(facts: Facts, build: Build) -> Optional[Way]:
    """Return the system's toolkit as a way: of the very version before CUDA 11, of the same major from then on."""
    rows = [row for row in facts.records("cuda.toolkits") + facts.records("cuda.nvcc") if _suits(row, build)]
    if facts.state("cuda.toolkits") != FOUND or not rows:
        return None
    cudnn = cudnn_here(facts, build.cudnn)
    values = {"cuda": rows[0]["cuda"], "cudnn": build.cudnn}
    evidence = _TOOLKIT_FACTS + [build.row_id]
    if cudnn is False:
        return Way("install", [], "", [], fits.no("cudnn", values, evidence))
    answer = fits.yes if cudnn else fits.unclear
    folders = _folders(facts, rows[0]) if facts.known("cuda.libraries") else []
    fit = answer("supply_toolkit" if cudnn else "cudnn_unknown", values, evidence)
    return Way("toolkit", [], "path" if folders else "", folders, fit)


def _suits(row: Record, build: Build) -> bool:
    has, wants = version_tuple(row["cuda"]), version_tuple(build.cuda)
    if not has or not wants:
        return False
    return has[:1] == wants[:1] if wants[0] >= 11 else has[:2] == wants[:2]


def _folders(facts: Facts, row: Record) -> List[str]:
    """Return the folder of a toolkit's libraries; a recorded file may name any path, so only absolute ones."""
    path = str(row["path"])
    if machine.os_of(facts) == "windows":
        return [path.rstrip("\\/") + "\\bin"] if re.match(r"[A-Za-z]:[\\/]", path) else []
    return [path.rstrip("/") + "/lib64"] if path.startswith("/") else []


def _install(facts: Facts, build: Build) -> Way:
    values = {"cuda": build.cuda, "cudnn": build.cudnn}
    evidence = _TOOLKIT_FACTS + [build.row_id]
    known = facts.known("cuda.toolkits") or facts.known("cuda.libraries")
    fit = fits.no("supply", values, evidence) if known else fits.unclear("supply_unknown", values, evidence)
    return Way("install", [], "", [], fit)
