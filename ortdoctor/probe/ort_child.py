"""Runs a script of ``scripts/`` as the user's own ``python -c``: same folder, environment and site hooks.

The others of ``scripts/`` ask the system and are kept apart from the user's site; these ask what the user
gets. A script reports by lines behind MARK, as it goes: what it said before a crash is kept,
and what others print is passed over.
"""

import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from .child import TIME_LIMIT, Ran, run
from .context import Context
from .script import ended, parsed, source_of

MARK = "@ortdoctor@ "


class Answer(NamedTuple):
    """What a script said (all its lines merged, later ones win) and what became of its process."""

    said: Dict[str, Any]
    ran: Ran

    def trouble(self) -> str:
        """Say how the process ended that gave no answer, or less than expected."""
        return ended(self.ran)


def run_here(
    context: Context,
    name: str,
    arguments: List[str],
    limit: float = TIME_LIMIT,
    early: Optional[Callable[[Dict[str, Any]], bool]] = None,
    *,
    site: bool = True
) -> Answer:
    """Run ``scripts/<name>.py`` with this interpreter from ``context.cwd``.

    Without ``site`` nothing of the user's Python is in it, which takes half the time; the loader's variables are.

    ``early`` is given what the script has said so far, again and again until it returns True. ``-u`` because text
    that waits in a buffer is lost in a crash.
    """

    def watch(text: str) -> bool:
        return early is not None and early(_said(text[: text.rfind("\n") + 1]))

    env = dict(context.env)
    # A Python traceback of a crash would look like a message of the library that crashed.
    env.pop("PYTHONFAULTHANDLER", None)
    options = [] if site else ["-I", "-S"]
    command = [sys.executable, "-u"] + options + ["-c", source_of(name)] + arguments
    ran = run(command, limit, env, context.cwd, watch=None if early is None else watch)
    shown = "%s %s.py" % (sys.executable, name)
    error = ran.error.replace(ran.command, shown) if ran.error else None
    return Answer(_said(ran.out), ran._replace(command=shown, error=error))


def _said(text: str) -> Dict[str, Any]:
    said: Dict[str, Any] = {}
    for line in text.splitlines():
        if line.startswith(MARK):
            said.update(parsed(line[len(MARK) :]))
    return said
