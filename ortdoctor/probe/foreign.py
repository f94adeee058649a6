"""Facts of another interpreter, collected by that interpreter itself.

It runs the probe's folder under the name ``ortdoctor_probe``, so that nothing that is installed beside this
tool gets onto its ``sys.path``: its own site, virtual environment and current folder are as they are for
``python -c`` in the user's shell.
"""

import json
import os
import uuid
from typing import Any, Dict, Optional

from . import child
from .collect import SCHEMA, TOTAL_LIMIT
from .ort_use import LOAD_LIMIT
from .script import source_of

#: The oldest interpreter that the probe runs on.
OLDEST = "3.6"

#: Seconds beyond the probe's own limit for the interpreter to start and stop.
MARGIN = 30.0


class ProbeError(Exception):
    """The facts of another interpreter could not be collected; ``str()`` is one sentence for people."""


def collect_with(
    python: str, version: str = "", limit: float = TOTAL_LIMIT + MARGIN, model_path: str = ""
) -> Dict[str, Any]:
    """Return the document of docs/facts.md as the interpreter ``python`` collects it, with those of ``model_path``.

    ``python`` is a path or a name on PATH, and is run as it was given: a virtual environment's symlink must
    not be resolved. Raises :class:`ProbeError` where it is no Python 3.6 or later, crashes, or gives no
    answer within ``limit`` seconds (and those that sessions over the model may take).
    """
    if os.path.isdir(python):
        raise ProbeError("%s is a folder, expected an interpreter such as %s" % (python, _inside(python)))
    fence = uuid.uuid4().hex
    env = {name: text for name, text in os.environ.items() if name != "__PYVENV_LAUNCHER__"}
    # It may lie in a zipapp: the bootstrap imports from there, so that no folder has to be writable.
    folder = os.path.dirname(os.path.abspath(__file__))
    command = [python, "-c", source_of("bootstrap"), folder, fence, version, model_path]
    ran = child.run(command, limit=limit + (2 * LOAD_LIMIT if model_path else 0), env=env)
    return _document(python, ran, _fenced(ran.out, fence))


def _inside(folder: str) -> str:
    """Return the interpreter of the environment ``folder``, where it looks like one."""
    for parts in (("bin", "python"), ("Scripts", "python.exe"), ("python.exe",)):
        path = os.path.join(folder, *parts)
        if os.path.exists(path):
            return path
    return os.path.join(folder, "bin", "python")


def _fenced(out: str, fence: str) -> Optional[str]:
    """Return what stands between the fences; site hooks and .pth files print before, exit handlers after."""
    parts = out.split(fence)
    return parts[1] if len(parts) == 3 else None


def _document(python: str, ran: child.Ran, text: Optional[str]) -> Dict[str, Any]:
    if ran.error is not None and text is None:
        # The command holds the whole bootstrap: say the interpreter only.
        said = ran.error.replace(ran.command, python)
        raise ProbeError("%s; expected the path or name of a Python interpreter" % said)
    if text is None:
        said = (ran.err.strip().splitlines() or ran.out.strip().splitlines() or ["it printed nothing"])[-1]
        how = "was ended by %s" % ran.signal if ran.signal else "ended with exit code %s" % ran.exit
        raise ProbeError("%s, expected to be a Python interpreter, %s: %.300s" % (python, how, said))
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ProbeError("%s gave facts that are no JSON: %s" % (python, error)) from error
    if not isinstance(document, dict):
        document = {}
    if "too_old" in document:
        raise ProbeError("%s is Python %s, expected Python %s or later" % (python, document["too_old"], OLDEST))
    if document.get("schema") != SCHEMA:
        raise ProbeError("%s gave no document of the kind %s" % (python, SCHEMA))
    return document
