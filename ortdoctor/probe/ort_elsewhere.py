"""Other Pythons at hand that do have an onnxruntime: found in their site folders, none is run."""

import glob
import os
import re
from typing import Dict, Iterable, List, Tuple

from .context import Context

#: Folders that hold one environment or installation per entry (``~`` is the home folder).
_COLLECTIONS = (
    "~/.pyenv/versions/*",
    "~/.local/share/uv/python/*",
    "~/.virtualenvs/*",
    "~/.venvs/*",
    "~/miniconda3",
    "~/miniconda3/envs/*",
    "~/anaconda3",
    "~/anaconda3/envs/*",
    "~/miniforge3",
    "~/miniforge3/envs/*",
    "/opt/conda",
    "/opt/conda/envs/*",
    "/usr",
    "/usr/local",
    "~/.local",
)

#: The same on Windows; ``%NAME%`` is an environment variable.
_WINDOWS_COLLECTIONS = (
    "%LOCALAPPDATA%/Programs/Python/*",
    "%APPDATA%/Python/*",
    "%USERPROFILE%/miniconda3",
    "%USERPROFILE%/miniconda3/envs/*",
    "%USERPROFILE%/anaconda3",
    "%USERPROFILE%/anaconda3/envs/*",
    "%ProgramFiles%/Python3*",
)

#: Virtual environments that a project keeps in its own folder.
_PROJECT = (".venv", "venv", "env")

#: Site folders below a prefix: Linux and macOS, Debian's own, Windows.
_SITES = ("lib/python3*/site-packages", "lib/python3*/dist-packages", "Lib/site-packages", "site-packages")

_METADATA = re.compile(r"((?:onnxruntime|ort_nightly|ort)(?:_[a-z0-9_]+)?)-([0-9][^-]*)\.dist-info$", re.IGNORECASE)


def elsewhere(context: Context, own_paths: Iterable[str]) -> List[Dict[str, str]]:
    """Return ``[{python, version, distribution}]`` of site folders not on ``own_paths`` (sys.path)."""
    seen = {os.path.realpath(path) for path in own_paths}
    found = []
    for prefix in prefixes(context):
        for pattern in _SITES:
            for site in sorted(glob.glob(os.path.join(glob.escape(context.path(prefix)), pattern))):
                real = os.path.realpath(site)
                if real in seen:
                    continue
                seen.add(real)
                python = _python(prefix, site)
                found += [{"python": python, "version": v, "distribution": d} for d, v in _installed(site)]
    return found


def prefixes(context: Context) -> List[str]:
    """Return the folders that may hold a Python: of PATH, the project, and where tools put them."""
    windows = context.os == "windows"
    found: List[str] = []
    for folder in context.path_entries():
        if windows:
            found += [folder, os.path.dirname(folder.rstrip("\\/"))]
        elif glob.glob(os.path.join(glob.escape(context.path(folder)), "python3*")):
            found.append(os.path.dirname(folder.rstrip("/")))
    found += [os.path.join(context.cwd, name) for name in _PROJECT]
    root = context.env.get("PYENV_ROOT")
    patterns = ([root + "/versions/*"] if root else []) + list(_WINDOWS_COLLECTIONS if windows else _COLLECTIONS)
    for pattern in patterns:
        expanded = _expand(context, pattern)
        if expanded:
            matches = sorted(glob.glob(context.path(expanded)))
            found += [match[len(context.root) :] for match in matches]
    unique: List[str] = []
    for prefix in found:
        if prefix not in unique and os.path.isdir(context.path(prefix)):
            unique.append(prefix)
    return unique


def _expand(context: Context, pattern: str) -> str:
    """Put the home folder and variables in; "" where one is not set."""
    names = re.findall("%([A-Za-z]+)%", pattern) + (["HOME"] if pattern.startswith("~") else [])
    for name in names:
        value = context.env.get(name) or context.env.get(name.upper())
        if not value:
            return ""
        pattern = pattern.replace("%" + name + "%", value) if name != "HOME" else value + pattern[1:]
    return pattern


def _python(prefix: str, site: str) -> str:
    """Return the interpreter that the site folder belongs to, else the site folder itself."""
    version = re.search(r"(python3(?:\.\d+)?)[\\/](?:site|dist)-packages$", site)
    names = [version.group(1)] if version else []
    shown = [os.path.join(prefix, "bin", name) for name in names + ["python3"]]
    shown += [os.path.join(prefix, "Scripts", "python.exe"), os.path.join(prefix, "python.exe")]
    return next((path for path in shown if os.path.exists(path)), site)


def _installed(site: str) -> List[Tuple[str, str]]:
    """Return name and version of the distributions of onnxruntime in a site folder that holds its package."""
    if not os.path.isfile(os.path.join(site, "onnxruntime", "__init__.py")):
        return []
    matches = [_METADATA.match(name) for name in sorted(os.listdir(site))]
    return [(match.group(1).replace("_", "-"), match.group(2)) for match in matches if match]
