"""pip of this interpreter, and the wheels that it is able to install here."""

import sys
from typing import Dict, List, Tuple

from . import child
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .script import ended, run_script
from .texts import parse
from .together import together

PIP = "python.pip"
TAGS = "python.wheel_tags"

#: Families of platform tags by their first spelling and the one of PEP 600.
MANYLINUX2014 = ("manylinux2014_", "manylinux_2_17_")
MANYLINUX_2_28 = ("manylinux_2_28_",)
MUSLLINUX = ("musllinux_",)


def collect(context: Context, limit: float = child.TIME_LIMIT) -> Facts:
    """Return ``python.pip`` and ``python.wheel_tags``; both absent where there is no pip."""
    asked = together(
        {PIP: lambda: {PIP: _pip(context, limit)}, TAGS: lambda: {TAGS: _wheel_tags(context, limit)}},
        2 * limit,
    )
    facts = dict(asked[PIP], **asked[TAGS])
    pip = facts[PIP]
    if pip["value"] is None and pip["error"] is None:
        facts[TAGS] = absent("no pip: " + pip["source"])
    return facts


def _pip(context: Context, limit: float) -> Fact:
    ran = child.run([sys.executable, "-m", "pip", "--version"], limit=limit, env=context.env, cwd=context.cwd)
    seen = parse("pip-version", ran.out)
    if ran.exit == 0 and seen.get("pip"):
        return found({"version": seen["pip"], "path": seen.get("path")}, ran.command)
    # "python: No module named pip" (3.6 and later say it for any -m that they do not find).
    if ran.exit == 1 and "No module named pip" in ran.err and "Traceback" not in ran.err:
        return absent(ran.command)
    return failed(ended(ran), ran.command)


def _wheel_tags(context: Context, limit: float) -> Fact:
    ran, answer = run_script("wheel_tags", context, [], limit, isolated=False)
    platforms = answer.get("platforms")
    if not isinstance(platforms, list):
        if ran.exit == 0:
            return failed("this pip keeps its list of tags where no known release does", ran.command)
        return failed(ended(ran), ran.command)
    return found(_summary(platforms), str(answer.get("asked")))


def _summary(platforms: List[str]) -> Dict[str, object]:
    def any_of(prefixes: Tuple[str, ...]) -> bool:
        return any(name.startswith(prefixes) for name in platforms)

    return {
        "platforms": platforms,
        "manylinux2014": any_of(MANYLINUX2014),
        "manylinux_2_28": any_of(MANYLINUX_2_28),
        "musllinux": any_of(MUSLLINUX),
    }
