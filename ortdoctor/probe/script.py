"""Running the programs in scripts/ in children: what they do may crash or hang the process that does it.

Each is a file of its own that needs only the standard library. It is passed to the interpreter as text
(``-c``), so that it also runs from a zipapp and puts no folder of ours on that child's ``sys.path``.
"""

import ast
import json
import pkgutil
import sys
from typing import Any, Dict, List, Tuple

from . import child
from .context import Context


def source_of(name: str) -> str:
    """Return the text of the script ``name``, from a folder or from a zipapp."""
    return (pkgutil.get_data(__package__ or "", "scripts/%s.py" % name) or b"").decode("utf-8")


def run_script(
    name: str, context: Context, arguments: List[str], limit: float, isolated: bool = True
) -> Tuple[child.Ran, Dict[str, Any]]:
    """Run the script ``name`` with this interpreter; return what became of it and what it answered.

    A script answers in lines, each an object of JSON or a literal of Python. They are merged: what it said before
    it crashed counts. ``isolated`` keeps site hooks, PYTHON* variables and the current folder away from it.
    """
    source = source_of(name)
    options = ["-I", "-S"] if isolated else []
    env = dict(context.env, LC_ALL="C")  # the loader's messages in English
    ran = child.run([sys.executable] + options + ["-c", source] + arguments, limit=limit, env=env)
    shown = " ".join([sys.executable, name + ".py"] + arguments)
    error = None
    if ran.error is not None:
        error = ran.error.replace(ran.command, shown)
    return ran._replace(command=shown, error=error), _answer(ran.out)


def ended(ran: child.Ran) -> str:
    """Return how a script that gave no full answer ended: one sentence for a fact's ``error``."""
    if ran.error is not None:
        return ran.error
    if ran.signal is not None:
        return "%s was ended by %s" % (ran.command, ran.signal)
    said = (ran.err.strip().splitlines() or ["it printed no reason"])[-1]
    return "%s ended with exit code %s: %s" % (ran.command, ran.exit, said)


def not_there(load_error: str, name: str) -> bool:
    """Tell a library that is not there from one that is there and broken, or lacks a library of its own.

    glibc: ``libcuda.so.1: cannot open shared object file: No such file or directory``; musl: ``Error loading
    shared library libcuda.so.1: No such file or directory``; Windows: ``Could not find module 'nvcuda.dll'
    (or one of its dependencies)``, before Python 3.8 ``[WinError 126]``; macOS: ``dlopen(libcuda.so.1, ..``.
    """
    starts = (
        "%s: cannot open shared object file: No such file" % name,
        "Error loading shared library %s: No such file" % name,
        "dlopen(%s" % name,
    )
    return load_error.startswith(starts) or "Could not find module" in load_error or "WinError 126" in load_error


def _answer(out: str) -> Dict[str, Any]:
    answer: Dict[str, Any] = {}
    for line in out.splitlines():
        if not line.startswith("{"):
            continue  # printed by a site hook or a native library
        answer.update(parsed(line))
    return answer


def parsed(line: str) -> Dict[str, Any]:
    """Return the object in ``line``, JSON or a literal of Python; ``{}`` where it was cut off by a crash."""
    for read in (json.loads, ast.literal_eval):
        try:
            said = read(line)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(said, dict):
            return said
    return {}
