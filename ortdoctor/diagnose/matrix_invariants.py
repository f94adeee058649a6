"""What must hold of the whole matrix, checked whenever it is loaded: data that break it would mislead every rule."""

from typing import Dict, Sequence, Tuple

from ortdoctor.diagnose.matrix_rows import Build, Driver, MatrixDataError, Release
from ortdoctor.diagnose.versions import numbers


def check(releases: Sequence[Release], builds: Sequence[Build], toolkits: Sequence[Driver]) -> None:
    """Raise :class:`MatrixDataError` for the first row that breaks a rule; ``releases`` are oldest first."""
    _limits_never_go_down([row for row in releases if row.enforced])
    _wheels_are_named(builds)
    for os in ("linux", "windows"):
        _newer_cuda_needs_no_older_driver(toolkits, os)


def _limits_never_go_down(releases: Sequence[Release]) -> None:
    for older, newer in zip(releases, releases[1:]):  # noqa: B905 - the second is shorter by one, on purpose
        for field in ("opset", "ir", "ml_opset"):
            before, after = getattr(older, field), getattr(newer, field)
            if before is not None and after is not None and after < before:
                raise MatrixDataError(
                    "%s: its %s %s is lower than the %s of %s" % (newer.row_id, field, after, before, older.version)
                )


def _wheels_are_named(builds: Sequence[Build]) -> None:
    """Hold that a row that was read from a wheel of the index says from which, byte for byte."""
    for build in builds:
        read = any(entry.kind == "wheel" and entry.confidence == "measured" for entry in build.evidence)
        if read and build.availability == "index" and not build.sha256:
            raise MatrixDataError("%s: it was read from a wheel and has no sha256 of it" % build.row_id)


def _newer_cuda_needs_no_older_driver(toolkits: Sequence[Driver], os: str) -> None:
    """Hold that a newer driver supports whatever an older one does."""
    floors: Dict[Tuple[int, ...], Tuple[int, ...]] = {}
    for row in toolkits:
        floor = row.minimum(os)
        if floor and row.cuda:
            cuda = numbers(row.cuda)
            floors[cuda] = min(numbers(floor), floors.get(cuda, numbers(floor)))
    ordered = sorted(floors)
    for older, newer in zip(ordered, ordered[1:]):  # noqa: B905 - as above
        if floors[newer] < floors[older]:
            raise MatrixDataError(
                "drivers: on %s CUDA %s is said to need an older driver than CUDA %s"
                % (os, ".".join(map(str, newer)), ".".join(map(str, older)))
            )
