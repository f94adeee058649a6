"""The facts ``cudnn.*``: headers, the copy that the loader takes, and wheels."""

import glob
import os
import re
import sys
from typing import Any, Dict, Iterable

from .context import Context
from .cuda import toolkit_folders
from .fact import Facts, absent, failed, found, guarded
from .loader import of_interpreter, resolve
from .ort_child import run_here
from .packages import canonical
from .reading import read_text
from .script import not_there
from .texts import parse
from .texts.cudnn_header import unpack

#: Since 8.0 the version stands in cudnn_version.h, before in cudnn.h.
_HEADERS = ("cudnn_version.h", "cudnn.h")

#: Majors that may be installed, newest first: 5 came with CUDA 7.5; the upper end leaves room.
MAJORS = range(14, 4, -1)

#: How the library of a major is named by platform.
_NAMES = {"linux": "libcudnn.so.%d", "windows": "cudnn64_%d.dll"}

_VERSION_CALL = "cudnnGetVersion"


def collect(context: Context) -> Facts:
    """Return all facts ``cudnn.*``; never raises."""
    facts = guarded("cudnn.header", header, context, sys.path)
    facts.update(guarded("cudnn.runtime", runtime, context))
    facts.update(guarded("cudnn.wheels", wheels, sys.path))
    return facts


def header(context: Context, sites: Iterable[str]) -> Facts:
    """Return ``cudnn.header``: every header that tells a version."""
    folders = [os.path.join(folder, "include") for folder in toolkit_folders(context)]
    folders += [os.path.join(folder, "targets/*/include") for folder in toolkit_folders(context)]
    for name, inner in (("CUDNN_PATH", "include"), ("CONDA_PREFIX", "include"), ("CONDA_PREFIX", "Library/include")):
        if context.env.get(name):
            folders.append(os.path.join(context.env[name], inner))
    if context.os == "linux":
        folders += ["/usr/include", "/usr/include/*-linux-gnu*", "/usr/local/include"]
    folders += [os.path.join(site, "nvidia", "cudnn", "include") for site in sites]
    values: Dict[str, Dict[str, Any]] = {}
    for pattern in folders:
        for folder in sorted(glob.glob(context.path(pattern))):
            item = _version_in(context, folder[len(context.root) :])
            if item:
                values.setdefault(os.path.realpath(context.path(item["path"])), item)
    return {"cudnn.header": found(list(values.values()), "%s in %s" % (" or ".join(_HEADERS), ", ".join(folders)))}


def _version_in(context: Context, folder: str) -> Dict[str, Any]:
    for name in _HEADERS:
        path = os.path.join(folder, name)
        said = parse("cudnn-header", read_text(context, path).text or "")
        if said.get("cudnn"):
            item = {"path": path, "cudnn": said["cudnn"]}
            return dict(item, partial=True) if said.get("partial") else item
    return {}


def runtime(context: Context) -> Facts:
    """Return ``cudnn.runtime``: what ``cudnnGetVersion()`` says in a child, of the newest major that loads."""
    name = _NAMES.get(context.os)
    if name is None:
        return {"cudnn.runtime": absent("there is no cuDNN for %s" % context.os)}
    names = [name % major for major in MAJORS]
    answer = run_here(context, "load", [part for name in names for part in (name, _VERSION_CALL)], site=False)
    troubles = []
    for soname in names:
        said = answer.said.get(soname, {})
        if said.get("number"):
            value = {"path": said["path"], "version": ".".join(map(str, unpack(said["number"])))}
            return {"cudnn.runtime": found(value, "%s() of %s" % (_VERSION_CALL, soname))}
        if said.get("error") and not not_there(said["error"], soname):
            troubles.append(said["error"])
    if len(answer.said) < len(names):
        return {"cudnn.runtime": failed(answer.trouble(), ", ".join(names))}
    if troubles:
        return {"cudnn.runtime": failed("; ".join(troubles), ", ".join(names))}
    searched = resolve(of_interpreter(context), names[0]).searched
    return {"cudnn.runtime": absent("%s in %s" % (", ".join(names), ", ".join(searched)))}


def wheels(sites: Iterable[str]) -> Facts:
    """Return ``cudnn.wheels`` of the folders on sys.path."""
    folders = [glob.escape(site or os.curdir) for site in sites]
    paths = [path for folder in folders for path in sorted(glob.glob(os.path.join(folder, "nvidia*cudnn*.dist-info")))]
    matches = [re.match(r"(.+)-([^-]+)\.dist-info$", os.path.basename(path)) for path in paths]
    values = [{"distribution": canonical(match.group(1)), "version": match.group(2)} for match in matches if match]
    return {"cudnn.wheels": found(values, "metadata folders on sys.path")}
