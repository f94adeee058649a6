"""The solver: which release of ONNX Runtime fits this machine, what it needs beside it, and why not a newer one."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ortdoctor.diagnose import fits, installed, machine, remedies, supply
from ortdoctor.diagnose.facts import FOUND, Facts, version_tuple
from ortdoctor.diagnose.fits import Fit
from ortdoctor.diagnose.matrix import Matrix, normal_name
from ortdoctor.diagnose.matrix_rows import Build
from ortdoctor.diagnose.versions import parse

GPU_DISTRIBUTION = "onnxruntime-gpu"
CPU_DISTRIBUTION = "onnxruntime"

#: onnxruntime.preload_dlls() exists from here on (python_api row).
FIRST_PRELOAD = (1, 21)


class Reason(NamedTuple):
    """A code that report/words.py has words for, what fills them, and the facts and rows behind it."""

    code: str
    values: Dict[str, Any]
    evidence: List[str]


class Rejected(NamedTuple):
    """A build that does not fit, and the first thing that stands in the way."""

    distribution: str
    version: str
    reason: Reason


class Plan(NamedTuple):
    """What to install. ``kind`` is ``"gpu"``, ``"cpu"`` or ``"none"``; then ``version`` is None.

    ``supply`` are the requirements that bring CUDA and cuDNN; ``loader`` says how the program reaches them:
    ``"preload"`` (call ``preload_dlls()``), ``"path"`` (the loader's search path), or ``""`` (found already).
    ``commands`` bring the environment there from what is in it, ``fresh`` from one without any onnxruntime.
    """

    kind: str
    distribution: str
    version: Optional[str]
    build: Optional[Build]
    supply: List[str]
    loader: str
    commands: List[str]
    fresh: List[str]
    because: List[Reason]
    rejected: List[Rejected]


def plan(facts: Facts, matrix: Matrix) -> Plan:
    """Return the newest release that fits the machine: a GPU build where the GPU can be used, else the CPU one."""
    gpu, why = wants_gpu(facts)
    rejected: List[Rejected] = []
    if gpu:
        chosen, reasons, rejected = _choose(facts, matrix, GPU_DISTRIBUTION)
        if chosen is not None:
            return _gpu_plan(facts, chosen, [why] + reasons, rejected)
    return _cpu_plan(facts, matrix, why, rejected)


def again(facts: Facts, matrix: Matrix) -> Optional[Plan]:
    """Return the plan that puts back the installed release of the package that fits, or None where it does not.

    Somebody chose that release: what only lost its files, or shares its folder, is cured without a new one.
    """
    gpu, why = wants_gpu(facts)
    wanted = GPU_DISTRIBUTION if gpu else CPU_DISTRIBUTION
    for row in installed.distributions(facts):
        version = str(row["version"])
        if normal_name(str(row["name"])) != wanted:
            continue
        build = matrix.build(wanted, version, machine.os_of(facts), machine.arch_of(facts))
        if build is None or build.version != version:
            return None
        answers = _questions(facts, matrix, build)
        if any(answer.ok is False and answer.reason != "pip" for answer in answers):
            return None
        because = [why] + [Reason(*answer[1:]) for answer in answers]
        return _gpu_plan(facts, build, because, []) if gpu else _of_cpu(facts, build, because, [])
    return None


def wants_gpu(facts: Facts) -> Tuple[bool, Reason]:
    """Return whether a GPU build makes sense here, and why or why not."""
    driver = machine.has_driver(facts)
    evidence = list(machine.DRIVER_FACTS)
    if driver is None:
        return False, Reason("driver_not_known", {}, evidence)
    if not driver:
        return False, Reason("no_driver", {}, evidence)
    values = {"gpu": machine.gpu_name(facts), "driver": facts.text("gpu.driver_version")}
    return True, Reason("has_gpu", values, evidence + ["gpu.devices"])


def _choose(
    facts: Facts, matrix: Matrix, distribution: str
) -> Tuple[Optional[Build], List[Reason], List[Rejected]]:
    """Return the newest build that nothing speaks against, what speaks for it, and the newer ones with reasons."""
    rejected: List[Rejected] = []
    for build in reversed(matrix.builds(distribution, os=machine.os_of(facts), arch=machine.arch_of(facts))):
        if build.availability == "never" or not parse(build.version).plain:
            continue
        answers = _questions(facts, matrix, build)
        against = [answer for answer in answers if answer.ok is False and answer.reason != "pip"]
        if not against:
            return build, [Reason(*answer[1:]) for answer in answers], rejected
        rejected.append(Rejected(build.distribution, build.version, Reason(*against[0][1:])))
    return None, [], rejected


def _questions(facts: Facts, matrix: Matrix, build: Build) -> List[Fit]:
    """Ask everything of one build; what cannot be changed comes first, so that it is the reason that is told."""
    answers = [_channel(facts, matrix, build), fits.python(facts, build), fits.platform(facts, build)]
    if build.distribution == GPU_DISTRIBUTION:
        answers.append(fits.gpu(facts, matrix, build))
        if not machine.is_jetson(facts):
            answers.append(fits.driver(facts, matrix, build.cuda))
            answers.append(_supplied(facts, build))
    answers.append(_available(build))
    return answers


def _channel(facts: Facts, matrix: Matrix, build: Build) -> Fit:
    """Say whether the build is made for such a machine: a Jetson takes the wheels for its JetPack, and only it does."""
    evidence = ["system.jetson", build.row_id]
    if machine.is_jetson(facts) and build.distribution == GPU_DISTRIBUTION:
        match = matrix.jetpack_of(facts.record("system.jetson")["l4t"])
        jetpack = match.jetpack.jetpack if match else None
        values = {"jetpack": jetpack, "built_for": ", ".join(build.jetpack)}
        return Fit(build.availability == "jetson" and jetpack in build.jetpack, "jetpack", values, evidence)
    return Fit(build.availability != "jetson", "not_jetson", {}, evidence)


def _supplied(facts: Facts, build: Build) -> Fit:
    values = {"cuda": build.cuda, "cudnn": build.cudnn}
    here = fits.on_loader_path(facts, list(build.sonames)) or fits.toolkit_here(facts, build)
    return Fit(
        bool(here) or supply.for_build(build) is not None, "supply", values, ["cuda.libraries", build.row_id]
    )


def _available(build: Build) -> Fit:
    values = {"where": build.where, "cuda": build.cuda}
    return Fit(
        build.availability in ("index", "jetson"),
        build.availability.replace("-", "_"),
        values,
        [build.row_id],
    )


def _gpu_plan(facts: Facts, build: Build, because: List[Reason], rejected: List[Rejected]) -> Plan:
    jetson = build.availability == "jetson"
    wheels = (
        [] if jetson or fits.on_loader_path(facts, list(build.sonames)) else supply.for_build(build) or []
    )
    loader = ("preload" if version_tuple(build.version) >= FIRST_PRELOAD else "path") if wheels else ""
    after = remedies.loader_path(facts) if loader else []
    commands, fresh = (
        _commands(facts, build, wheels, gone) + after for gone in (_in_the_way(facts, build), [])
    )
    return Plan(
        "gpu", build.distribution, build.version, build, wheels, loader, commands, fresh, because, rejected
    )


def _cpu_plan(facts: Facts, matrix: Matrix, why: Reason, rejected: List[Rejected]) -> Plan:
    build, reasons, refused = _choose(facts, matrix, CPU_DISTRIBUTION)
    if why.code == "has_gpu":
        why = Reason("no_gpu_build", why.values, why.evidence)
    because, rejected = [why] + reasons, rejected + refused
    if build is None:
        return Plan("none", CPU_DISTRIBUTION, None, None, [], "", [], [], because, rejected)
    return _of_cpu(facts, build, because, rejected)


def _of_cpu(facts: Facts, build: Build, because: List[Reason], rejected: List[Rejected]) -> Plan:
    commands, fresh = (_commands(facts, build, [], gone) for gone in (_in_the_way(facts, build), []))
    return Plan("cpu", build.distribution, build.version, build, [], "", commands, fresh, because, rejected)


def _in_the_way(facts: Facts, build: Build) -> List[str]:
    """Return what to remove first: all, where there is another one, whose removal takes shared files with it."""
    names = [row["name"] for row in installed.distributions(facts)]
    return names if any(name != build.distribution for name in names) else []


def _commands(facts: Facts, build: Build, wheels: List[str], uninstall: List[str]) -> List[str]:
    """Return the commands that leave ``build`` as the only distribution in the shared folder."""
    requirements = ["%s==%s" % (build.distribution, build.version)]
    fetch: List[str] = []
    if build.availability == "jetson":
        wheel = _wheel_name(facts, build)
        requirements, fetch = [wheel], remedies.download(facts, build.where, wheel)
    if build.numpy and _has_numpy_2(facts):
        requirements.append("numpy" + build.numpy)
    upgrade = fits.platform(facts, build).reason == "pip"
    return fetch + remedies.install(facts, requirements + wheels, uninstall=uninstall, upgrade_pip=upgrade)


def _wheel_name(facts: Facts, build: Build) -> str:
    """Return the name that a Jetson wheel needs: pip reads its tags, and the file server gives it another name."""
    tag = machine.python_tag(facts) or ""
    abi = tag + "m" if tag in ("cp35", "cp36", "cp37") else tag
    return "%s-%s-%s-%s-linux_aarch64.whl" % (build.distribution.replace("-", "_"), build.version, tag, abi)


def _has_numpy_2(facts: Facts) -> bool:
    """Python 3.9 and later offer NumPy 2 to a fresh install; earlier ones cannot have it."""
    if facts.state("python.packages") == FOUND and "numpy" in facts.record("python.packages"):
        return version_tuple(facts.record("python.packages")["numpy"]) >= (2,)
    return version_tuple(facts.text("python.version")) >= (3, 9)
