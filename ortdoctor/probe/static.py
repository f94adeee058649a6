"""All facts that files alone tell, of this machine or of one in a folder: nothing is run, imported or loaded."""

import os
import re
from typing import Any, Dict, List, Optional

from . import container, cpu, cuda, cudnn, jetson, libraries, packages, pci, static_ort, static_system, system
from .collect import document
from .context import Context
from .fact import Facts, absent, found, guarded
from .loader import Loader, resolve
from .ort_elsewhere import elsewhere
from .python_env import variables
from .static_loader import of_root
from .static_pythons import Interpreter, describe, find, homes

#: What the root of a Linux system has at least one of.
_TOPS = ("etc", "usr", "lib", "bin")

_METADATA = re.compile(r"((?:onnxruntime|ort)(?:_[a-z0-9_]+)?)-(\d[^-]*)\.dist-info$")

#: The folder of a toolkit, which since 11.0 also comes without a file that says its version.
_TOOLKIT = re.compile(r"/cuda-(\d+\.\d+)$")

#: Pythons that a sentence names.
_SHOWN = 6


class NoPythonError(ValueError):
    """There is no such interpreter; ``str()`` is one sentence for people."""


class RootError(ValueError):
    """The folder is no root that can be judged, or holds several Pythons; ``str()`` is one sentence for people."""


def collect(context: Context, executable: Optional[str], version: str = "") -> Dict[str, Any]:
    """Return the document of docs/facts.md, ``"mode": "static"``, for the interpreter ``executable`` of ``context``.

    None is a machine without a Python. Keys that only running or loading could fill are not in it. Never raises.
    """
    python = describe(context, executable) if executable else None
    loader = of_root(context, executable)
    told = static_system.arch(context, executable)
    context = context._replace(arch=told["value"] or context.arch)
    loader = loader._replace(context=context)
    facts: Facts = {"system.os": found("linux", "the kind of its files"), "system.arch": told}
    facts.update(guarded("system.kernel", lambda: {"system.kernel": static_system.kernel(context)}))
    facts.update(guarded("system.libc", lambda: {"system.libc": static_system.libc(context)}))
    facts.update(guarded("system.distribution", system.distribution, context))
    facts.update(guarded(container.KEY, container.collect, context))
    facts.update(guarded(jetson.KEY, jetson.collect, context))
    if context.root:
        facts["system.wsl"] = absent("a root that is not running")
    else:
        facts.update(guarded("system.wsl", system.wsl, context))
        facts.update(guarded(cpu.KEY, cpu.collect, context))
        facts.update(guarded(pci.KEY, pci.collect, context))
        facts.update(guarded("python.env", variables, context))
    sites = python.sites if python else []
    facts.update(guarded("python.version", _python, context, python))
    facts.update(guarded("gpu.driver_version", static_system.driver, context, loader))
    conda = {"CONDA_PREFIX": python.prefix} if python and python.kind == "conda" else {}
    facts.update(guarded("cuda.libraries", _cuda, context._replace(env=dict(context.env, **conda)), loader, sites))
    facts.update(guarded("cudnn.header", cudnn.header, context, sites))
    facts.update(guarded("cudnn.wheels", cudnn.wheels, [context.path(site) for site in sites]))
    facts.update(guarded("cudnn.runtime", _cudnn, context, loader))
    facts.update(guarded("ort.module", static_ort.collect, context, loader, sites, before(context), homes(context)))
    facts.update(guarded("ort.elsewhere", _elsewhere, context, python))
    told_of = dict(document(facts, version), mode="static")
    return dict(told_of, root=context.root) if context.root else told_of


def before(context: Context) -> List[str]:
    """Return the folders that a search for a module begins with: the current one and PYTHONPATH, here only."""
    if context.root:
        return []
    return [context.cwd] + [os.path.abspath(path) for path in context.path_entries("PYTHONPATH")]


def _python(context: Context, python: Optional[Interpreter]) -> Facts:
    if python is None:
        none = absent("no Python was found in the usual folders")
        return {"python.version": none, "python.executable": none}
    source = python.source
    facts = {
        "python.version": found(python.version, source) if python.version else absent(source),
        "python.implementation": found(python.implementation, source),
        "python.executable": found(python.executable, python.executable),
        "python.prefix": found(python.prefix, python.executable),
        "python.abi_tag": found(python.tag, source) if python.tag else absent(source),
    }
    environment = {"kind": python.kind, "path": python.prefix, "tool": python.tool}
    facts["python.environment"] = found(dict(environment, externally_managed=python.managed), python.prefix)
    shown = os.pathsep.join(python.sites)
    hosts = [context.path(site) for site in python.sites]
    facts["python.packages"] = found(dict(sorted(packages.installed(hosts).items())), shown)
    pips = [path for site in python.sites for path in context.glob(site + "/pip-*.dist-info")]
    match = re.search(r"pip-([^/]+)\.dist-info$", pips[0]) if pips else None
    facts["python.pip"] = found({"version": match.group(1), "path": pips[0]}, pips[0]) if match else absent(shown)
    return facts


def _cuda(context: Context, loader: Loader, sites: List[str]) -> Facts:
    folders = cuda.toolkit_folders(context)
    facts = cuda.toolkits(context, folders, [])
    told = facts["cuda.toolkits"]["value"]
    read = {context.real(item["path"]) for item in told}
    for folder in folders:
        named = _TOOLKIT.search(context.real(folder))
        if named and context.real(folder) not in read:
            item = {"path": folder, "version": None, "cuda": named.group(1), "read_from": "the name of the folder"}
            told.append(item)
    copies = libraries.copies(context, loader, sites, folders)
    source = "loader cache (%s), wheels, torch, toolkits (%s), system folders" % (
        loader.cache_source,
        ", ".join(folders) or "none",
    )
    facts["cuda.libraries"] = found(libraries.entries(context, loader, copies), source)
    return facts


def _cudnn(context: Context, loader: Loader) -> Facts:
    """Return ``cudnn.runtime`` by the name of the file that the loader finds, where that has the whole version."""
    for major in cudnn.MAJORS:
        path = resolve(loader, "libcudnn.so.%d" % major).path
        match = re.search(r"\.so\.(\d+\.\d+\.\d+)$", context.real(path)) if path else None
        if path and match:
            return {"cudnn.runtime": found({"path": path, "version": match.group(1)}, "the name of the file")}
    return {}


def _elsewhere(context: Context, python: Optional[Interpreter]) -> Facts:
    if not context.root:
        rows = elsewhere(context, python.sites if python else [])
        return {"ort.elsewhere": found(rows, "site folders of the Pythons on PATH and in usual places")}
    own = python.executable if python else None
    others = [row for path in find(context) if path != own for row in installed(context, path, python)]
    return {"ort.elsewhere": found(others, "site folders of the root's other Pythons")}


def installed(context: Context, executable: str, other_than: Optional[Interpreter] = None) -> List[Dict[str, str]]:
    """Return ``[{python, version, distribution}]`` of an interpreter that has the package, but for shared folders."""
    known = {context.real(site) for site in (other_than.sites if other_than else [])}
    rows = []
    for site in describe(context, executable).sites:
        if context.real(site) in known or not os.path.isdir(context.path(site + "/onnxruntime")):
            continue
        known.add(context.real(site))
        matches = [match for match in map(_METADATA.match, context.names(site)) if match]
        for name, version in [match.groups() for match in matches] or [("onnxruntime", "")]:
            rows.append({"python": executable, "version": version, "distribution": name.replace("_", "-")})
    return rows


def choose(context: Context, wanted: Optional[str]) -> Optional[str]:
    """Return the executable to judge in a root: the one that was named, else the only one with ONNX Runtime.

    Without any ONNX Runtime it is the first Python, or None. Raises :class:`RootError` where that does not tell, and
    :class:`NoPythonError` where the one that was named is not there.
    """
    if wanted:
        path = wanted
        if context.root and (path + "/").startswith(context.root + "/"):
            path = context.name(path)
        if path[:1] != "/":
            said = "--python names the interpreter by its whole path inside %s and is %r"
            raise RootError(said % (context.root, wanted))
        if os.path.isdir(context.path(path)):
            path = path.rstrip("/") + "/bin/python"
        if not os.path.lexists(context.path(os.path.dirname(path)) + "/" + os.path.basename(path)):
            if not context.root:
                raise NoPythonError("there is no %s; expected the path of a Python interpreter" % path)
            there = ", ".join(find(context)[:_SHOWN]) or "none"
            raise NoPythonError("there is no %s inside %s; Pythons there: %s" % (path, context.root, there))
        return path
    found_here = find(context)
    with_ort: Dict[str, str] = {}
    seen = set()
    for path in found_here:
        rows = installed(context, path)
        sites = describe(context, path).sites
        places = [site for site in sites if os.path.isdir(context.path(site + "/onnxruntime"))]
        if rows and context.real(places[0]) not in seen:
            seen.add(context.real(places[0]))
            with_ort[path] = " and ".join("%s %s" % (row["distribution"], row["version"]) for row in rows)
    if len(with_ort) > 1:
        listed = ", ".join(["%s (%s)" % pair for pair in with_ort.items()][:_SHOWN])
        more = " and %d more" % (len(with_ort) - _SHOWN) if len(with_ort) > _SHOWN else ""
        raise RootError(
            "several Pythons inside %s have ONNX Runtime: %s%s; name one: --python %s"
            % (context.root or "/", listed, more, next(iter(with_ort)))
        )
    return next(iter(with_ort), found_here[0] if found_here else None)


def root_context(root: str) -> Context:
    """Return the context of the Linux system whose files lie in the folder ``root``; RootError where none does."""
    folder = os.path.realpath(root)
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise RootError("--root names the folder that a Linux system is mounted in, and %s %s" % (root, what))
    names = os.listdir(folder)
    if not any(name in names for name in _TOPS):
        said = ", ".join(sorted(names)[:5]) or "nothing"
        looks = "a disk of Windows, which is not read" if "Windows" in names else said
        raise RootError("%s should hold a Linux system (etc, usr, lib ..) and holds %s" % (root, looks))
    return Context("linux", "", {}, "" if folder == "/" else folder, "/", static=True)
