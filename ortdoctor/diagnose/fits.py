"""Whether a build fits a machine, one question at a time: yes, no, or the facts do not tell."""

import re
from typing import Any, Dict, List, NamedTuple, Optional

from ortdoctor.diagnose import machine
from ortdoctor.diagnose.facts import Facts, at_least, version_tuple
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_answers import COMPATIBLE, INCOMPATIBLE
from ortdoctor.diagnose.matrix_rows import Build

#: glibc of the platform tags from before PEP 600 gave them numbers (PEP 513, 571, 599).
_LEGACY_TAGS = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}


class Fit(NamedTuple):
    """``ok`` is None where the facts leave it open; ``reason`` is a code that report/words.py has words for."""

    ok: Optional[bool]
    reason: str
    values: Dict[str, Any]
    evidence: List[str]


def yes(reason: str, values: Dict[str, Any], evidence: List[str]) -> Fit:
    """Return the answer that it fits."""
    return Fit(ok=True, reason=reason, values=values, evidence=evidence)


def no(reason: str, values: Dict[str, Any], evidence: List[str]) -> Fit:
    """Return the answer that it does not fit."""
    return Fit(ok=False, reason=reason, values=values, evidence=evidence)


def unclear(reason: str, values: Dict[str, Any], evidence: List[str]) -> Fit:
    """Return the answer that the facts do not tell."""
    return Fit(ok=None, reason=reason, values=values, evidence=evidence)


def python(facts: Facts, build: Build) -> Fit:
    """Say whether the build has a wheel for this Python."""
    tag = machine.python_tag(facts)
    values = {"tag": tag, "offered": ", ".join(build.python)}
    evidence = ["python.version", build.row_id]
    if tag is None or not build.python:
        return unclear("python_unknown", values, evidence)
    return Fit(tag in build.python, "python", values, evidence)


def platform(facts: Facts, build: Build) -> Fit:
    """Say whether the platform tag of the build suits the C library and this pip.

    ``reason`` of a no: ``bits`` | ``musl`` | ``glibc`` | ``pip`` (the system could, this pip does not see it).
    """
    tags = [tag for joined in build.platform_tags for tag in joined.split(".")]
    evidence = ["python.wheel_tags", "system.libc", build.row_id]
    if facts.value("python.bits") == 32:
        return no("bits", {"bits": 32}, ["python.bits", build.row_id])
    if machine.is_musl(facts) and not any(tag.startswith("musllinux") for tag in tags):
        return no("musl", {"libc": facts.record("system.libc").get("version") or ""}, evidence)
    known = set(facts.record("python.wheel_tags").get("platforms", ()))
    # A wheel for Windows has the one tag of its architecture, which the build was found by.
    if known & set(tags) or (build.os == "windows" and not known):
        return yes("platform", {}, evidence)
    needs = needed_glibc(tags)
    values = {"needs": needs, "glibc": machine.glibc(facts), "tag": tags[0] if tags else None}
    if not tags:
        return unclear("platform_unknown", values, evidence)
    if needs is None:
        return no("platform", values, evidence) if known else unclear("platform_unknown", values, evidence)
    enough = at_least(machine.glibc(facts), needs)
    if enough is False:
        return no("glibc", values, evidence)
    if known and enough:
        return no("pip", dict(values, pip=facts.record("python.pip").get("version")), evidence)
    return Fit(enough, "platform" if enough else "platform_unknown", values, evidence)


def needed_glibc(tags: List[str]) -> Optional[str]:
    """Return the oldest glibc that one of the platform tags promises to run on."""
    versions = []
    for tag in tags:
        match = re.match(r"manylinux_(\d+)_(\d+)_", tag)
        if match:
            versions.append("%s.%s" % match.groups())
        elif tag.split("_")[0] in _LEGACY_TAGS:
            versions.append(_LEGACY_TAGS[tag.split("_")[0]])
    return min(versions, key=version_tuple) if versions else None


def driver(facts: Facts, matrix: Matrix, cuda: Optional[str]) -> Fit:
    """Say whether the driver runs software built with ``cuda``; the toolkit (nvcc) has no say in it.

    Either source may grant it: the compatibility package makes an old driver run a newer CUDA, and then the
    driver's own version says less than ``cuDriverGetVersion``.
    """
    system = machine.driver_os(facts)
    says = machine.driver_cuda(facts)
    version = facts.text("gpu.driver_version")
    values: Dict[str, Any] = {"cuda": cuda, "driver": version, "driver_cuda": says, "os": system}
    evidence = ["gpu.driver_version", "gpu.driver_cuda"]
    if not version_tuple(cuda) or machine.is_jetson(facts):
        return unclear("driver_unknown", values, evidence)
    floor = matrix.driver_floor(cuda or "", system)
    if floor is not None:
        values.update(minimum=floor.driver, major=version_tuple(cuda)[0], rule=floor.rule)
        evidence.append(floor.row_id)
    if _enough(says, cuda):
        return yes("driver", values, evidence)
    if floor is not None and _is_branch_of(version, floor.driver):
        return unclear("driver_branch", values, evidence)
    verdict = (
        matrix.driver_supports(version, cuda or "", system) if version_tuple(version) and version else None
    )
    if verdict is not None and verdict.value == COMPATIBLE:
        return yes("driver", values, evidence + list(verdict.rows))
    if _enough(says, cuda) is False or (verdict is not None and verdict.value == INCOMPATIBLE):
        return no("driver", values, evidence)
    return unclear("driver_unknown", values, evidence)


def _is_branch_of(version: Optional[str], minimum: str) -> bool:
    """Return whether ``version`` is only a branch (``525``) that has both older and newer drivers than ``minimum``."""
    given, wanted = version_tuple(version), version_tuple(minimum)
    return len(given) == 1 and len(wanted) > 1 and given == wanted[:1]


def _enough(driver_cuda: Optional[str], cuda: Optional[str]) -> Optional[bool]:
    """From CUDA 11 on a driver runs every minor of a major that it knows; before, only its own and older."""
    has, wants = version_tuple(driver_cuda), version_tuple(cuda)
    if not has or not wants:
        return None
    return has[0] >= wants[0] if wants[0] >= 11 else has[:2] >= wants[:2]


def gpu(facts: Facts, matrix: Matrix, build: Build) -> Fit:
    """Say whether the build, and the CUDA libraries of its major, hold code for one of the GPUs."""
    answers = [
        _one_gpu(facts, matrix, build, device)
        for device in facts.records("gpu.devices")
        if version_tuple(device["compute_capability"])
    ]
    for wanted in (True, None, False):
        for answer in answers:
            if answer.ok is wanted:
                return answer
    return unclear("gpu_unknown", {}, ["gpu.devices", build.row_id])


def _one_gpu(facts: Facts, matrix: Matrix, build: Build, device: Dict[str, Any]) -> Fit:
    capability = str(device["compute_capability"])
    says = machine.driver_cuda(facts) or _documented_cuda(facts, matrix)
    verdict = matrix.gpu_supported(build, capability, says)
    values = {
        "gpu": device["name"] or machine.gpu_name(facts),
        "capability": capability,
        "code": ", ".join(code.replace("_", " ") for code in build.gpu_code),
        "cuda": build.cuda_build or build.cuda,
        "driver_cuda": says,
    }
    evidence = ["gpu.devices"] + list(verdict.rows)
    row = matrix.gpu(capability)
    # PTX of the provider compiles for a newer GPU; cuBLAS and cuDNN of an older CUDA major have no code for it.
    if (
        row is not None
        and row.first_cuda
        and version_tuple(build.cuda)[:1] < version_tuple(row.first_cuda)[:1]
    ):
        if build.cuda and verdict.why != "sass":
            return no("gpu_libraries", dict(values, first_cuda=row.first_cuda, cuda=build.cuda), evidence)
    if verdict.value == COMPATIBLE:
        return yes(verdict.why, values, evidence)
    if verdict.value == INCOMPATIBLE:
        return no("gpu_driver" if verdict.why == "ptx-driver-older" else "gpu_code", values, evidence)
    return unclear("gpu_unknown", values, evidence)


def _documented_cuda(facts: Facts, matrix: Matrix) -> Optional[str]:
    """Return the CUDA that documents give the driver, where it was not asked itself."""
    newest = matrix.newest_cuda_for_driver(facts.text("gpu.driver_version") or "", machine.driver_os(facts))
    return newest.cuda if newest else None


def on_loader_path(facts: Facts, sonames: List[str]) -> Optional[bool]:
    """Return whether the loader finds every one of ``sonames`` now."""
    if not facts.known("cuda.libraries"):
        return None
    found = {row["soname"] for row in facts.records("cuda.libraries") if row["loader"]}
    return bool(sonames) and {name.lower() for name in sonames} <= {str(name).lower() for name in found}
