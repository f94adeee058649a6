"""Which driver runs which CUDA: the documents' tables and the rule of minor-version compatibility."""

from typing import Iterable, List, Optional, Tuple

from ortdoctor.diagnose.matrix_answers import (
    CANNOT_TELL,
    COMPATIBLE,
    INCOMPATIBLE,
    DriverFloor,
    NewestCuda,
    Verdict,
)
from ortdoctor.diagnose.matrix_rows import Driver
from ortdoctor.diagnose.versions import major_minor, numbers

#: CUDA 11 brought minor-version compatibility: one driver floor for a whole major. Before it, every toolkit
#: needs its own driver (NVIDIA, "CUDA Compatibility", Minor Version Compatibility).
FIRST_MAJOR_WITH_MINOR_VERSION_COMPATIBILITY = 11


class DriverTable:
    """The rows of drivers.json; the queries are documented at :class:`ortdoctor.diagnose.matrix.Matrix`."""

    def __init__(self, toolkits: List[Driver], minor_version: List[Driver]) -> None:
        self._toolkits = toolkits
        self._minor_version = minor_version

    def floor(self, cuda: str, os: str) -> Optional[DriverFloor]:
        """Return the oldest driver for software built with ``cuda``."""
        try:
            major, _ = major_minor(cuda)
        except ValueError:
            return None
        if major >= FIRST_MAJOR_WITH_MINOR_VERSION_COMPATIBILITY:
            return _lowest([row for row in self._minor_version if row.cuda_major == major], os, "minor-version")
        return _lowest(self._of_toolkit(cuda), os, "toolkit")

    def supports(self, driver_version: str, cuda: str, os: str) -> Verdict:
        """Say whether the driver runs software built with ``cuda``."""
        try:
            driver = numbers(driver_version)
            major, minor = major_minor(cuda)
        except ValueError:
            return Verdict(CANNOT_TELL, "unreadable")
        floor = self.floor(cuda, os)
        # A driver between a toolkit's own row and the floor of the major runs that toolkit, not all.
        own = _lowest(self._of_toolkit(cuda), os, "toolkit") if minor is not None else None
        for candidate in (floor, own):
            if candidate is not None and driver >= numbers(candidate.driver):
                return Verdict(COMPATIBLE, candidate.rule, (candidate.row_id,))
        first = _lowest([row for row in self._toolkits if _major(row) == major], os, "toolkit")
        if minor is None and first is not None and driver >= numbers(first.driver):
            return Verdict(CANNOT_TELL, "major-unclear", (first.row_id,))
        known = floor or own or (first if minor is None else None)
        return Verdict(INCOMPATIBLE, "older", (known.row_id,)) if known else Verdict(CANNOT_TELL, "no-row")

    def newest_cuda(self, driver_version: str, os: str) -> Optional[NewestCuda]:
        """Return the newest CUDA that the tables give the driver."""
        try:
            driver = numbers(driver_version)
        except ValueError:
            return None
        known = [(row.cuda or "", row) for row in self._toolkits]
        # Windows drivers are in the toolkit table up to 12.9 only; past it the floor of the major speaks.
        known += [("%d.0" % (row.cuda_major or 0), row) for row in self._minor_version]
        enough = [(numbers(cuda), cuda, row.row_id) for cuda, row in known if _reaches(driver, row.minimum(os))]
        if not enough:
            return None
        _, cuda, row_id = max(enough)
        return NewestCuda(cuda, row_id)

    def _of_toolkit(self, cuda: str) -> List[Driver]:
        """Return the rows of one toolkit and its updates; ``"10.2.89"`` is ``"10.2"``."""
        return [row for row in self._toolkits if row.cuda and major_minor(row.cuda) == major_minor(cuda)]


def _major(row: Driver) -> Optional[int]:
    return major_minor(row.cuda)[0] if row.cuda else None


def _reaches(driver: Tuple[int, ...], minimum: Optional[str]) -> bool:
    return minimum is not None and driver >= numbers(minimum)


def _lowest(rows: Iterable[Driver], os: str, rule: str) -> Optional[DriverFloor]:
    """Return the lowest documented driver of ``rows``."""
    known = [(numbers(minimum), minimum, row.row_id) for row in rows for minimum in [row.minimum(os)] if minimum]
    if not known:
        return None
    _, driver, row_id = min(known)
    return DriverFloor(driver, rule, row_id)
