"""What ``check --fix`` does, whichever command line asked: the treatment, and the way to and from the user."""

import sys
from typing import Any, Callable, Dict, List, Optional

from ortdoctor import data
from ortdoctor.commands import machine
from ortdoctor.commands.asked import Asked, Checked
from ortdoctor.report import treatment as words
from ortdoctor.treat.session import Proposal, Talk, treat


def refusal(asked: Asked) -> Optional[str]:
    """Return, as a sentence, why a call cannot be right; None where it can."""
    terminal = sys.stdin is not None and sys.stdin.isatty()
    read_only = asked.facts is not None or asked.static or asked.root is not None
    return misuse(fix=asked.fix, yes=asked.yes, recorded=read_only, terminal=terminal)


def misuse(fix: bool, yes: bool, recorded: bool, terminal: bool) -> Optional[str]:
    """Return why a call cannot be right, as a sentence; None where it can.

    ``recorded``: the facts are of a file, not of this machine as it is. ``terminal``: there is one to ask on.
    """
    if yes and not fix:
        return "--yes answers what --fix asks and does nothing alone: give --fix, too"
    if fix and recorded:
        return "--fix changes an environment of this machine, and the facts given are recorded or static: leave it out"
    if fix and not yes and not terminal:
        return "--fix asks before it changes anything, and there is no terminal to ask on: add --yes to agree now"
    return None


def fix(checked: Checked, asked: Asked, say: Callable[[str], None]) -> Checked:
    """Treat the environment of ``checked`` and return it as it is then; ``say`` shows a line as things go on."""

    def ask(proposal: Proposal) -> bool:
        for line in ["", *words.proposal(proposal, checked.causes)]:
            say(line)
        return asked.yes or _agreed(say)

    talk = Talk(ask, say, lambda python: _again(python, asked.model))
    done = treat(checked.document, data.matrix(), talk, strict=asked.strict)
    return checked._replace(report=done.after.report, document=done.after.document, treatment=done)


def lines(checked: Checked) -> List[str]:
    """Return what the treatment did, for people; nothing where there was none."""
    return words.lines(checked.treatment, checked.causes) if checked.treatment is not None else []


def changed(checked: Checked) -> bool:
    """Return whether the report after the treatment may be another one than before."""
    return checked.treatment is None or bool(checked.treatment.rounds) or checked.treatment.recovered is not None


def _agreed(say: Callable[[str], None]) -> bool:
    """Ask on the terminal; whoever says nothing that is a yes has said no."""
    say(words.QUESTION)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _again(python: str, model: Optional[str]) -> Dict[str, Any]:
    """Return the facts of the interpreter ``python`` and of the file ``model`` as they are now."""
    return machine.facts_document(None, None if python == sys.executable else python, model)
