"""What is installed as ``onnxruntime``: the distribution whose files are there, and what its build needs."""

from typing import List, NamedTuple, Optional, Tuple

from ortdoctor.diagnose import machine
from ortdoctor.diagnose.facts import FOUND, Facts, Record, version_tuple
from ortdoctor.diagnose.matrix import Matrix, normal_name
from ortdoctor.diagnose.matrix_rows import Build
from ortdoctor.diagnose.sonames import Library, parse_soname

_CUDA_HINTS = ("CUDAExecutionProvider", "TensorrtExecutionProvider")


class Installed(NamedTuple):
    """``cuda`` and ``cudnn`` are what the build was made for (``"12"``, ``"11.8"``); ``evidence`` says where from."""

    distribution: str
    version: str
    build: Optional[Build]
    cuda: Optional[str]
    cudnn: Optional[str]
    evidence: List[str]


def distributions(facts: Facts) -> List[Record]:
    """Return the distributions whose files are in the folder ``onnxruntime/``, by name."""
    return sorted(facts.records("ort.distributions"), key=lambda row: str(row["name"]))


def is_gpu_distribution(matrix: Matrix, name: str) -> bool:
    """Return whether a distribution is one with the CUDA provider."""
    hints = [row.provider_hint for row in matrix.distributions(name)]
    if any(hints):
        return any(hint in _CUDA_HINTS for hint in hints)
    return normal_name(name) in ("onnxruntime-gpu", "ort-nightly-gpu")


def lists_cuda(facts: Facts) -> Optional[bool]:
    """Return whether the files that are there are a CUDA build's; None where the module could not be asked."""
    if facts.state("ort.available_providers") == FOUND:
        return machine.CUDA in facts.texts("ort.available_providers")
    if facts.static and _overwritten(facts):
        return False
    if facts.state("ort.provider_libraries") == FOUND:
        return any(row["provider"] == machine.CUDA for row in facts.records("ort.provider_libraries"))
    if facts.static and facts.known("ort.provider_libraries"):
        return False
    return None


def _overwritten(facts: Facts) -> bool:
    """Return whether the extension module of a GPU package is not its own: its provider libraries then lie idle.

    By files alone nothing else tells which of two packages in one folder has won.
    """
    rows = [row for row in distributions(facts) if normal_name(row["name"]).endswith("-gpu")]
    return any("onnxruntime_pybind11_state" in name for row in rows for name in row["changed"] + row["missing"])


def find(facts: Facts, matrix: Matrix) -> Optional[Installed]:
    """Return what is installed; None where no distribution is known."""
    rows = distributions(facts)
    if not rows:
        return None
    wants_gpu = lists_cuda(facts)
    fitting = [row for row in rows if is_gpu_distribution(matrix, row["name"]) == wants_gpu]
    row = (fitting or rows)[0]
    version = facts.text("ort.version") or row["version"]
    build = matrix.build(row["name"], version, machine.os_of(facts), machine.arch_of(facts))
    cuda, evidence = _cuda(facts, build)
    return Installed(
        row["name"], version, build, cuda, _cudnn(facts, build), ["ort.distributions"] + evidence
    )


def needed(facts: Facts) -> List[Record]:
    """Return the libraries that the CUDA provider's file needs, and what these need, as measured."""
    rows = [row for row in facts.records("ort.provider_libraries") if row["provider"] == machine.CUDA]
    return [needed_row for row in rows for needed_row in row["needed"]]


def _linked(facts: Facts) -> List[Library]:
    """Return the libraries that the provider itself needs: only these tell of its build."""
    parsed = [parse_soname(row["soname"]) for row in needed(facts) if not row["needed_by"]]
    return [library for library in parsed if library]


def _cuda(facts: Facts, build: Optional[Build]) -> Tuple[Optional[str], List[str]]:
    """Return the CUDA of the files: what they link, else what they say, else the matrix."""
    built = facts.text("ort.cuda_build")
    if version_tuple(built):
        return built, ["ort.cuda_build"]
    linked = [library.cuda for library in _linked(facts) if library.cuda]
    if build is not None and build.cuda and (not linked or _same_major(linked[0], build.cuda)):
        return build.cuda, [build.row_id]
    if linked:
        return max(linked, key=len), ["ort.provider_libraries"]
    return None, []


def _cudnn(facts: Facts, build: Optional[Build]) -> Optional[str]:
    for library in _linked(facts):
        if library.family == "cudnn" and library.version:
            return library.version
    return build.cudnn if build is not None else None


def _same_major(a: str, b: str) -> bool:
    return version_tuple(a)[:1] == version_tuple(b)[:1]
