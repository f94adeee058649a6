"""Runs a script of ``scripts/`` as the user's own ``python -c``: same folder, environment and site hooks.

The others of ``scripts/`` ask the system and are kept apart from the user's site; these ask what the user
gets. A script reports by lines of JSON behind MARK, as it goes: what it said before a crash is kept,
and what others print is passed over.
"""

import json
import sys
from typing import Any, Dict, NamedTuple

from .child import TIME_LIMIT, Ran, run
from .context import Context
from .script import ended, source_of

MARK = "@ortdoctor@ "


class Answer(NamedTuple):
    """What a script said (all its lines merged, later ones win) and what became of its process."""

    said: Dict[str, Any]
    ran: Ran

    def trouble(self) -> str:
        """Say how the process ended that gave no answer, or less than expected."""
        return ended(self.ran)


def run_here(context: Context, name: str, request: Dict[str, Any], limit: float = TIME_LIMIT) -> Answer:
    """Run ``scripts/<name>.py`` with this interpreter from ``context.cwd``; ``request`` is its argument.

    ``-u`` because text that waits in a buffer is lost in a crash.
    """
    env = dict(context.env)
    # A Python traceback of a crash would look like a message of the library that crashed.
    env.pop("PYTHONFAULTHANDLER", None)
    ran = run([sys.executable, "-u", "-c", source_of(name), json.dumps(request)], limit, env, context.cwd)
    shown = "%s %s.py" % (sys.executable, name)
    error = ran.error.replace(ran.command, shown) if ran.error else None
    said: Dict[str, Any] = {}
    for line in ran.out.splitlines():
        if line.startswith(MARK):
            said.update(_parsed(line[len(MARK) :]))
    return Answer(said, ran._replace(command=shown, error=error))


def _parsed(text: str) -> Dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}  # the child died while it wrote this line
    return said if isinstance(said, dict) else {}
