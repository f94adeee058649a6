"""What the matrix answers with, and the judgement of GPU code; an answer names the rows it rests on."""

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from ortdoctor.diagnose.matrix_rows import Build, Gpu, JetPack, Release
from ortdoctor.diagnose.versions import major_minor, numbers

COMPATIBLE = "compatible"
INCOMPATIBLE = "incompatible"
CANNOT_TELL = "cannot_tell"


class Verdict(NamedTuple):
    """One of the three values, the matrix rows behind it, and ``why`` as a code (the query lists its own)."""

    value: str
    why: str
    rows: Tuple[str, ...] = ()


class ReleaseMatch(NamedTuple):
    """A release and whether it is the very version that was asked for, or the nearest known one."""

    release: Release
    exact: bool


class JetPackMatch(NamedTuple):
    """A JetPack release and whether it is on the very L4T that was asked for, or the nearest known one."""

    jetpack: JetPack
    exact: bool


class Limits(NamedTuple):
    """The newest opset and IR version that a release loads; see :class:`Release` for ``enforced``."""

    opset: int
    ir: int
    ml_opset: Optional[int]
    enforced: bool
    exact: bool
    row_id: str


class DriverFloor(NamedTuple):
    """The oldest driver that will do; ``rule`` is ``minor-version`` (CUDA 11 and later) or ``toolkit``."""

    driver: str
    rule: str
    row_id: str


class NewestCuda(NamedTuple):
    """The newest CUDA that a driver is known to support: at least this, a driver may know a newer one."""

    cuda: str
    row_id: str


class GpuCode(NamedTuple):
    """One entry of ``gpu_code``: ``SASS_86`` is machine code for 8.6, ``PTX_90a`` assembly for 9.0 only."""

    form: str
    major: int
    minor: int
    suffix: str

    @property
    def capability(self) -> str:
        """The compute capability it was made for, as ``"8.6"``."""
        return "%d.%d" % (self.major, self.minor)


def read_gpu_code(text: str) -> Optional[GpuCode]:
    """Return the parts of ``SASS_75``, ``PTX_120``, ``SASS_90a``; None for any other text."""
    match = re.fullmatch(r"(SASS|PTX)_([0-9]+)([0-9])([af]?)", text)
    if match is None:
        return None
    return GpuCode(match.group(1), int(match.group(2)), int(match.group(3)), match.group(4))


def judge_gpu(
    build: Build,
    compute_capability: str,
    gpus: Dict[str, Gpu],
    driver_cuda: Optional[str],
) -> Verdict:
    """Say whether ``build`` holds code that the device runs; ``why`` as in :meth:`Matrix.gpu_supported`."""
    gpu = gpus.get(compute_capability)
    rows = (build.row_id, gpu.row_id) if gpu else (build.row_id,)
    try:
        major, minor = major_minor(compute_capability)
    except ValueError:
        return Verdict(CANNOT_TELL, "capability-unreadable", rows)
    if minor is None:
        return Verdict(CANNOT_TELL, "capability-unreadable", rows)
    device = (major, minor)
    codes = [code for code in map(read_gpu_code, build.gpu_code) if code is not None]
    if not codes:
        return _without_code(build, gpu, rows)
    native = [code for code in codes if code.form == "SASS" and _runs_natively(code, device)]
    # Machine code of a desktop GPU is not promised to run on a Tegra one of the same major, nor the other
    # way round (CUDA C++ Programming Guide, "Binary Compatibility").
    tegra = {name for name, row in gpus.items() if row.tegra}
    here = compute_capability in tegra
    if any((code.major, code.minor) == device or not (here or code.capability in tegra) for code in native):
        return Verdict(COMPATIBLE, "sass", rows)
    if any(_compiles_for(code, device) for code in codes if code.form == "PTX"):
        return _with_ptx(build, driver_cuda, rows)
    return Verdict(CANNOT_TELL, "sass-across-tegra", rows) if native else Verdict(INCOMPATIBLE, "no-code", rows)


def _runs_natively(code: GpuCode, device: Tuple[int, int]) -> bool:
    """Machine code runs on its own major, from its minor on; with the suffix ``a`` only on its very own."""
    if code.suffix == "a":
        return (code.major, code.minor) == device
    return code.major == device[0] and code.minor <= device[1]


def _compiles_for(code: GpuCode, device: Tuple[int, int]) -> bool:
    """PTX compiles for any later device; with ``a`` for its very own only, with ``f`` for its family."""
    return _runs_natively(code, device) if code.suffix else (code.major, code.minor) <= device


def _with_ptx(build: Build, driver_cuda: Optional[str], rows: Tuple[str, ...]) -> Verdict:
    """Say whether the driver compiles it: it reads PTX of its own CUDA and older, whatever its major."""
    written_by = build.cuda_build or build.cuda
    if driver_cuda is None:
        return Verdict(CANNOT_TELL, "ptx-driver-unknown", rows)
    try:
        driver = numbers(driver_cuda)
    except ValueError:
        return Verdict(CANNOT_TELL, "ptx-driver-unknown", rows)
    if written_by is None:
        return Verdict(CANNOT_TELL, "ptx-toolkit-unknown", rows)
    major, minor = major_minor(written_by)
    if minor is None:
        if driver[0] == major:
            return Verdict(CANNOT_TELL, "ptx-toolkit-unknown", rows)
        enough = driver[0] > major
    else:
        enough = driver >= numbers("%d.%d" % (major, minor))
    return Verdict(COMPATIBLE, "ptx", rows) if enough else Verdict(INCOMPATIBLE, "ptx-driver-older", rows)


def _without_code(build: Build, gpu: Optional[Gpu], rows: Tuple[str, ...]) -> Verdict:
    """Nothing is known of the code inside: only what the toolkit cannot make at all is certain."""
    toolkit = build.cuda_build or build.cuda
    if gpu is None or toolkit is None:
        return Verdict(CANNOT_TELL, "code-unknown", rows)
    if gpu.last_cuda and _later(toolkit, gpu.last_cuda):
        return Verdict(INCOMPATIBLE, "capability-dropped", rows)
    if gpu.first_cuda and _later(gpu.first_cuda, toolkit):
        return Verdict(CANNOT_TELL, "gpu-newer-than-toolkit", rows)
    return Verdict(CANNOT_TELL, "code-unknown", rows)


def _later(a: str, b: str) -> bool:
    """Say whether toolkit ``a`` is certainly later than ``b``; ``"12"`` may be any of its major."""
    shortest = min(len(a.split(".")), len(b.split(".")))
    parts_a: List[int] = [int(part) for part in a.split(".")[:shortest]]
    return parts_a > [int(part) for part in b.split(".")[:shortest]]
