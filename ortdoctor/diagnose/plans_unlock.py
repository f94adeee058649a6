"""What would allow a better release: the one thing that stands between a machine and each newer build."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ortdoctor.diagnose.facts import version_tuple
from ortdoctor.diagnose.fits import Fit
from ortdoctor.diagnose.plans_options import GPU_DISTRIBUTION, Option
from ortdoctor.diagnose.plans_rank import source_order
from ortdoctor.diagnose.versions import parse

#: Where the best plan rests on a toolkit, a driver that could not be asked may allow more.
_OPEN = ("driver_unknown",)


class Unlock(NamedTuple):
    """``change`` is ``driver`` | ``driver_cuda`` | ``python`` | ``glibc``; ``to`` is the least that does.

    ``to`` is a driver version, the CUDA that a driver has to know, a Python tag or a version of glibc.
    """

    change: str
    to: str
    distribution: str
    version: str
    evidence: List[str]


def unlocks(offered: List[Option], best: Optional[Option]) -> List[Unlock]:
    """Return for each single change the newest release that it allows, the newest first.

    Only releases that are on the index or at an address count, and only such as are newer than ``best``, unless
    that one leaves the GPU idle or is not to be had.
    """
    poor = best is None or best.build.distribution != GPU_DISTRIBUTION or source_order(best.build) == 2
    found: Dict[Tuple[str, str], Unlock] = {}
    for option in offered:
        if source_order(option.build) or option is best:
            continue
        if not poor and best and parse(option.build.version) <= parse(best.build.version):
            continue
        change = _change(option.against + [answer for answer in option.unclear if answer.reason in _OPEN])
        if change is None:
            continue
        kind, to, evidence = change
        row = Unlock(kind, to, option.build.distribution, option.build.version, evidence)
        known = found.get((kind, to))
        if known is None or parse(known.version) < parse(row.version):
            found[(kind, to)] = row
    return _worth_it(list(found.values()))


def _change(against: List[Fit]) -> Optional[Tuple[str, str, List[str]]]:
    """Return the one change that removes everything that speaks against a build; None where one is not enough."""
    codes = {answer.reason for answer in against}
    by_code: Dict[str, Fit] = {answer.reason: answer for answer in against}
    if "driver_unknown" in codes:
        codes, by_code["driver"] = codes - {"driver_unknown"} | {"driver"}, by_code["driver_unknown"]
    to: Any = None
    kind = ""
    if codes == {"driver"}:
        kind, to = "driver", by_code["driver"].values.get("minimum")
    elif codes and codes <= {"driver", "gpu_driver"}:
        kind, to = "driver_cuda", by_code["gpu_driver"].values.get("cuda")
    elif codes == {"glibc"}:
        kind, to = "glibc", by_code["glibc"].values.get("needs")
    elif codes == {"python"}:
        kind, to = "python", _nearest(by_code["python"].values)
    if not to:
        return None
    return kind, str(to), list(dict.fromkeys(key for answer in against for key in answer.evidence))


def _nearest(values: Dict[str, Any]) -> Optional[str]:
    """Return the offered Python that is nearest to the one that is here."""
    here = _python(values.get("tag") or "")
    offered = [tag for tag in str(values.get("offered") or "").split(", ") if _python(tag)]
    if not here or not offered:
        return None
    return min(offered, key=lambda tag: (abs(_python(tag)[1] - here[1]), _python(tag)))


def _python(tag: str) -> Tuple[int, ...]:
    """Return ``(3, 10)`` for ``cp310``; ``()`` for a free-threaded or another tag, which nobody is advised to take."""
    digits = tag[2:]
    return (int(digits[0]), int(digits[1:])) if tag.startswith("cp") and digits.isdigit() and len(digits) > 1 else ()


def _worth_it(rows: List[Unlock]) -> List[Unlock]:
    """Drop a change where a smaller one of its kind allows the same or more; of Pythons only the best is told."""
    kept = [row for row in rows if not any(_makes_idle(other, row) for other in rows)]
    return sorted(kept, key=lambda row: (parse(row.version), row.change), reverse=True)


def _makes_idle(other: Unlock, row: Unlock) -> bool:
    if other.change != row.change:
        return False
    if row.change == "python":
        return parse(other.version) > parse(row.version)
    return version_tuple(other.to) < version_tuple(row.to) and parse(other.version) >= parse(row.version)
