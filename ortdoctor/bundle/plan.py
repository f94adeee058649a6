"""Decide what a bundle will hold for its target, and why: no file is read or written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from ortdoctor.bundle.targets import Choice, Target, ceilings
from ortdoctor.errors import BundleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortdoctor.diagnose.matrix import Matrix

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@dataclass(frozen=True)
class BundlePlan:
    """What will be done and why.

    ``opset`` and ``ir`` are the newest that the target takes, None for no limit. ``packages`` are versions of
    other packages known of the very machine. ``choice`` is the row that CUDA decided, where it did.
    """

    target: Target
    expected_providers: tuple[str, ...]
    distribution: str
    version: str
    availability: str
    opset: int | None
    ir: int | None
    because: tuple[str, ...]
    packages: Mapping[str, str]
    choice: Choice | None = None


def make_plan(target: Target, matrix: Matrix, facts: Mapping[str, Any] | None = None) -> BundlePlan:
    """Return the plan for ``target``; ``facts`` is a facts document or its ``facts`` object.

    The target ``host`` needs facts (:class:`UsageError`) of a machine that has ONNX Runtime
    (:class:`BundleError`); ``cuda10`` takes the CUDA version from them where they are given.
    """
    known = _Facts(facts)
    if target.choices:
        return _for_cuda(target, matrix, known)
    if not target.ort:
        return _for_facts(target, matrix, known)
    version = target.ort[0]
    opset, ir = ceilings(target, (version,), matrix)
    because = (
        f"{target.distribution} {version} is the newest release; older Pythons get the last one built for them",
        f"{version} loads models up to opset {opset} and IR version {ir}",
    )
    return BundlePlan(
        target, target.providers, target.distribution, version, target.availability or "unknown", opset, ir, because, {}
    )


class _Facts:
    """Look a fact up in a document; absent, failed and not collected are all None here."""

    def __init__(self, document: Mapping[str, Any] | None) -> None:
        inner = (document or {}).get("facts", document or {})
        self.given = document is not None
        self._facts: Mapping[str, Any] = inner if isinstance(inner, dict) else {}

    def value(self, key: str) -> Any:  # noqa: ANN401 - JSON is any
        fact = self._facts.get(key)
        return fact.get("value") if isinstance(fact, dict) else None

    def objects(self, key: str) -> list[dict[str, Any]]:
        """Return a list of objects; anything else is none."""
        found = self.value(key)
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _for_cuda(target: Target, matrix: Matrix, facts: _Facts) -> BundlePlan:
    choice, reason = _choose(target, facts)
    opset, ir = ceilings(target, target.ort, matrix)
    table = ", ".join(f"{entry.version} for CUDA {entry.cuda}" for entry in target.choices)
    loose = [version for version in target.ort if (limits := matrix.limits(version)) and not limits.enforced]
    because = [
        reason,
        f"each CUDA 10 toolkit has its own releases of {target.distribution}: {table}",
        f"the model is kept at opset {opset} and IR version {ir} at most, which every one of them takes",
        f"{target.distribution} of that age was removed from the index; see requirements.txt",
    ]
    if loose:
        because.append(
            f"{', '.join(loose)} loads newer opsets too and may compute them wrongly, so its documented limit is kept"
        )
    availability = _availability(matrix, target.distribution, choice.version, None) or target.availability or "unknown"
    name, providers = target.distribution, target.providers
    return BundlePlan(target, providers, name, choice.version, availability, opset, ir, tuple(because), {}, choice)


def _choose(target: Target, facts: _Facts) -> tuple[Choice, str]:
    """Return the row for the CUDA toolkit of the facts, else the default, and why."""
    default = next(choice for choice in target.choices if choice.version == target.ort[0])
    seen = _cuda_versions(facts)
    matching = [choice for choice in target.choices if choice.cuda in seen]
    if len(matching) == 1:
        return matching[0], f"the facts show CUDA {matching[0].cuda}, which {matching[0].version} was built for"
    if len(matching) > 1:
        names = ", ".join(choice.cuda for choice in matching)
        return matching[-1], f"the facts show CUDA {names}; the newest of them is taken"
    what = f"the facts show CUDA {', '.join(seen)} only" if seen else "the CUDA toolkit of the target is not known"
    return default, f"{what}; {default.version} (CUDA {default.cuda}) is assumed"


def _cuda_versions(facts: _Facts) -> list[str]:
    """Return the toolkits of the machine as major.minor: what the loader finds first, else what is installed."""
    libraries = [entry for entry in facts.objects("cuda.libraries") if entry.get("name") == "cudart"]
    for entries, key in (
        ([entry for entry in libraries if entry.get("loader")], "version"),
        (facts.objects("cuda.toolkits"), "cuda"),
        (libraries, "version"),
        (facts.objects("cuda.nvcc"), "cuda"),
    ):
        found = {".".join(str(entry[key]).split(".")[:2]) for entry in entries if entry.get(key)}
        if found:
            return sorted(found)
    return []


def _for_facts(target: Target, matrix: Matrix, facts: _Facts) -> BundlePlan:
    if not facts.given:
        raise UsageError(f"the target {target.id!r} needs the facts of a machine: collect or read them first.")
    distribution, version = _installed(facts)
    active = _active(facts, "cuda")
    on_cuda = CUDA in active
    opset, ir = ceilings(target, (version,), matrix)
    because = [
        f"the machine has {distribution} {version}",
        f"a session there really got {', '.join(active)}" if on_cuda else "no session there got the CUDA provider",
    ]
    limits = matrix.limits(version)
    if limits is None or not limits.exact:
        because.append(f"{version} is not in the matrix; the limits of its nearest known release are taken")
    system, arch = facts.value("system.os"), facts.value("system.arch")
    availability = _availability(matrix, distribution, version, (system, arch)) or "unknown"
    packages = facts.value("python.packages")
    return BundlePlan(
        target,
        (CUDA,) if on_cuda else (CPU,),
        distribution,
        version,
        availability,
        opset,
        ir,
        tuple(because),
        {name: found for name, found in packages.items() if _sound(name, found)} if isinstance(packages, dict) else {},
    )


def _installed(facts: _Facts) -> tuple[str, str]:
    """Return the distribution that owns the onnxruntime which imports there, and its version."""
    rows = [row for row in facts.objects("ort.distributions") if _sound(row.get("name"), row.get("version"))]
    imported = facts.value("ort.version")
    if not rows:
        raise BundleError(
            "the machine has no ONNX Runtime distribution, so there is nothing to plan for. "
            "Run 'ortdoctor check' there, install one, or use the target 'cpu'."
        )
    same = [row for row in rows if row["version"] == imported] or rows
    return str(same[0]["name"]), str(same[0]["version"])


def _sound(name: object, version: object) -> bool:
    """Say whether a name and a version of the facts, which may be anyone's file, can stand in a requirement."""
    try:
        canonicalize_name(str(name), validate=True)
        return str(Version(str(version))) != "" and str(version) == str(version).strip()
    except (InvalidName, InvalidVersion):
        return False


def _active(facts: _Facts, kind: str) -> list[str]:
    session = facts.value("ort.session")
    ran = session.get(kind) if isinstance(session, dict) else None
    active = ran.get("active") if isinstance(ran, dict) else None
    return [str(name) for name in active] if isinstance(active, list) else []


def _availability(matrix: Matrix, distribution: str, version: str, machine: tuple[Any, Any] | None) -> str | None:
    """Return where the matrix says that a build is to be had; None where it knows no such build."""
    rows = matrix.builds(distribution, version, *(machine or (None, None)))
    return rows[0].availability if rows else None
