"""The facts ``cuda.*``: compilers, toolkits and libraries, wherever they come from."""

import glob
import os
import sys
import threading
from typing import Any, Dict, Iterable, List, Optional

from . import libraries
from .child import Ran, run
from .context import Context
from .fact import Facts, failed, found, guarded
from .loader import of_interpreter
from .reading import read_text
from .texts import parse

#: Where toolkits are put: variables, then folders. The Windows installer sets CUDA_PATH_V12_2 for each.
_VARIABLES = ("CUDA_PATH", "CUDA_HOME", "CUDA_ROOT")
_FOLDERS = {
    "linux": ("/usr/local/cuda*", "/opt/cuda*", "/usr/lib/cuda", "/usr/lib/nvidia-cuda-toolkit"),
    "windows": ("C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/v*",),
}

#: Files in which a toolkit says its version: JSON since 11.1, text before.
_VERSION_FILES = ("version.json", "version.txt")

#: Seconds for nvcc; it prints its version at once unless its file system hangs.
_NVCC_LIMIT = 10.0


def collect(context: Context) -> Facts:
    """Return all facts ``cuda.*``; never raises."""
    folders = toolkit_folders(context)
    compilers = guarded("cuda.nvcc", nvcc, context, folders)
    facts = dict(compilers)
    facts.update(guarded("cuda.toolkits", toolkits, context, folders, compilers["cuda.nvcc"]["value"] or []))
    facts.update(guarded("cuda.libraries", _libraries, context, folders))
    return facts


def toolkit_folders(context: Context) -> List[str]:
    """Return the folders that may be toolkits, each once, symbolic links resolved."""
    named = [context.env.get(name, "") for name in _VARIABLES]
    named += [value for name, value in sorted(context.env.items()) if name.upper().startswith("CUDA_PATH_V")]
    for pattern in _FOLDERS.get(context.os, ()):
        named += [path[len(context.root) :] for path in sorted(glob.glob(context.path(pattern)))]
    for program in _programs(context, context.path_entries()):
        above = os.path.dirname(os.path.dirname(os.path.realpath(context.path(program))))
        # /usr/bin/nvcc, a distribution's package or somebody's wrapper, makes /usr no toolkit.
        if any(os.path.exists(os.path.join(above, name)) for name in ("nvvm",) + _VERSION_FILES):
            named.append(above[len(os.path.realpath(context.root)) :] if context.root else above)
    folders: List[str] = []
    seen = set()
    for path in named:
        real = os.path.realpath(context.path(path))
        if path and real not in seen and os.path.isdir(real):
            seen.add(real)
            folders.append(path if context.root else real)
    return folders


def _programs(context: Context, folders: Iterable[str]) -> List[str]:
    """Return the paths of nvcc in folders, each file once."""
    name = "nvcc.exe" if context.os == "windows" else "nvcc"
    paths: Dict[str, str] = {}
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(context.path(path)):
            paths.setdefault(os.path.realpath(context.path(path)), path)
    return list(paths.values())


def nvcc(context: Context, folders: List[str]) -> Facts:
    """Return ``cuda.nvcc``; a compiler that gives no version is told of in the source or, if alone, is the error."""
    programs = _programs(context, context.path_entries() + [os.path.join(folder, "bin") for folder in folders])
    ran = _all([context.path(program) for program in programs], context.env)
    values, troubles = [], []
    for program in programs:
        answer = ran[context.path(program)]
        said = parse("nvcc", answer.out + answer.err)
        if said.get("cuda"):
            values.append({"path": program, "cuda": said["cuda"], "version": said.get("version")})
        else:
            text = (answer.out + answer.err).strip()[:200]
            troubles.append(answer.error or "%s told no version but: %s" % (answer.command, text or answer.exit))
    source = "nvcc in PATH and toolkits: %s" % ", ".join(programs or folders or ["none"])
    if troubles and not values:
        return {"cuda.nvcc": failed("; ".join(troubles), source)}
    return {"cuda.nvcc": found(values, "; ".join([source] + troubles))}


def _all(programs: List[str], env: Dict[str, str]) -> Dict[str, Ran]:
    """Run ``--version`` of all programs side by side."""
    done: Dict[str, Ran] = {}

    def work(program: str) -> None:
        done[program] = run([program, "--version"], limit=_NVCC_LIMIT, env=env)

    threads = [threading.Thread(target=work, args=(program,)) for program in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def toolkits(context: Context, folders: List[str], compilers: List[Dict[str, Any]]) -> Facts:
    """Return ``cuda.toolkits``: folders that say their version in a file, or whose nvcc does."""
    values = [item for item in (_toolkit(context, folder, compilers) for folder in folders) if item]
    searched = [name for name in _VARIABLES if context.env.get(name)] + list(_FOLDERS.get(context.os, ()))
    return {"cuda.toolkits": found(values, "%s in %s" % (" or ".join(_VERSION_FILES), ", ".join(searched)))}


def _toolkit(context: Context, folder: str, compilers: List[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    for name in _VERSION_FILES:
        path = os.path.join(folder, name)
        said = parse("cuda-version-file", read_text(context, path).text or "")
        if said.get("cuda"):
            return {"path": folder, "version": said.get("version"), "cuda": said["cuda"], "read_from": path}
    inside = os.path.realpath(context.path(os.path.join(folder, "bin")))
    for item in compilers:
        if os.path.dirname(os.path.realpath(context.path(item["path"]))) == inside:
            return {"path": folder, "version": item["version"], "cuda": item["cuda"], "read_from": item["path"]}
    return None


def _libraries(context: Context, folders: List[str]) -> Facts:
    loader = of_interpreter(context)
    copies = libraries.copies(context, loader, sys.path, folders)
    searched = "LD_LIBRARY_PATH" if context.os == "linux" else "PATH"
    source = "%s, loader cache (%s), conda, wheels, torch, toolkits (%s), system folders" % (
        searched,
        loader.cache_source,
        ", ".join(folders) or "none",
    )
    return {"cuda.libraries": found(libraries.entries(context, loader, copies), source)}
