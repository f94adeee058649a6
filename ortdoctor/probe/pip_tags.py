"""pip of this interpreter, and the wheels that it is able to install here."""

import re
import sys
import sysconfig
from typing import Any, Dict, List, Optional, Tuple

from . import child, libc
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .ort_use import Begun, shared
from .script import ended, run_script

PIP = "python.pip"
TAGS = "python.wheel_tags"

_SOURCE = "importlib.util.find_spec('pip') from the current folder, and its text"

#: Families of platform tags by their first spelling and the one of PEP 600.
MANYLINUX2014 = ("manylinux2014_", "manylinux_2_17_")
MANYLINUX_2_28 = ("manylinux_2_28_",)
MUSLLINUX = ("musllinux_",)

#: The first pip whose list is by the rule below under every Python that it has to do with. PEP 600 came with 20.3,
#: but the releases up to 21.1 do not start under Python 3.12 and later; they are asked.
_BY_RULE = (21, 2)

#: The oldest glibc 2.N that a wheel may ask for, by what sysconfig calls the platform (packaging's _manylinux.py).
_OLDEST = {"linux-x86_64": 5, "linux-aarch64": 17}

#: Names from before PEP 600 (599, 571, 513), by N.
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def collect(context: Context, limit: float = child.TIME_LIMIT) -> Facts:
    """Return ``python.pip`` and ``python.wheel_tags``; both absent where there is no pip."""
    begun = shared(context)
    pip = _pip(begun)
    if pip["value"] is None and pip["error"] is None:
        return {PIP: pip, TAGS: absent("no pip: " + pip["source"])}
    names = platforms_by_rule((pip["value"] or {}).get("version"), sysconfig.get_platform(), _glibc(context))
    if names is None or begun.look().get("own_manylinux") is not False:
        return {PIP: pip, TAGS: _wheel_tags(context, limit)}
    return {PIP: pip, TAGS: found(_summary(names), "what this pip takes by PEP 600 with this glibc")}


def _pip(begun: Begun) -> Fact:
    look = begun.look()
    if look.get("pip"):
        if look["pip"]["version"]:
            return found({"version": look["pip"]["version"], "path": look["pip"]["path"]}, _SOURCE)
        return failed("the pip in %s states no version" % look["pip"]["path"], _SOURCE)
    if "pip" in look:
        return absent(_SOURCE)
    return failed(look.get("pip_trouble") or ended(begun.answer().ran), _SOURCE)


def _glibc(context: Context) -> Optional[str]:
    """Return the version of this process's own glibc, which is what pip asks for, too."""
    value = libc.collect(context._replace(root=""))[libc.KEY]["value"] or {}
    return value.get("version") if value.get("name") == "glibc" else None


def platforms_by_rule(pip: Optional[str], platform: str, glibc: Optional[str]) -> Optional[List[str]]:
    """Return the platform tags that a ``pip`` of that version takes, most wanted first; None where pip has to be asked.

    Only for CPython's common platforms on glibc: what an import of pip's own rules takes 0.1 s to say. A module
    ``_manylinux`` of the machine's may change it (PEP 600); the caller knows whether there is one.
    """
    release = re.match(r"(\d{1,4})\.(\d{1,4})", pip or "")
    minor = re.match(r"2\.(\d{1,3})$", glibc or "")
    oldest = _OLDEST.get(platform)
    if oldest is None or not minor or not release or tuple(map(int, release.groups())) < _BY_RULE:
        return None
    if sys.maxsize <= 1 << 32:
        return None  # a 32-bit program on a 64-bit kernel
    arch = platform.partition("-")[2]
    names = []
    for number in range(int(minor.group(1)), oldest - 1, -1):
        names.append("manylinux_2_%d_%s" % (number, arch))
        if number in _LEGACY:
            names.append("%s_%s" % (_LEGACY[number], arch))
    return names + ["linux_" + arch]


def _wheel_tags(context: Context, limit: float) -> Fact:
    ran, answer = run_script("wheel_tags", context, [], limit, isolated=False)
    platforms = answer.get("platforms")
    if not isinstance(platforms, list):
        if ran.exit == 0:
            return failed("this pip keeps its list of tags where no known release does", ran.command)
        return failed(ended(ran), ran.command)
    return found(_summary(platforms), str(answer.get("asked")))


def _summary(platforms: List[str]) -> Dict[str, Any]:
    def any_of(prefixes: Tuple[str, ...]) -> bool:
        return any(name.startswith(prefixes) for name in platforms)

    return {
        "platforms": platforms,
        "manylinux2014": any_of(MANYLINUX2014),
        "manylinux_2_28": any_of(MANYLINUX_2_28),
        "musllinux": any_of(MUSLLINUX),
    }
