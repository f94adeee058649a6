"""The C library that this machine's programs are linked to, and its version."""

import glob
import os
from typing import List, Optional

from . import child
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .texts import parse

KEY = "system.libc"

#: Prints its name and version when it is run without a program to load (musl, ldso/dynlink.c).
MUSL_LOADER = "/lib/ld-musl-*.so.1"


def collect(context: Context) -> Facts:
    """Return ``system.libc``: what this interpreter is linked to, else what a loader or ldd says."""
    if context.os != "linux":
        return {KEY: absent("one libc only on %s" % context.os)}
    if not context.root:
        own = _own_glibc()
        if own is not None:
            return {KEY: own}
    commands = [[loader] for loader in sorted(glob.glob(context.path(MUSL_LOADER)))] + [["ldd", "--version"]]
    return {KEY: _asked(context, commands)}


def _own_glibc() -> Optional[Fact]:
    """Ask the C library of this very process; musl has no such name and fails the call."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None
    name, _, version = (text or "").partition(" ")
    if name != "glibc" or not version:
        return None
    return found({"name": "glibc", "version": version}, "confstr CS_GNU_LIBC_VERSION")


def _asked(context: Context, commands: List[List[str]]) -> Fact:
    """Return what the first of ``commands`` that names a libc says; musl answers on stderr with exit 1."""
    said: List[str] = []
    env = dict(context.env, LC_ALL="C")
    for command in commands:
        ran = child.run(command, env=env)
        seen = parse("ldd", ran.out + "\n" + ran.err)
        if seen.get("libc"):
            return found({"name": seen["libc"], "version": seen.get("version")}, ran.command)
        said.append(ran.error or "%s names no C library" % ran.command)
    return failed("; ".join(said), "confstr CS_GNU_LIBC_VERSION, %s, ldd --version" % MUSL_LOADER)
