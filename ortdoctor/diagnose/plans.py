"""The solver: which releases of ONNX Runtime fit this machine, what they need beside them, and why not others."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ortdoctor.diagnose import installed, machine, plans_install, plans_unlock
from ortdoctor.diagnose.facts import FOUND, Facts, version_tuple
from ortdoctor.diagnose.fits import Fit
from ortdoctor.diagnose.matrix import Matrix, normal_name
from ortdoctor.diagnose.matrix_rows import Build
from ortdoctor.diagnose.plans_model import ModelFit, ModelNeeds, model_fit
from ortdoctor.diagnose.plans_options import CPU_DISTRIBUTION, GPU_DISTRIBUTION, Option, of_build, options
from ortdoctor.diagnose.plans_rank import confidence, leaves_driver_open, ranked, source_order
from ortdoctor.diagnose.plans_unlock import Unlock
from ortdoctor.diagnose.plans_ways import FIRST_PRELOAD

__all__ = [
    "CPU_DISTRIBUTION",
    "FIRST_PRELOAD",
    "GPU_DISTRIBUTION",
    "Plan",
    "Ranked",
    "Reason",
    "Recommendation",
    "Rejected",
    "again",
    "plan",
    "recommend",
]


_HAS_GPU = ("has_gpu", "has_gpu_only", "has_jetson")


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
    build: Build


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


class Ranked(NamedTuple):
    """One plan in its place; ``source`` is the build's availability, ``supply`` a kind of plans_ways.KINDS.

    ``unclear`` is what the facts leave open; ``confidence`` is that of the matrix rows.
    """

    rank: int
    plan: Plan
    source: str
    supply: str
    requirements: List[str]
    max_opset: Optional[int]
    max_ir: Optional[int]
    model: Optional[ModelFit]
    unclear: List[Reason]
    evidence: List[str]
    confidence: str


class Recommendation(NamedTuple):
    """Every plan that fits, the best first; every other wheel with its reason; what would allow a better one.

    GPU builds are all there, of the CPU package only the newest that fits.
    """

    plans: List[Ranked]
    rejected: List[Rejected]
    unlocks: List[Unlock]


def recommend(facts: Facts, matrix: Matrix, model: Optional[ModelNeeds] = None) -> Recommendation:
    """Return what fits a machine; a fact that is missing leaves a plan open and refuses none."""
    gpu, why = wants_gpu(facts)
    driver = machine.has_driver(facts)
    offered = options(facts, matrix, GPU_DISTRIBUTION)
    usable = [option for option in offered if option.runs and _is_described(option)] if driver is not False else []
    # What nobody offers any more is an answer only where nothing else brings the GPU to work for certain.
    easy = [option for option in usable if source_order(option.build) == 0 and not option.way.changes_system]
    certain = any(not leaves_driver_open(option) for option in easy)
    usable = [option for option in usable if not (easy and _is_a_burden(option, certain=certain))]
    cpu = options(facts, matrix, CPU_DISTRIBUTION)
    fallback = [option for option in cpu if option.ready][:1]
    # A toolkit on a box whose driver could not be asked says what it was bought for.
    if gpu and not usable:
        why = _no_build(why)
    gpu_first = gpu or (driver is None and facts.state("cuda.toolkits") == FOUND)
    order = ranked(usable + fallback, matrix, gpu_first=gpu_first, model=model)
    kept = {option.build.row_id for option in order}
    rejected = [_rejected(option, why if driver is False else None) for option in _each_build(offered, kept)]
    rejected += [_rejected(option, None) for option in _each_build(cpu, kept) if option.against]
    plans = [
        _ranked(facts, matrix, option, rank=rank, why=why, model=model)
        for rank, option in enumerate(order, start=1)
    ]
    # A card without its driver is told which driver would do; a machine without a card is not.
    promising = offered if driver is not False or machine.has_nvidia_gpu(facts) else []
    return Recommendation(plans, rejected, plans_unlock.unlocks(promising, order[0] if order else None))


def plan(facts: Facts, matrix: Matrix) -> Plan:
    """Return the best plan that its commands carry out: a GPU build where the GPU can be used, else the CPU one."""
    gpu, why = wants_gpu(facts)
    rejected: List[Rejected] = []
    if gpu:
        offered = options(facts, matrix, GPU_DISTRIBUTION)
        best = ranked([option for option in offered if option.ready], matrix, gpu_first=True)[:1]
        rejected = _refused(offered, best)
        if best:
            return _plan(facts, best[0], [why] + _reasons(best[0]), rejected)
        why = _no_build(why)
    offered = options(facts, matrix, CPU_DISTRIBUTION)
    best = ranked([option for option in offered if option.ready], matrix, gpu_first=False)[:1]
    rejected = rejected + _refused(offered, best)
    if best:
        return _plan(facts, best[0], [why] + _reasons(best[0]), rejected)
    return Plan("none", CPU_DISTRIBUTION, None, None, [], "", [], [], [why], rejected)


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
        fitting = [option for option in of_build(facts, matrix, build) if option.ready]
        return _plan(facts, fitting[0], [why] + _reasons(fitting[0]), []) if fitting else None
    return None


def wants_gpu(facts: Facts) -> Tuple[bool, Reason]:
    """Return whether a GPU build makes sense here, and why or why not."""
    driver = machine.has_driver(facts)
    evidence = list(machine.DRIVER_FACTS)
    if driver is None:
        return False, Reason("driver_not_known", {}, evidence)
    if not driver:
        return False, Reason("no_driver", {}, evidence)
    version = facts.text("gpu.driver_version")
    values = {"gpu": machine.gpu_name(facts) or "an NVIDIA GPU", "driver": version}
    code = "has_jetson" if machine.is_jetson(facts) else "has_gpu" if version else "has_gpu_only"
    return True, Reason(code, values, evidence + ["gpu.devices"])


def _no_build(why: Reason) -> Reason:
    """Return the reason that nothing fits the GPU; the driver is told where it is one that can be changed."""
    return why._replace(code="no_gpu_build" if why.code == "has_gpu" else "no_gpu_build_for")


def _plan(facts: Facts, option: Option, because: List[Reason], rejected: List[Rejected]) -> Plan:
    build, way = option.build, option.way
    kind = "gpu" if build.distribution == GPU_DISTRIBUTION else "cpu"
    commands, fresh = (
        plans_install.commands(facts, build, way, gone) for gone in (plans_install.in_the_way(facts, build), [])
    )
    return Plan(
        kind,
        build.distribution,
        build.version,
        build,
        way.requirements,
        way.loader,
        commands,
        fresh,
        because,
        rejected,
    )


def _ranked(
    facts: Facts, matrix: Matrix, option: Option, *, rank: int, why: Reason, model: Optional[ModelNeeds]
) -> Ranked:
    build = option.build
    because = _because(facts, why, option)
    limits = matrix.limits(build.version)
    unclear = [_reason(answer) for answer in option.unclear] + ([why] if why.code == "driver_not_known" else [])
    rows = [key for answer in option.answers for key in answer.evidence] + ([limits.row_id] if limits else [])
    return Ranked(
        rank,
        _plan(facts, option, because, []),
        build.availability,
        option.way.kind,
        plans_install.requirements(facts, build, option.way),
        limits.opset if limits else None,
        limits.ir if limits else None,
        model_fit(matrix, build.version, model),
        unclear,
        list(dict.fromkeys(rows)),
        confidence(matrix, build),
    )


def _because(facts: Facts, why: Reason, option: Option) -> List[Reason]:
    """Return what speaks for an option, and what a person has to know of where it comes from."""
    *machine_says, source = option.answers
    reasons = [] if why.code == "driver_not_known" else [why]
    if why.code in (*_HAS_GPU, "driver_not_known") and option.build.distribution == CPU_DISTRIBUTION:
        reasons = [Reason("beside_gpu", {}, [])]
    reasons += _toolkit_differs(facts, option)
    for answer in machine_says:
        if answer.ok or answer.reason == "pip":
            reasons.append(_reason(answer))
        elif answer is option.way.fit and answer.ok is False:
            reasons.append(_reason(answer)._replace(code="install_" + answer.reason))
    if plans_install.is_page_only(option.build):
        source = source._replace(reason="page")
    values = dict(source.values, variable=plans_install.index_variable(option.build))
    return reasons + [_reason(source)._replace(values=values)]


def _toolkit_differs(facts: Facts, option: Option) -> List[Reason]:
    """Say that the driver decides where another toolkit is installed than the one that the build links."""
    rows = facts.records("cuda.toolkits") + facts.records("cuda.nvcc")
    there = [row["cuda"] for row in rows if version_tuple(row["cuda"])]
    majors = {version_tuple(cuda)[:1] for cuda in there}
    if not there or option.way.kind not in ("wheels", "torch") or version_tuple(option.build.cuda)[:1] in majors:
        return []
    values = {"toolkit": there[0], "cuda": option.build.cuda}
    return [Reason("toolkit_differs", values, ["cuda.toolkits", "cuda.nvcc", option.build.row_id])]


def _is_described(option: Option) -> bool:
    """Return whether enough is known: a wheel that is gone, with tags that nobody knows, is no answer."""
    return bool(option.build.python) or option.build.availability != "removed"


def _is_a_burden(option: Option, *, certain: bool) -> bool:
    installed_already = option.way.kind in ("found", "toolkit")
    removed = option.build.availability == "removed"
    return option.way.changes_system or (removed and (certain or not installed_already))


def _each_build(offered: List[Option], kept: Any) -> List[Option]:
    """Return one option for each build that is not among the plans."""
    rows: Dict[str, Option] = {}
    for option in offered:
        if option.build.row_id not in kept:
            rows.setdefault(option.build.row_id, option)
    return list(rows.values())


def _rejected(option: Option, instead: Optional[Reason]) -> Rejected:
    # What runs only after a toolkit is installed is no plan where others need no such thing.
    against = option.against or [option.way.fit._replace(reason="supply")]
    reason = instead or _reason(against[0])
    return Rejected(option.build.distribution, option.build.version, reason, option.build)


def _refused(offered: List[Option], best: List[Option]) -> List[Rejected]:
    """Return the builds newer than the best one with what speaks against them."""
    rows: List[Rejected] = []
    for option in _each_build(offered, ()):
        if best and option.build is best[0].build:
            break
        if option.against:
            rows.append(_rejected(option, None))
    return rows


def _reasons(option: Option) -> List[Reason]:
    return [_reason(answer) for answer in option.answers]


def _reason(answer: Fit) -> Reason:
    return Reason(answer.reason, answer.values, answer.evidence)
