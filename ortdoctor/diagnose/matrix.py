"""The compatibility matrix: what is known of ONNX Runtime releases, drivers, GPUs and JetPack, with evidence.

It is built from the parsed files under compat/ and does no I/O. Versions, compute capabilities and CUDA
versions are strings as facts carry them (``"1.22.0"``, ``"8.6"``, ``"12.8"``); ``os`` is ``"linux"`` or
``"windows"``, ``arch`` is ``"x86_64"`` or ``"aarch64"``. Under WSL the driver is the one of Windows: ask with
``os="windows"``. On a Jetson the driver comes with L4T: ask :meth:`Matrix.jetpack_of` instead of the drivers.
"""

import re
from typing import Any, Dict, List, Optional

from ortdoctor.diagnose.matrix_answers import (
    CANNOT_TELL,
    COMPATIBLE,
    INCOMPATIBLE,
    DriverFloor,
    JetPackMatch,
    Limits,
    NewestCuda,
    ReleaseMatch,
    Verdict,
    judge_gpu,
)
from ortdoctor.diagnose.matrix_drivers import DriverTable
from ortdoctor.diagnose.matrix_invariants import check as check_invariants
from ortdoctor.diagnose.matrix_register import Register
from ortdoctor.diagnose.matrix_rows import (
    AVAILABILITIES,
    Build,
    Conflict,
    Distribution,
    Driver,
    Gpu,
    JetPack,
    MatrixDataError,
    PythonApi,
    Release,
    rows_of,
)
from ortdoctor.diagnose.versions import Version, numbers, parse

__all__ = ["STEMS", "UNTYPED", "Matrix", "MatrixDataError", "normal_name"]

#: The files that this class reads; others (causes, targets) are checked for evidence and kept as they are.
STEMS = ("releases", "builds", "drivers", "gpus", "jetpack", "distributions", "python_api", "conflicts")

#: Files whose rows rules ask for as they are, by :meth:`Matrix.raw`: families of causes, who brings a library.
UNTYPED = ("causes", "libraries")


class Matrix(Register):
    """Typed rows and the questions that rules ask of them.

    ``files`` maps a file's stem (``"builds"``) to its parsed JSON. A row without evidence, an unknown kind,
    confidence, availability or field, two rows of one id, and data that contradict themselves (see
    :mod:`ortdoctor.diagnose.matrix_invariants`) raise :class:`MatrixDataError`.
    """

    def __init__(self, files: Dict[str, Any]) -> None:
        super().__init__()
        missing = sorted(set(STEMS) - set(files))
        if missing:
            raise MatrixDataError("the matrix needs the files %s; missing: %s" % (", ".join(STEMS), ", ".join(missing)))
        drivers = files["drivers"]
        if not isinstance(drivers, dict) or set(drivers) != {"toolkits", "minor_version"}:
            raise MatrixDataError("drivers: expected an object with the lists toolkits and minor_version")
        toolkits = self._read(Driver, "drivers", drivers["toolkits"], "{cuda}-{update}")
        minor_version = self._read(Driver, "drivers", drivers["minor_version"], "{cuda_major}.x")
        self._drivers = DriverTable(toolkits, minor_version)
        self._releases = sorted(self._read(Release, "releases", files["releases"], "{version}"), key=_version_of)
        self._builds = self._read(Build, "builds", files["builds"], "{id}")
        gpus = self._read(Gpu, "gpus", files["gpus"], "{compute_capability}")
        self._gpus = {row.compute_capability: row for row in gpus}
        self._jetpacks = self._read(JetPack, "jetpack", files["jetpack"], "{jetpack}")
        self._distributions = self._read(Distribution, "distributions", files["distributions"], "{name}{versions}")
        self._python_api = self._read(PythonApi, "python_api", files["python_api"], "{api}@{first_version}")
        self._conflicts = self._read(Conflict, "conflicts", files["conflicts"], "{topic}")
        for build in self._builds:
            if build.availability not in AVAILABILITIES:
                raise MatrixDataError("%s: unknown availability %r" % (build.row_id, build.availability))
        check_invariants(self._releases, self._builds, toolkits)
        for stem in sorted(set(files) - set(STEMS)):
            for raw in rows_of(stem, files[stem]):
                self._register("%s:%s" % (stem, raw.get("id")), raw)

    # Releases

    def releases(self) -> List[Release]:
        """Return every known release, oldest first."""
        return list(self._releases)

    def release(self, version: str) -> Optional[ReleaseMatch]:
        """Return the row of ``version``, or the nearest known one, not ``exact``; None for unreadable text.

        A local, post or dev suffix, and a release that is not in the matrix, take the nearest release that is
        not newer within the same minor, else the oldest of that minor, else the nearest older one.
        """
        try:
            wanted = parse(version)
        except ValueError:
            return None
        same = [row for row in self._releases if parse(row.version) == wanted]
        if same:
            return ReleaseMatch(same[0], exact=True)
        minor = [row for row in self._releases if parse(row.version).release[:2] == (wanted.release + (0,))[:2]]
        older = [row for row in minor if parse(row.version).release <= wanted.release]
        before = [row for row in self._releases if parse(row.version) < wanted]
        nearest = older[-1:] or minor[:1] or before[-1:] or self._releases[:1]
        return ReleaseMatch(nearest[0], exact=False) if nearest else None

    def limits(self, version: str) -> Optional[Limits]:
        """Return the newest opset and IR version that ``version`` loads; None for unreadable text."""
        match = self.release(version)
        if match is None:
            return None
        row = match.release
        return Limits(row.opset, row.ir, row.ml_opset, row.enforced, match.exact, row.row_id)

    def loads(self, version: str, opset: int, ir: int, ml_opset: Optional[int] = None) -> Verdict:
        """Say whether ``version`` loads a model of this opset, IR version and ``ai.onnx.ml`` opset.

        ``why``: ``within`` | ``opset`` | ``ir`` | ``ml-opset`` (too new) | ``not-enforced`` (it loads,
        beyond what its documents promise, and may compute wrongly: cannot tell) | ``version-unknown``.
        """
        limits = self.limits(version)
        if limits is None:
            return Verdict(CANNOT_TELL, "version-unknown")
        beyond = [
            name
            for name, wanted, newest in (
                ("opset", opset, limits.opset),
                ("ir", ir, limits.ir),
                ("ml-opset", ml_opset, limits.ml_opset),
            )
            if wanted is not None and newest is not None and wanted > newest
        ]
        rows = (limits.row_id,)
        if not limits.exact:
            return Verdict(CANNOT_TELL, "version-unknown", rows)
        if not beyond:
            return Verdict(COMPATIBLE, "within", rows)
        return Verdict(INCOMPATIBLE, beyond[0], rows) if limits.enforced else Verdict(CANNOT_TELL, "not-enforced", rows)

    def releases_for(self, opset: int, ir: int, ml_opset: Optional[int] = None) -> List[Release]:
        """Return the releases whose documents or measurements promise to load such a model, oldest first."""
        return [row for row in self._releases if self.loads(row.version, opset, ir, ml_opset).value == COMPATIBLE]

    # Builds

    def builds(
        self,
        distribution: Optional[str] = None,
        version: Optional[str] = None,
        os: Optional[str] = None,
        arch: Optional[str] = None,
    ) -> List[Build]:
        """Return the builds that match what is given, oldest first, those on the index before others."""
        try:
            wanted = parse(version) if version is not None else None
        except ValueError:
            return []
        name = None if distribution is None else normal_name(distribution)
        rows = [
            row
            for row in self._builds
            if (name is None or row.distribution == name)
            and (wanted is None or parse(row.version) == wanted)
            and (os is None or row.os == os)
            and (arch is None or row.arch == arch)
        ]
        return sorted(rows, key=lambda row: (parse(row.version), AVAILABILITIES.index(row.availability), row.id))

    def build(self, distribution: str, version: str, os: str, arch: str) -> Optional[Build]:
        """Return the build that a plain ``pip install`` gives or gave; None where the matrix has none.

        A build of an extra index or of a Jetson is found by :meth:`builds` and told apart by its ``channel``.
        """
        found = [
            row for row in self.builds(distribution, version, os, arch) if row.availability in ("index", "removed")
        ]
        return found[0] if found else None

    def cuda_of(self, distribution: str, version: str, os: str, arch: str) -> Optional[str]:
        """Return the CUDA that the build links: before 11 exactly this, from 11 on any of its major."""
        build = self.build(distribution, version, os, arch)
        return build.cuda if build else None

    # Drivers

    def driver_floor(self, cuda: str, os: str) -> Optional[DriverFloor]:
        """Return the oldest driver for software built with ``cuda``; None where no document says.

        From CUDA 11 on it is the floor of the major (minor-version compatibility), before the toolkit's own.
        """
        return self._drivers.floor(cuda, os)

    def driver_supports(self, driver_version: str, cuda: str, os: str) -> Verdict:
        """Say whether a driver runs software built with ``cuda``: machine code; for PTX see gpu_supported.

        ``why``: ``minor-version`` | ``toolkit`` (new enough by that rule) | ``older`` | ``major-unclear``
        (new enough for some toolkit of the major only) | ``no-row`` | ``unreadable``.
        """
        return self._drivers.supports(driver_version, cuda, os)

    def newest_cuda_for_driver(self, driver_version: str, os: str) -> Optional[NewestCuda]:
        """Return the newest CUDA that documents give a driver; None for one older than all or unreadable."""
        return self._drivers.newest_cuda(driver_version, os)

    # GPUs and JetPack

    def gpu(self, compute_capability: str) -> Optional[Gpu]:
        """Return the row of a compute capability such as ``"8.6"``."""
        return self._gpus.get(compute_capability)

    def gpu_supported(self, build: Build, compute_capability: str, driver_cuda: Optional[str] = None) -> Verdict:
        """Say whether ``build`` holds code for the device; ``driver_cuda`` is the newest CUDA of the driver.

        ``why``: ``sass`` (machine code) | ``ptx`` (the driver compiles it: a slow first start) |
        ``no-code`` | ``ptx-driver-older`` | ``ptx-driver-unknown`` | ``ptx-toolkit-unknown`` |
        ``sass-across-tegra`` | ``capability-dropped`` (its toolkit makes no such code any more) |
        ``gpu-newer-than-toolkit`` | ``code-unknown`` | ``capability-unreadable``.
        """
        return judge_gpu(build, compute_capability, self._gpus, driver_cuda)

    def jetpacks(self) -> List[JetPack]:
        """Return every JetPack release in the order of the file."""
        return list(self._jetpacks)

    def jetpack_of(self, l4t: str) -> Optional[JetPackMatch]:
        """Return the JetPack of an L4T release (``"32.7.1"``), or the nearest of its major, not ``exact``."""
        try:
            wanted = numbers(l4t)
        except ValueError:
            return None
        known = sorted(((numbers(name), row) for row in self._jetpacks for name in row.l4t), key=lambda pair: pair[0])
        for number, row in known:
            if number == wanted:
                return JetPackMatch(row, exact=True)
        branch = [(number, row) for number, row in known if number[0] == wanted[0]]
        older = [row for number, row in branch if number < wanted]
        nearest = older[-1:] or [row for _, row in branch[:1]]
        return JetPackMatch(nearest[0], exact=False) if nearest else None

    # Distributions, Python API, conflicts

    def owners(self) -> List[Distribution]:
        """Return the distributions that install into the shared folder ``onnxruntime/``."""
        return [row for row in self._distributions if row.conflicts]

    def distributions(self, name: str) -> List[Distribution]:
        """Return the rows of a distribution, whatever its spelling; several where its folder changed."""
        return [row for row in self._distributions if row.name == normal_name(name)]

    def python_api(self, api: str) -> List[PythonApi]:
        """Return the rows of a call or behaviour, oldest first; empty where the matrix does not know it."""
        return sorted((row for row in self._python_api if row.api == api), key=lambda row: parse(row.first_version))

    def conflicts(self) -> List[Conflict]:
        """Return where sources disagree."""
        return list(self._conflicts)


def normal_name(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _version_of(row: Release) -> Version:
    return parse(row.version)
