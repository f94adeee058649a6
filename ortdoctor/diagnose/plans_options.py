"""Every wheel with every way to supply its libraries, and what the machine says to each."""

from typing import List, NamedTuple, Tuple

from ortdoctor.diagnose import fits, machine
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.fits import Fit
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_rows import Build
from ortdoctor.diagnose.plans_ways import Way, nothing, ways
from ortdoctor.diagnose.versions import parse

GPU_DISTRIBUTION = "onnxruntime-gpu"
CPU_DISTRIBUTION = "onnxruntime"

#: Why a build is rejected: the fixed vocabulary of ``rejected[].reason``.
REJECTIONS = (
    "archive",
    "bits",
    "cudnn",
    "driver",
    "extra_index",
    "glibc",
    "gpu_code",
    "gpu_driver",
    "gpu_libraries",
    "jetpack",
    "musl",
    "no_driver",
    "not_jetson",
    "platform",
    "python",
    "removed",
    "supply",
)

#: What stands between a person and the wheel, not between the wheel and the machine.
SOURCES = ("removed", "extra_index", "archive")


class Option(NamedTuple):
    """A build and one way to supply its libraries; ``answers`` are ordered: what cannot be changed comes first."""

    build: Build
    way: Way
    answers: Tuple[Fit, ...]

    @property
    def against(self) -> List[Fit]:
        """What speaks against it; pip can be upgraded, and does not count."""
        return [answer for answer in self.answers if answer.ok is False and answer.reason != "pip"]

    @property
    def runs(self) -> bool:
        """Whether it would run here once the wheel, and where it has to be the toolkit, are there."""
        hard = [answer for answer in self.against if answer.reason not in SOURCES]
        return not hard or (self.way.changes_system and hard == [self.way.fit])

    @property
    def unclear(self) -> List[Fit]:
        """What the facts leave open."""
        return [answer for answer in self.answers if answer.ok is None]

    @property
    def ready(self) -> bool:
        """Whether nothing at all speaks against it: pip can install it and it runs."""
        return not self.against


def options(facts: Facts, matrix: Matrix, distribution: str) -> List[Option]:
    """Return every option of a distribution, the newest release first; a system that is not known has them all."""
    system, arch = machine.os_of(facts) or None, machine.arch_of(facts) or None
    builds = list(reversed(matrix.builds(distribution, os=system, arch=arch)))
    if system is None or arch is None:
        # Of one release the commonest platform comes first: both sorts are stable.
        builds.sort(key=lambda build: (build.os != "linux", build.arch != "x86_64"))
        builds.sort(key=lambda build: parse(build.version), reverse=True)
    return [
        option
        for build in builds
        if build.availability != "never" and parse(build.version).plain
        for option in of_build(facts, matrix, build)
    ]


def of_build(facts: Facts, matrix: Matrix, build: Build) -> List[Option]:
    """Return one option for each way to supply the libraries of a build."""
    before = [_channel(facts, matrix, build), fits.python(facts, build), fits.platform(facts, build)]
    last = _available(build)
    if build.distribution != GPU_DISTRIBUTION:
        return [Option(build, nothing(), tuple(before + [last]))]
    before.append(_gpu(facts, matrix, build))
    if not machine.is_jetson(facts):
        before.append(fits.driver(facts, matrix, build.cuda))
    return [Option(build, way, tuple(before + [way.fit, last])) for way in ways(facts, build)]


def _gpu(facts: Facts, matrix: Matrix, build: Build) -> Fit:
    """Say whether the build holds code for the GPU.

    Where its files were not read, a GPU that the index's build of the same release leaves out is left out here, too:
    both are made by one build script with one list of architectures. The reverse is not promised.
    """
    twin = None
    if not build.gpu_code and build.availability == "extra-index" and not build.jetpack:
        twin = matrix.build(build.distribution, build.version, build.os, build.arch)
    if twin is not None and twin.gpu_code:
        answer = fits.gpu(facts, matrix, build._replace(gpu_code=twin.gpu_code))
        if answer.reason == "gpu_code":
            return answer._replace(evidence=answer.evidence + [twin.row_id])
    return fits.gpu(facts, matrix, build)


def _channel(facts: Facts, matrix: Matrix, build: Build) -> Fit:
    """Say whether the build is made for such a machine: a Jetson takes the wheels for its JetPack, and only it does."""
    evidence = ["system.jetson", build.row_id]
    if machine.is_jetson(facts) and build.distribution == GPU_DISTRIBUTION:
        match = matrix.jetpack_of(facts.record("system.jetson")["l4t"] or "")
        jetpack = match.jetpack.jetpack if match else None
        values = {"jetpack": jetpack, "built_for": ", ".join(build.jetpack)}
        return Fit(bool(build.jetpack) and jetpack in build.jetpack, "jetpack", values, evidence)
    return Fit(not build.jetpack and build.availability != "jetson", "not_jetson", {}, evidence)


def _available(build: Build) -> Fit:
    values = {"where": build.where, "cuda": build.cuda, "channel": build.channel}
    return Fit(
        build.availability in ("index", "jetson"),
        build.availability.replace("-", "_"),
        values,
        [build.row_id],
    )
