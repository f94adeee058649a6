"""``check --fix``: judge, show, ask, treat the root cause, judge again, as long as a round leads on."""

import os
import shutil
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.findings import Finding
from ortdoctor.diagnose.judge import Report, judge
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.treat import choose, distributions, snapshot, steps
from ortdoctor.treat import round as rounds
from ortdoctor.treat.lock import BusyError
from ortdoctor.treat.round import Environment
from ortdoctor.treat.run import Tell
from ortdoctor.treat.signals import Stopped, stopping, undisturbed
from ortdoctor.treat.snapshot import Snapshot
from ortdoctor.treat.steps import Step
from ortdoctor.treat.treatment import (
    DECLINED,
    DONE,
    FAILED,
    INTERRUPTED,
    NO_BETTER,
    REFUSED,
    WORSE,
    Round,
    Side,
    Treatment,
)
from ortdoctor.treat.where import Place, UnreachableError, place

#: One cause may hide another (the package, then its libraries, then the loader's path); beyond that nothing is won.
MOST_ROUNDS = 6


class Proposal(NamedTuple):
    """What the user is asked about: a finding of ``report`` with the steps of its remedy, or an earlier treatment.

    ``left_over`` is the copy that an interrupted treatment left, which can be put back.
    """

    report: Report
    finding: Optional[Finding]
    steps: List[Step]
    left_over: Optional[Snapshot] = None


class Rules(NamedTuple):
    """What a treatment is judged by; ``strict`` counts warnings as problems."""

    matrix: Matrix
    strict: bool


class Talk(NamedTuple):
    """The way to the user: ``ask`` returns whether a proposal is agreed to, ``tell`` shows a line as work goes on.

    ``recheck`` collects the facts again, of the interpreter that it is given.
    """

    ask: Callable[[Proposal], bool]
    tell: Tell
    recheck: Callable[[str], Dict[str, Any]]


def treat(document: Dict[str, Any], matrix: Matrix, talk: Talk, strict: bool = False) -> Treatment:
    """Treat the environment that ``document`` is about; never raises for what goes wrong in it."""
    python = Facts(document).text("python.executable") or sys.executable
    rules = Rules(matrix, strict)
    before = _side(python, document, rules, None)
    try:
        where = place(python)
    except UnreachableError as error:
        told = _told(before, strict, set())
        refused = [Round(told[0].cause, told[1], [], REFUSED, str(error))] if told else []
        return Treatment(before, refused, before, told[1] if told else [])
    before = before._replace(distributions=distributions.versions(where.packages))
    recovered, document = _recovered(before, where, talk)
    if recovered is not None:
        before = _side(python, document, rules, where)
    with stopping():
        done, after = _rounds(before, where, talk, rules)
    yours = [step for row in done for step in row.steps if step.kind == steps.YOURS]
    return Treatment(before, done, after, _once(yours, after), recovered)


def _rounds(
    before: Side, where: Place, talk: Talk, rules: Rules
) -> Tuple[List[Round], Side]:
    done: List[Round] = []
    tried: Set[Tuple[str, ...]] = set()
    now = before
    while len(done) < MOST_ROUNDS:
        told = _told(now, rules.strict, tried)
        if told is None:
            break
        finding, remedy = told
        tried.add(tuple(finding.commands))
        if not steps.changes(remedy):
            done.append(Round(finding.cause, remedy, [], DONE))
            break  # what is wrong behind a cause that only its user can remove is not known yet
        if not talk.ask(Proposal(now.report, finding, remedy)):
            done.append(Round(finding.cause, remedy, [], DECLINED))
            break
        environment = Environment(where, Facts(now.document).record("python.pip").get("version"))
        changed = rounds.apply(finding.cause, remedy, environment, talk.tell)
        if changed.round.outcome != DONE:
            done.append(changed.round)
            break
        talk.tell("Checking again ..")
        row, where, now = _looked_at(changed, now, where, talk, rules)
        done.append(row)
        if row.outcome != DONE:
            break
    return done, now


def _looked_at(
    changed: rounds.Changed, now: Side, where: Place, talk: Talk, rules: Rules
) -> Tuple[Round, Place, Side]:
    """Check what a remedy did; one that took away what worked is undone."""
    try:
        there = where if changed.python == where.python else place(changed.python)
        after = _side(changed.python, talk.recheck(changed.python), rules, there)
    except (KeyboardInterrupt, Stopped):
        return rounds.undo(changed, INTERRUPTED, "it was interrupted while it was checked"), where, now
    except Exception as error:  # noqa: BLE001 - what cannot be looked at any more is not left behind
        return rounds.undo(changed, FAILED, "the environment could not be checked any more: %s" % error), where, now
    if there is where and _works(now) and not _works(after):
        return rounds.undo(changed, WORSE, "ONNX Runtime ran a model before and no longer did"), where, now
    if there is where and _is_still_there(changed.round.cause, now, after):
        return rounds.undo(changed, NO_BETTER, "all commands went through, and the problem was still there"), where, now
    try:
        kept = changed.settle()
    except OSError as error:
        return changed.round._replace(error="files of yours could not be put aside: %s" % error), there, after
    return changed.round._replace(kept=kept), there, after


def _told(now: Side, strict: bool, tried: Set[Tuple[str, ...]]) -> Optional[Tuple[Finding, List[Step]]]:
    finding = choose.root(now.report.findings, tried, strict)
    if finding is None:
        return None
    return finding, steps.steps(finding.commands, now.python, {"uv": find_uv()})


def find_uv() -> Optional[str]:
    """Return where uv is: on PATH, beside this interpreter, or where its installer puts it."""
    home = os.path.expanduser("~")
    beside = [os.path.dirname(sys.executable), os.path.join(home, ".local", "bin"), os.path.join(home, ".cargo", "bin")]
    return shutil.which("uv") or shutil.which("uv", path=os.pathsep.join(beside))


def _side(python: str, document: Dict[str, Any], rules: Rules, where: Optional[Place]) -> Side:
    listed = distributions.versions(where.packages) if where is not None else {}
    return Side(python, judge(document, rules.matrix, strict=rules.strict), document, listed)


def _works(side: Side) -> bool:
    session = Facts(side.document).record("ort.session").get("cpu")
    return bool(session and session["active"] and not (session["error"] or session["signal"]))


def _is_still_there(cause: str, before: Side, after: Side) -> bool:
    """Tell a remedy that did nothing for its cause; one after which ONNX Runtime runs a model did something."""
    if _works(after) and not _works(before):
        return False
    return any(row.cause == cause for row in after.report.findings)


def _recovered(before: Side, where: Place, talk: Talk) -> Tuple[Optional[List[str]], Dict[str, Any]]:
    """Put back what an interrupted treatment left half-done, if there is such a thing and the user agrees."""
    try:
        copy = snapshot.left_over(where.site)
    except BusyError:
        return None, before.document  # the first change is refused for the same reason
    except (OSError, ValueError) as error:
        return [str(error)], before.document
    if copy is None:
        return None, before.document
    if not talk.ask(Proposal(before.report, None, [], copy)):
        snapshot.keep(copy)
        return None, before.document
    talk.tell("Putting the environment back as it was ..")
    with undisturbed():
        differs = snapshot.restore(copy)
        if differs:
            snapshot.keep(copy)
        else:
            snapshot.discard(copy)
    return differs, talk.recheck(before.python)


def _once(yours: List[Step], after: Side) -> List[Step]:
    """Return each step once, and only where what it is for is still there."""
    left = {command for row in after.report.findings for command in row.commands}
    told: Dict[str, Step] = {}
    for step in yours:
        if step.command in left:
            told.setdefault(step.command, step)
    return list(told.values())
