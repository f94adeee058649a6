"""The facts ``ort.*``: what is installed, what an import takes, and what a session really gets."""

import ast
import os
from typing import Any, Dict, List, Optional

from . import ort_installed, ort_opened, ort_use
from .context import Context
from .fact import Fact, Facts, absent, failed, found, guarded
from .loader import of_interpreter
from .ort_child import Answer
from .ort_elsewhere import elsewhere
from .ort_providers import literal, preloads, provider_libraries
from .ort_use import CPU, CUDA

_ELSEWHERE = "site folders of the Pythons on PATH and in usual places"
_SESSIONS = "sessions over a built-in model of opset 9 and IR 4"


def collect(context: Context) -> Facts:
    """Return all facts ``ort.*``; never raises.

    Two children: one looks, imports and opens a session on the CPU, one opens one on the GPU where the files say
    that there is a CUDA provider. Files are read while these run.
    """
    on_cpu = ort_use.shared(context, full=True)
    look = on_cpu.look()
    paths = look.get("path") or []
    owned = ort_installed.distributions(paths)
    folder = ort_installed.installed_folder(paths, owned)
    module = _module(look, folder, on_cpu)
    package = _package(module, folder)
    libraries = guarded("ort.provider_libraries", _libraries, context, package)
    on_gpu = None
    if any(item["provider"] == CUDA for item in libraries["ort.provider_libraries"]["value"] or []):
        on_gpu = ort_use.Begun(context, [CUDA, CPU], only_with=CUDA)
    facts = {"ort.module": module}
    facts.update(guarded("ort.distributions", _distributions, owned, paths))
    facts.update(guarded("ort.folder", _folder, folder, paths))
    facts.update(guarded("ort.elsewhere", _elsewhere, context, paths))
    facts.update(libraries)
    answer = on_cpu.answer()
    facts.update(_used(context, answer, on_gpu, package))
    ort_opened.fill(facts, answer.said.get("opened"))
    return facts


def installed(context: Context) -> Facts:
    """Return ``ort.distributions`` alone; nothing is imported."""
    paths = ort_use.shared(context).look().get("path") or []
    return guarded("ort.distributions", _distributions, ort_installed.distributions(paths), paths)


def _distributions(owned: List[ort_installed.Distribution], paths: List[str]) -> Facts:
    listed = []
    for item in owned:
        missing, changed = ort_installed.check(item)
        listed.append(
            {
                "name": item.name,
                "version": item.version,
                "location": item.location,
                "missing": missing,
                "changed": changed,
                "files": len(item.files),
            }
        )
    return {"ort.distributions": found(listed, "metadata folders in %s" % _shown(paths))}


def _folder(folder: Optional[str], paths: List[str]) -> Facts:
    if folder is None:
        return {"ort.folder": absent("onnxruntime/ of distributions and of site folders in %s" % _shown(paths))}
    return {"ort.folder": found(ort_installed.describe(folder), folder)}


def _elsewhere(context: Context, paths: List[str]) -> Facts:
    return {"ort.elsewhere": found(elsewhere(context, paths), _ELSEWHERE)}


def _libraries(context: Context, folder: Optional[str]) -> Facts:
    key = "ort.provider_libraries"
    if folder is None:
        return {key: absent("there is no folder onnxruntime/")}
    loader = of_interpreter(context)
    natives = ort_installed.natives(folder)
    for plugin in ort_installed.plugin_folders(folder):
        natives += ort_installed.natives(plugin)
    preload = preloads(text_of(os.path.join(folder, "capi", "_ld_preload.py")))
    source = "%s; loader cache: %s" % (os.path.join(folder, "capi"), loader.cache_source)
    return {key: found(provider_libraries(loader, natives, preload), source)}


def _module(look: Dict[str, Any], folder: Optional[str], child: ort_use.Begun) -> Fact:
    """Return ``ort.module`` from what find_spec said in the child."""
    source = "importlib.util.find_spec('onnxruntime') from the current folder"
    spec = look.get("spec")
    if look.get("spec_trouble"):
        return failed("%s raised %s" % (source, look["spec_trouble"]), source)
    if spec is None and "spec" not in child.answer().said:
        return failed(child.answer().trouble(), source)
    if spec is None:
        paths = look.get("path") or []
        return absent("%s; sys.path: %s" % (source, _shown(paths)))
    locations = spec["locations"]
    here = (locations or [spec["origin"] or ""])[0]
    value = {
        "file": spec["origin"],
        "kind": "module" if locations is None else "package" if spec["origin"] else "namespace",
        "shadows": folder is None or os.path.realpath(here) != os.path.realpath(folder),
        "location": os.path.dirname(here),
    }
    return found(value, source)


def _package(module: Fact, folder: Optional[str]) -> Optional[str]:
    """Return the folder that native files are looked for in: the installed one, else what an import takes."""
    value = module["value"] or {}
    if folder is None and value.get("kind") == "package":
        return os.path.dirname(str(value["file"]))
    return folder


def _used(context: Context, cpu: Answer, gpu: Optional[ort_use.Begun], package: Optional[str]) -> Facts:
    """Return what import and sessions say; the GPU is tried late where no file told of its provider."""
    built = os.path.join(package or "onnxruntime", "capi", "build_and_package_info.py")
    facts = ort_use.import_facts(cpu, assigned(text_of(built)), built)
    imported = facts["ort.import"]["value"]
    if imported is None or not imported["ok"]:
        if imported is not None and package is not None:
            imported["numpy"] = ort_use.numpy_alone(context)
        facts["ort.session"] = failed("no session was tried, because onnxruntime could not be imported", _SESSIONS)
        return facts
    requested = [CUDA, CPU]
    if gpu is not None:
        on_gpu = ort_use.session(gpu.answer(), requested)
    elif CUDA in (cpu.said.get("providers") or []):
        on_gpu = ort_use.session(ort_use.Begun(context, requested, only_with=CUDA).answer(), requested)
    else:
        on_gpu = None
    sessions = {"cpu": ort_use.session(cpu, [CPU]), "cuda": on_gpu}
    facts["ort.session"] = found(sessions, _SESSIONS)
    return facts


def assigned(source: str) -> Dict[str, str]:
    """Return the names that a Python file assigns texts to, without running it."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return {}
    values = {}
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            text = literal(statement.value)
            if text is not None:
                values[statement.targets[0].id] = text
    return values


def text_of(path: str) -> str:
    """Return the text of a file of the package; a file that a release does not have is empty."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _shown(paths: List[str]) -> str:
    return os.pathsep.join(paths)
