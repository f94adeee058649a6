"""The facts ``ort.*`` that files alone tell: what is installed, what an import would take, what its libraries need."""

import os
import re
from typing import Any, Dict, List, Optional

from . import ort_installed
from .context import Context
from .elf import ElfError, read
from .fact import Fact, Facts, absent, failed, found, guarded
from .loader import Loader, Object, resolve
from .ort import assigned, text_of
from .ort_providers import preloads, provider_libraries

FOLDER = ort_installed.FOLDER

#: The extension module and the tag of its interpreter; older releases name none.
_EXTENSION = re.compile(r"onnxruntime_pybind11_state(?:\.cpython-(\d+t?)m?)?\b.*\.so$")

#: A module that is one file.
_MODULE = re.compile(r"onnxruntime(\.cpython-[^.]+|\.abi3)?\.(py|so)$")


def collect(context: Context, loader: Loader, sites: List[str], before: List[str], homes: List[str]) -> Facts:
    """Return what the folders of packages ``sites`` hold; ``before`` come first in a search for a module.

    ``homes`` are folders that may hold more such: where one cannot be read, that nothing was found says nothing.
    """
    shut = [path for path in sites + homes if not os.access(context.path(path), os.R_OK | os.X_OK)]
    hosts = [context.path(site) for site in sites]
    owned = ort_installed.distributions(hosts)
    host = ort_installed.installed_folder(hosts, owned)
    folder = context.name(host) if host else None
    shown = os.pathsep.join(sites)
    module = find(context, before + sites, folder)
    facts: Facts = {"ort.module": found(module, shown) if module else absent("%s in %s" % (FOLDER, shown))}
    if shut and (module is None or set(shut) & set(sites)):
        closed = failed("%s cannot be read by this user" % ", ".join(shut), shown)
        return {"ort." + key: closed for key in ("module", "distributions", "folder", "extension")}
    package = folder or (os.path.dirname(str(module["file"])) if module and module["kind"] == "package" else None)
    facts.update(guarded("ort.distributions", _distributions, context, owned, shown))
    facts.update(guarded("ort.folder", _folder, context, folder, shown))
    facts.update(guarded("ort.version", _version, context, owned, package))
    facts.update(guarded("ort.provider_libraries", _libraries, context, loader, package))
    facts.update(guarded("ort.extension", _extension, context, loader, package))
    return facts


def _distributions(context: Context, owned: List[ort_installed.Distribution], shown: str) -> Facts:
    rows = []
    for item in owned:
        missing, changed = ort_installed.check(item, lambda path: context.path(context.name(path)))
        row = {"name": item.name, "version": item.version, "location": context.name(item.location)}
        rows.append(dict(row, missing=missing, changed=changed, files=len(item.files)))
    return {"ort.distributions": found(rows, "metadata folders in %s" % shown)}


def _folder(context: Context, folder: Optional[str], shown: str) -> Facts:
    if folder is None:
        return {"ort.folder": absent("onnxruntime/ of distributions and of site folders in %s" % shown)}
    said = ort_installed.describe(context.path(folder))
    said.update(path=folder, plugin=said["plugin"] and context.name(said["plugin"]))
    return {"ort.folder": found(said, folder)}


def find(context: Context, paths: List[str], folder: Optional[str]) -> Optional[Dict[str, Any]]:
    """Return the value of ``ort.module``: what the import system takes of ``paths``, in their order.

    A folder without ``__init__.py`` is taken only where nothing else of that name is on the path (PEP 420).
    """
    bare = None
    for path in paths:
        here = "%s/%s" % (path.rstrip("/"), FOLDER)
        init = here + "/__init__.py"
        names = [name for name in context.names(path) if _MODULE.match(name)]
        if os.path.isfile(context.path(init)):
            return _module(context, init, here, "package", folder)
        if names:
            return _module(context, "%s/%s" % (path.rstrip("/"), names[0]), here, "module", folder)
        if bare is None and os.path.isdir(context.path(here)):
            bare = here
    return _module(context, None, bare, "namespace", folder) if bare else None


def _module(context: Context, file: Optional[str], here: str, kind: str, folder: Optional[str]) -> Dict[str, Any]:
    same = folder is not None and kind != "module" and context.real(here) == context.real(folder)
    return {"file": file, "kind": kind, "shadows": not same, "location": os.path.dirname(here)}


def _version(context: Context, owned: List[ort_installed.Distribution], package: Optional[str]) -> Facts:
    """Return ``ort.version`` and ``ort.cuda_build``, as the package's own files give them."""
    said: Dict[str, str] = {}
    built = "%s/capi/build_and_package_info.py" % (package or FOLDER)
    init = "%s/__init__.py" % (package or FOLDER)
    for path in (init, built) if package else ():
        said.update(assigned(text_of(context.path(path))))
    version: Fact = absent("%s, %s" % (built, init))
    if said.get("__version__"):
        version = found(said["__version__"], init)
    elif owned:
        version = found(owned[0].version, "metadata of %s" % owned[0].name)
    cuda = said.get("cuda_version")
    return {"ort.version": version, "ort.cuda_build": found(cuda, built) if cuda else absent(built)}


def _natives(context: Context, package: str) -> List[str]:
    return [context.name(path) for path in ort_installed.natives(context.path(package))]


def _libraries(context: Context, loader: Loader, package: Optional[str]) -> Facts:
    key = "ort.provider_libraries"
    if package is None:
        return {key: absent("there is no folder onnxruntime/")}
    natives = _natives(context, package)
    for plugin in ort_installed.plugin_folders(context.path(package)):
        natives += _natives(context, context.name(plugin))
    preload = preloads(text_of(context.path(package + "/capi/_ld_preload.py")))
    source = "%s/capi; loader cache: %s" % (package, loader.cache_source)
    return {key: found(provider_libraries(loader, natives, preload), source)}


def _extension(context: Context, loader: Loader, package: Optional[str]) -> Facts:
    """Return ``ort.extension``: what the native part that an import loads asks of machine, Python and C library."""
    key = "ort.extension"
    if package is None:
        return {key: absent("there is no folder onnxruntime/")}
    matches = [(path, _EXTENSION.match(os.path.basename(path))) for path in _natives(context, package)]
    named = [(path, match.group(1)) for path, match in matches if match]
    if not named:
        return {key: absent("%s/capi/onnxruntime_pybind11_state*.so" % package)}
    path, python = named[0]
    value: Dict[str, Any] = {"path": path, "python": "cp" + python if python else None, "error": None}
    value["glibcxx_here"] = _newest_glibcxx(context, loader)
    try:
        elf = read(context.path(path))
    except (ElfError, OSError) as error:
        # The message names the file as it lies for us; people know it by its name on the machine.
        return {key: found(dict(value, error=str(error).replace(context.path(path), path)), path)}
    chain = [Object(path, elf)]
    value.update(machine=elf.machine, bits=elf.bits, glibc=elf.glibc, glibcxx=elf.glibcxx, exec_stack=elf.exec_stack)
    value["needed"] = []
    # The loader itself (ld-linux-aarch64.so.1) is there before anything is looked for.
    for soname in [name for name in elf.needed if not name.startswith("ld-")]:
        where, searched = resolve(loader, soname, chain)
        value["needed"].append({"soname": soname, "path": where, "searched": searched})
    return {key: found(value, path)}


def _newest_glibcxx(context: Context, loader: Loader) -> Optional[str]:
    """Return the newest GLIBCXX_3.4.N of the libstdc++ that the loader finds: N is the end of its file's name.

    libstdc++ numbers both alike since GCC 3.4 (its manual, "ABI Policy and Guidelines"): libstdc++.so.6.0.30.
    """
    path = resolve(loader, "libstdc++.so.6").path
    match = re.search(r"libstdc\+\+\.so\.6\.0\.(\d+)$", context.real(path)) if path else None
    return "3.4.%s" % match.group(1) if match else None
