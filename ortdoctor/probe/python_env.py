"""The ``python.*`` facts: the interpreter, the environment it belongs to, pip, packages and variables."""

import os
import platform
import site
import struct
import sys
import sysconfig
from fnmatch import fnmatchcase
from typing import Dict, Optional, Tuple

from . import packages, pip_tags
from .context import Context
from .fact import Facts, found, guarded

#: Variables that change which interpreter, libraries or devices are used.
VARIABLES = (
    "CUDA_PATH",
    "CUDA_PATH_V*",
    "CUDA_HOME",
    "CUDA_VISIBLE_DEVICES",
    "CUDNN_PATH",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PATH",
    "PYTHONPATH",
    "CONDA_PREFIX",
    "VIRTUAL_ENV",
    "ORT_*",
)


def collect(context: Context) -> Facts:
    """Return all ``python.*`` facts of the interpreter that this runs in."""
    facts = {
        "python.version": found(version_text(sys.version_info), "sys.version_info"),
        "python.implementation": found(platform.python_implementation(), "platform.python_implementation()"),
        "python.executable": found(sys.executable, "sys.executable"),
        "python.prefix": found(sys.prefix, "sys.prefix"),
        "python.bits": found(struct.calcsize("P") * 8, "size of a pointer"),
    }
    facts.update(guarded("python.abi_tag", _abi_tag))
    facts.update(guarded("python.environment", _environment))
    facts.update(guarded(packages.KEY, packages.collect))
    facts.update(guarded("python.env", variables, context))
    facts.update(guarded(pip_tags.PIP, pip_tags.collect, context))
    return facts


def version_text(info: Tuple[int, int, int, str, int]) -> str:
    """Return ``3.14.0rc1``: what platform.python_version() gives, without the ``+`` of a patched build."""
    stage = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info[3])
    return "%d.%d.%d" % tuple(info[:3]) + ("%s%d" % (stage, info[4]) if stage else "")


def _abi_tag() -> Facts:
    names = ("Py_DEBUG", "WITH_PYMALLOC", "Py_GIL_DISABLED", "SOABI")
    flags = {name: sysconfig.get_config_var(name) for name in names}
    flags["Py_DEBUG"] = flags["Py_DEBUG"] or hasattr(sys, "gettotalrefcount")
    tag = abi_tag(sys.implementation.name, tuple(sys.version_info[:2]), flags)
    return {"python.abi_tag": found(tag, "sysconfig")}


def abi_tag(implementation: str, version: Tuple[int, ...], flags: Dict[str, object]) -> str:
    """Return the tag of the binary interface, as wheel names spell it (PEP 425).

    CPython up to 3.7 has ``m`` for its own allocator, which Windows builds always have and do not
    state; 3.13 and later have ``t`` for free threading. Other interpreters name it in their SOABI.
    """
    if implementation == "cpython":
        debug = "d" if flags.get("Py_DEBUG") else ""
        pymalloc = "m" if version < (3, 8) and flags.get("WITH_PYMALLOC") in (None, 1, True) else ""
        threads = "t" if version >= (3, 13) and flags.get("Py_GIL_DISABLED") else ""
        return "cp%d%d%s%s%s" % (version[0], version[1], threads, debug, pymalloc)
    soabi = str(flags.get("SOABI") or "none")
    # pypy310-pp73-x86_64-linux-gnu: the first two parts are the interface, the rest is the platform.
    parts = soabi.split("-")[:2] if implementation == "pypy" else [soabi]
    return "_".join(parts).replace(".", "_").replace("-", "_")


def _environment() -> Facts:
    kind, path, source = "system", sys.prefix, "sys.prefix"
    tool: Optional[str] = None
    base = getattr(sys, "real_prefix", sys.base_prefix)  # virtualenv before 20 sets real_prefix
    if base != sys.prefix:
        kind, source = "venv", "sys.prefix != sys.base_prefix"
        tool = environment_tool(sys.prefix, hasattr(sys, "real_prefix"))
    elif os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        kind, source = "conda", os.path.join(sys.prefix, "conda-meta")
    elif site.ENABLE_USER_SITE and not os.access(sysconfig.get_path("purelib"), os.W_OK):
        # What pip itself goes by when it says "Defaulting to user installation".
        kind, path, source = "user", site.getuserbase(), "site.getuserbase()"
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")  # PEP 668; not asked in a venv
    managed = kind != "venv" and os.path.isfile(marker)
    value = {"kind": kind, "path": path, "tool": tool, "externally_managed": managed}
    return {"python.environment": found(value, "%s, %s" % (source, marker))}


def environment_tool(prefix: str, old_virtualenv: bool) -> str:
    """Return who made the virtual environment ``prefix``, by the line that each writes into pyvenv.cfg."""
    names = set()
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as stream:
            names = {line.partition("=")[0].strip().lower() for line in stream}
    except OSError:
        return "virtualenv" if old_virtualenv else "venv"
    return next((tool for tool in ("uv", "virtualenv") if tool in names), "venv")


def variables(context: Context) -> Facts:
    """Return ``python.env``."""
    values = {
        name: text
        for name, text in sorted(context.env.items())
        if any(fnmatchcase(name.upper(), pattern) for pattern in VARIABLES)
    }
    return {"python.env": found(values, "environment variables")}
