"""Runs a script of ``scripts/`` as the user's own ``python -c`` would run: same folder, same environment.

The script reaches the child through standard input (``python -``), which needs no file on disk, so the
probe may itself come from a zip file; as for ``python -c``, the current folder is first in ``sys.path``.
A script reports by lines of JSON behind MARK, as it goes: what it said before a crash is kept, and
what others print is passed over.
"""

import json
import pkgutil
import sys
from typing import Any, Dict, NamedTuple

from .child import TIME_LIMIT, Ran, run
from .context import Context

MARK = "@ortdoctor@ "

#: Written to standard error between two stages of one child, so that its text can be told apart.
STAGE = "@ortdoctor-stage@"


class Answer(NamedTuple):
    """What a script said (all its lines merged, later ones win) and what became of its process."""

    said: Dict[str, Any]
    ran: Ran

    def trouble(self) -> str:
        """Say in a clause why there is no answer, or less than expected."""
        if self.ran.error:
            return self.ran.error
        last = [line for line in self.ran.err.splitlines() if line.strip()][-1:]
        ended = "ended by %s" % self.ran.signal if self.ran.signal else "exited with %s" % self.ran.exit
        return "%s %s%s" % (self.ran.command, ended, ": %s" % last[0].strip() if last else "")


def run_script(context: Context, name: str, request: Dict[str, Any], limit: float = TIME_LIMIT) -> Answer:
    """Run ``scripts/<name>.py`` with this interpreter from ``context.cwd``; ``request`` is its argument."""
    source = pkgutil.get_data(__package__ or "", "scripts/%s.py" % name) or b""
    env = dict(context.env)
    # A Python traceback of a crash would look like a message of the library that crashed.
    env.pop("PYTHONFAULTHANDLER", None)
    command = [sys.executable, "-u", "-", name, json.dumps(request)]
    ran = run(command, limit=limit, env=env, cwd=context.cwd, stdin=source)
    said = {}  # type: Dict[str, Any]
    for line in ran.out.splitlines():
        if line.startswith(MARK):
            said.update(_parsed(line[len(MARK) :]))
    return Answer(said, ran._replace(command="%s - %s" % (sys.executable, name)))


def _parsed(text: str) -> Dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}  # the child died while it wrote this line
    return said if isinstance(said, dict) else {}
