"""One remedy in one environment: a copy first, then its steps, and the copy put back where any of them fails."""

import os
import re
import shutil
import tempfile
import time
from typing import Callable, List, NamedTuple, Optional, Tuple

from ortdoctor.treat import fetch, kept, loader_path, run, snapshot, steps
from ortdoctor.treat.lock import BusyError
from ortdoctor.treat.run import Ran, Tell
from ortdoctor.treat.signals import Stopped, undisturbed
from ortdoctor.treat.snapshot import Snapshot
from ortdoctor.treat.steps import Step
from ortdoctor.treat.treatment import DONE, FAILED, INTERRUPTED, REFUSED, Did, Round
from ortdoctor.treat.where import Place, UnreachableError, place

#: The first pip of which it is certain that it replaces files and never writes into them.
_FIRST_REPLACING = (20, 0)


class Changed(NamedTuple):
    """A remedy that was applied: how to see whether it did good, and the copy that undoes it."""

    round: Round
    python: str
    undo: Callable[[], List[str]]
    settle: Callable[[], List[str]]


class Environment(NamedTuple):
    """What a remedy is applied to; ``pip`` is the version of its pip, if it has one."""

    place: Place
    pip: Optional[str]


def apply(cause: str, told: List[Step], environment: Environment, tell: Tell) -> Changed:
    """Apply the steps of a remedy; the round's outcome is DONE, or says why the environment is as it was.

    Where it is DONE, the caller looks at the result and then calls ``settle`` (keep it; returns files of the user's
    that were put aside) or ``undo`` (put it back; returns what still differs). Ctrl-C and the like are not raised but
    make the outcome INTERRUPTED.
    """
    todo = steps.changes(told)
    new = [step.folders[0] for step in todo if step.kind == steps.NEW_ENVIRONMENT]
    if new:
        return _in_new(cause, told, todo, new[0], tell)
    where = environment.place
    if where.refusal is not None:
        return _finished(Round(cause, told, [], REFUSED, where.refusal), where.python)
    try:
        copy = _copied(environment)
        own = kept.own_files(where.packages)
    except BusyError as error:
        return _finished(Round(cause, told, [], REFUSED, str(error)), where.python)
    except OSError as error:
        why = "no copy of the environment could be made, so nothing was changed: %s" % error
        return _finished(Round(cause, told, [], REFUSED, why), where.python)
    did: List[Did] = []
    outcome, error_said = _run_all(todo, environment, did, tell)
    if outcome != DONE:
        tell("Putting the environment back as it was ..")
        differs = _undone(copy)
        return _finished(Round(cause, told, did, outcome, error_said, differs), where.python)

    def settle() -> List[str]:
        with undisturbed():
            try:
                return kept.keep(own, copy, where.prefix)
            finally:
                snapshot.discard(copy)

    return Changed(Round(cause, told, did, DONE), where.python, lambda: _undone(copy), settle)


def undo(changed: Changed, outcome: str, why: str) -> Round:
    """Put the environment back because the remedy did harm or no good; ``why`` is a sentence."""
    return changed.round._replace(outcome=outcome, error=why, differs=changed.undo())


def _finished(row: Round, python: str) -> Changed:
    return Changed(row, python, list, list)


def _copied(environment: Environment) -> Snapshot:
    where = environment.place
    os.makedirs(where.site, exist_ok=True)
    old = environment.pip is not None and _version(environment.pip) < _FIRST_REPLACING
    return snapshot.take(where.site, where.packages, where.others, copy_all=old)


def _undone(copy: Snapshot) -> List[str]:
    with undisturbed():
        differs = snapshot.restore(copy)
        if differs:
            snapshot.keep(copy)
        else:
            snapshot.discard(copy)
    return differs


def _run_all(todo: List[Step], environment: Environment, did: List[Did], tell: Tell) -> Tuple[str, Optional[str]]:
    folder = tempfile.mkdtemp(prefix="ortdoctor-")
    try:
        if any("install" in step.argv for step in todo):
            tell("Fetching what will be installed ..")
        fetched = fetch.fetch(todo, environment.pip, folder, tell)
        if fetched.failed is not None:
            did.append(_did(next(step for step in todo if "install" in step.argv), fetched.failed))
            return FAILED, "what it installs could not be fetched, so nothing was removed or installed"
        for step in fetched.steps:
            done = _run(step, environment.place, folder, tell)
            did.append(done)
            if not done.ok:
                return FAILED, done.error or "a command ended with exit code %s" % done.exit
    except (KeyboardInterrupt, Stopped):
        return INTERRUPTED, "it was interrupted"
    except Exception as error:  # noqa: BLE001 - whatever goes wrong half-way, the environment has to be put back
        return FAILED, "%s: %s" % (type(error).__name__, error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return DONE, None


def _run(step: Step, where: Place, folder: str, tell: Tell) -> Did:
    began = time.monotonic()
    if step.kind == steps.LOADER_PATH:
        for path in loader_path.write(where.site, step.folders + loader_path.elsewhere(where.read_only)):
            tell("Wrote %s" % path)
        return Did(step, 0, time.monotonic() - began, [])
    if step.kind == steps.REMOVE:
        tell("Removing %s" % step.folders[0])
        error = _remove(step.folders[0], where)
        return Did(step, 1 if error else 0, time.monotonic() - began, [], error)
    tell("$ %s" % step.command)
    return _did(step, run.run(step.argv, tell, folder))


def _remove(folder: str, where: Place) -> Optional[str]:
    """Delete the leftover folder, which is directly in a folder of packages; return why not, else None."""
    if os.path.realpath(os.path.dirname(folder)) not in where.packages:
        return "%s is not in the packages of %s and is left alone" % (folder, where.python)
    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)
    return None


def _did(step: Step, ran: Ran) -> Did:
    return Did(step, ran.exit, ran.seconds, ran.tail, ran.error)


def _in_new(cause: str, told: List[Step], todo: List[Step], folder: str, tell: Tell) -> Changed:
    """Apply a remedy that makes an environment of its own; where it fails, that environment is removed again."""
    python = todo[-1].python
    if os.path.lexists(folder):
        why = "%s is there already; remove it, or name another folder and type the commands yourself" % folder
        return _finished(Round(cause, told, [], REFUSED, why), todo[0].python)

    def removed() -> List[str]:
        shutil.rmtree(folder, ignore_errors=True)
        return ["%s could not be removed" % folder] if os.path.lexists(folder) else []

    did: List[Did] = []
    outcome, why_not = DONE, None  # type: Tuple[str, Optional[str]]
    try:
        did.append(_did(todo[0], run.run(todo[0].argv, tell, tempfile.gettempdir())))
        if did[0].ok:
            where = place(python)
            outcome, why_not = _run_all(todo[1:], Environment(where, None), did, tell)
        else:
            outcome, why_not = FAILED, did[0].error or "a command ended with exit code %s" % did[0].exit
    except UnreachableError as error:
        outcome, why_not = FAILED, str(error)
    except (KeyboardInterrupt, Stopped):
        outcome, why_not = INTERRUPTED, "it was interrupted"
    if outcome != DONE:
        return _finished(Round(cause, told, did, outcome, why_not, removed()), todo[0].python)
    return Changed(Round(cause, told, did, DONE), python, removed, list)


def _version(text: str) -> Tuple[int, ...]:
    match = re.match(r"(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else ()
