"""The words of a treatment: what is proposed, what was done, what is left for the user."""

import time
from typing import Any, Dict, List, Sequence

from ortdoctor.diagnose.judge import Report
from ortdoctor.report import words
from ortdoctor.treat import steps, treatment
from ortdoctor.treat.session import Proposal
from ortdoctor.treat.treatment import Round, Treatment

QUESTION = "Do this now? [y/N]"

_OUTCOMES = {
    "nothing_to_do": "Nothing was changed: there is nothing here that a command could cure.",
    "cured": "Treated: no problem is left that was found before.",
    "changed": "Treated as far as it goes; a problem is left.",
    treatment.DECLINED: "Nothing was changed from here on, as you chose.",
    treatment.REFUSED: "Nothing was changed.",
    treatment.FAILED: "The treatment failed.",
    treatment.INTERRUPTED: "The treatment was interrupted.",
    treatment.WORSE: "The treatment did harm and was undone.",
    treatment.NO_BETTER: "The treatment did not help and was undone.",
}

#: What is said of a step that is not a command.
_NOTES = {
    steps.LOADER_PATH: (
        "they open the CUDA libraries when onnxruntime is imported, in this environment and for good, in place of an "
        "export of LD_LIBRARY_PATH in every shell; delete both to undo that"
    ),
    steps.NEW_ENVIRONMENT: "this Python belongs to its system and is left alone; use the new environment from then on",
    steps.REMOVE: "files of your own in it are put aside first",
}


def proposal(row: Proposal, causes: Sequence[Dict[str, Any]]) -> List[str]:
    """Return the lines that a user is asked about."""
    if row.left_over is not None:
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.left_over.began))
        return [
            "A treatment that began at %s was interrupted. The environment as it was before it is kept in"
            % began,
            "  %s" % row.left_over.home,
            "and can be put back now; what was installed or changed since then goes. Without that, things stay as",
            "they are, and the copy goes when the next treatment begins.",
        ]
    if row.finding is None:
        return []
    said = words.finding(row.finding, words.by_id(causes), row.report.plan)
    todo = steps.changes(row.steps)
    lines = ["To treat: %s" % said.title]
    for step in todo:
        lines.append("  %s" % _step(step))
        if step.kind in _NOTES:
            lines.append("    (%s)" % _NOTES[step.kind])
    mine = [step for step in row.steps if step.kind == steps.YOURS]
    return lines + _yours(mine)


def lines(done: Treatment, causes: Sequence[Dict[str, Any]]) -> List[str]:
    """Return what became of it, for people: before, each round, after, and what is left for the user."""
    known = words.by_id(causes)
    told = ["", "Treatment"]
    if done.recovered is not None:
        told += _put_back("An interrupted treatment was undone", done.recovered)
    told.append("  before: %s" % _verdict(done.before.report, known))
    for row in done.rounds:
        told += _round(row, known)
    if done.after.python != done.before.python:
        told.append("  This is about the new environment. Use %s from now on." % done.after.python)
    told.append("  after: %s" % _verdict(done.after.report, known))
    changed = treatment.changes(done.before.distributions, done.after.distributions)
    if changed and done.after.python == done.before.python:
        told.append("  packages: %s" % ", ".join(_change(row) for row in changed))
    told += _yours(done.yours)
    for left in done.after.report.findings:
        if left.severity == "error" and not left.commands:
            said = words.finding(left, known, done.after.report.plan)
            told.append("  Cannot be done from here: %s. %s" % (said.title, said.remedy))
    told.append(_OUTCOMES[done.outcome])
    if done.outcome == "nothing_to_do" and any(row.commands for row in done.after.report.findings):
        told.append("Warnings are treated where they count as problems: --fix --strict.")
    return told


def _round(row: Round, causes: Dict[str, Dict[str, Any]]) -> List[str]:
    title = causes.get(row.cause, {}).get("title", row.cause)
    told = ["  treated: %s" % title] if row.did else ["  not treated: %s" % title]
    for did in row.did:
        ended = "done" if did.ok else did.error or "exit code %s" % did.exit
        told.append("    %s (%s, %.0f s)" % (_step(did.step), ended, did.seconds))
        if not did.ok:
            told += ["      | %s" % words.clean(line) for line in did.tail[-15:]]
    if row.error:
        told.append("    %s." % row.error)
    if row.differs is not None:
        told += _put_back("The environment was put back", row.differs)
    if row.kept:
        told.append("    Files of yours that were in the way are kept here:")
        told += ["      %s" % path for path in row.kept]
    return told


def _put_back(head: str, differs: Sequence[str]) -> List[str]:
    if not differs:
        return ["    %s: every file is as it was." % head]
    told = ["    %s, except for:" % head]
    return told + ["      %s" % words.clean(line) for line in differs]


def _yours(left: Sequence[steps.Step]) -> List[str]:
    """Say which steps are the user's, with the reason once for those that share it."""
    told: List[str] = []
    reasons = list(dict.fromkeys(step.why for step in left))
    for why in reasons:
        told.append("  Cannot be done from here, because %s; do it yourself:" % why)
        told += ["    %s" % _command(step.command) for step in left if step.why == why]
    return told


def _verdict(report: Report, causes: Dict[str, Dict[str, Any]]) -> str:
    titles = [
        str(causes.get(row.cause, {}).get("title", row.cause)) for row in report.findings if row.severity != "info"
    ]
    return report.verdict + (" (%s)" % "; ".join(titles) if titles else "")


def _change(row: Dict[str, Any]) -> str:
    if row["before"] is None:
        return "+%s %s" % (row["name"], row["after"])
    if row["after"] is None:
        return "-%s %s" % (row["name"], row["before"])
    return "%s %s -> %s" % (row["name"], row["before"], row["after"])


def _step(step: steps.Step) -> str:
    """Say what is done: the command, or what is done in its place."""
    if step.kind == steps.LOADER_PATH:
        return "write onnxruntime_cuda_path.pth and _onnxruntime_cuda_path.py into the packages of %s" % step.python
    return _command(step.command)


def _command(command: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in command)
