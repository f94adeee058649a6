"""Every copy of a CUDA, cuDNN or TensorRT library at hand: its supplier, and whether the loader takes it."""

import glob
import os
import re
import sys
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .context import Context, here
from .elf import ElfError, read
from .loader import Loader, resolve
from .ort_child import run_here
from .packages import canonical
from .reading import read_text
from .script import not_there

#: Names of the libraries, without prefix and version, by which ``cuda.libraries`` calls them.
_NAMES = "cudart|cublasLt|cublas|cufft|curand|nvrtc|cudnn(?:_[a-z_]+)?|nvinfer(?:_plugin)?|nvonnxparser"

#: File names by platform: name and version. Copies that a wheel's repair renamed carry a hash
#: (``libcudart-8774224f.so.12``). On Windows the digits run together: ``cudart64_110.dll`` is 11.0.
_FILES = {
    "linux": re.compile(r"lib(%s)(?:-[0-9a-f]{8})?\.so((?:\.\d+)*)$" % _NAMES),
    "windows": re.compile(r"(%s)(?:64)?_(\d+)(?:_\d+)?\.dll$" % _NAMES, re.IGNORECASE),
}

#: Sub-folders with libraries: of a toolkit, a conda environment, a site folder.
_TOOLKIT = {"linux": ("lib64", "lib", "targets/*/lib"), "windows": ("bin", "bin/x64", "lib/x64")}
_CONDA = {"linux": ("lib", "targets/*/lib"), "windows": ("Library/bin", "Library/bin/x64", "bin")}
_WHEELS = {
    "linux": ("nvidia/*/lib", "tensorrt_libs"),
    "windows": ("nvidia/*/bin", "nvidia/*/bin/x86_64", "tensorrt_libs"),
}
_TORCH = ("torch/lib",)

#: Where packages of the distribution and JetPack put them; read in case the loader's cache does not tell.
_SYSTEM = ("/usr/lib/*-linux-gnu*", "/usr/lib/*-linux-gnu*/tegra", "/usr/lib64", "/usr/lib", "/usr/local/lib")


class Copy(NamedTuple):
    """One file: ``path`` is the real one, ``soname`` as it names itself, ``supply`` as in docs/facts.md.

    ``wheel`` is the distribution that it came in, ``error`` why no loader can take it.
    """

    name: str
    soname: Optional[str]
    version: Optional[str]
    path: str
    supply: str
    wheel: Optional[str] = None
    error: Optional[str] = None


class Described(NamedTuple):
    """What a file itself, its name and its wheel tell."""

    name: str
    soname: Optional[str]
    version: Optional[str]
    wheel: Optional[str]
    error: Optional[str]


def copies(context: Context, loader: Loader, paths: Iterable[str], toolkits: Iterable[str]) -> List[Copy]:
    """Return the copies, each file once, by the first supply in the order in which a loader prefers them.

    ``paths`` are the site folders (sys.path), ``toolkits`` the folders of CUDA toolkits.
    """
    pattern = _FILES.get(context.os)
    if pattern is None:
        return []
    sites = list(paths)
    wheels = wheel_versions(context, sites)
    seen: Dict[str, Copy] = {}
    for supply, path in _files(context, loader, sites, list(toolkits), pattern):
        real = os.path.realpath(context.path(path))
        if real not in seen and os.path.isfile(real):
            shown = real[len(os.path.realpath(context.root)) :] if context.root else real
            told = _described(pattern, path, real, wheels.get(real))
            seen[real] = Copy(told.name, told.soname, told.version, shown, supply, told.wheel, told.error)
    return list(seen.values())


def _files(
    context: Context, loader: Loader, sites: List[str], toolkits: List[str], pattern: "re.Pattern[str]"
) -> List[Tuple[str, str]]:
    """Return (supply, path) of every file whose name matches, in order of preference."""
    windows = context.os == "windows"
    searched = "PATH" if windows else "LD_LIBRARY_PATH"
    found = _inside(context, searched, context.path_entries(searched), ("",), pattern)
    cached = [path for paths in loader.cache.values() for path in paths if pattern.match(os.path.basename(path))]
    found += [("ldconfig", path) for path in cached]
    system = "jetson" if os.path.isfile(context.path("/etc/nv_tegra_release")) else "system"
    for supply, roots, inner in (
        ("conda", _conda_prefixes(context), _CONDA[context.os]),
        ("wheel", sites, _WHEELS[context.os]),
        ("torch", sites, _TORCH),
        ("toolkit", toolkits, _TOOLKIT[context.os]),
        (system, [] if windows else [""], _SYSTEM),
    ):
        found += _inside(context, supply, roots, inner, pattern)
    return found


def _inside(
    context: Context, supply: str, roots: Iterable[str], inner: Iterable[str], pattern: "re.Pattern[str]"
) -> List[Tuple[str, str]]:
    """List matching files in ``root/inner`` (which may have wildcards), with their own folder's spelling."""
    found = []
    for root in roots:
        for part in inner:
            full = os.path.join(glob.escape(context.path(root)), part.lstrip("/") if root else context.path(part))
            for folder in sorted(glob.glob(full)) or []:
                names = sorted(os.listdir(folder)) if os.path.isdir(folder) and os.access(folder, os.R_OK) else []
                shown = folder[len(context.root) :]
                found += [(supply, os.path.join(shown, name)) for name in names if pattern.match(name)]
    return found


def _conda_prefixes(context: Context) -> List[str]:
    prefixes = [context.env.get("CONDA_PREFIX", ""), sys.prefix]
    return [prefix for prefix in prefixes if prefix and os.path.isdir(context.path(prefix + "/conda-meta"))]


def _described(
    pattern: "re.Pattern[str]", path: str, real: str, wheel: Optional[Tuple[str, str]]
) -> Described:
    """Describe the file ``real``, which was found as ``path``; ``wheel`` is its distribution and version."""
    # A symbolic link may match where the real file's name does not; where both do, the real one says more.
    match = pattern.match(os.path.basename(real)) or pattern.match(os.path.basename(path))
    name, digits = (match.group(1), match.group(2).lstrip(".")) if match else ("", "")
    distribution, version = wheel or (None, None)
    if real.lower().endswith(".dll"):
        return Described(name, os.path.basename(real), version or windows_version(digits), distribution, None)
    soname = error = None
    try:
        soname = read(real).soname
    except ElfError as broken:
        error = str(broken)
    except OSError:
        pass  # not ours to read: what it is, its name tells
    return Described(name, soname, version or digits or _digits(soname) or None, distribution, error)


def _digits(soname: Optional[str]) -> str:
    """Return the version in a soname (``libcudart.so.11.0``: 11.0), or ""."""
    match = _FILES["linux"].match(soname or "")
    return match.group(2).lstrip(".") if match else ""


def windows_version(digits: str) -> str:
    """Split the digits of a DLL's name: three are major and minor (110: 11.0), and so are 60 to 99 (92: 9.2)."""
    if len(digits) == 3 or (len(digits) == 2 and digits >= "60"):
        return "%s.%s" % (digits[:-1], digits[-1])
    return digits


def wheel_versions(context: Context, sites: Iterable[str]) -> Dict[str, Tuple[str, str]]:
    """Return distribution and version that each library of an ``nvidia-*`` or ``tensorrt*`` wheel came in."""
    versions: Dict[str, Tuple[str, str]] = {}
    for site in sites:
        for record in glob.glob(os.path.join(glob.escape(context.path(site)), "*.dist-info", "RECORD")):
            stem = os.path.basename(os.path.dirname(record))[: -len(".dist-info")]
            if not re.match(r"(nvidia|tensorrt)", stem):
                continue
            for line in (read_text(context, record[len(context.root) :]).text or "").splitlines():
                path = line.split(",", 1)[0]
                if re.search(r"\.(so(\.\d+)*|dll)$", path):
                    name, _, version = stem.rpartition("-")
                    versions[os.path.realpath(os.path.join(context.path(site), path))] = (canonical(name), version)
    return versions


def entries(context: Context, loader: Loader, found: List[Copy]) -> List[Dict[str, Any]]:
    """Return the value of ``cuda.libraries``: ``loader`` is true for the copy that its soname leads to."""
    sonames = sorted({item.soname for item in found if item.soname})
    taken = loaded_paths(context, loader, sonames)
    listed = []
    for item in found:
        # Programs are linked against the soname's number; a wheel may count differently.
        major = re.match(r"\d+", _digits(item.soname) or item.version or "")
        listed.append(
            {
                "name": item.name,
                "soname": item.soname,
                "version": item.version,
                "major": int(major.group()) if major else None,
                "path": item.path,
                "supply": item.supply,
                "loader": bool(item.soname) and taken.get(item.soname or "") == item.path,
                "wheel": item.wheel,
                "error": item.error,
            }
        )
    return listed


def loaded_paths(context: Context, loader: Loader, sonames: List[str]) -> Dict[str, Optional[str]]:
    """Return the real path that the loader takes for each soname, or None.

    The emulation says it everywhere. On the machine that this runs on, a child really loads the library
    and is believed where it differs, unless loading failed for another reason than that there is no
    such file. cuDNN's sub-libraries are not loaded: cuDNN opens them itself, and they take long.
    """
    taken: Dict[str, Optional[str]] = {}
    for soname in sonames:
        path = resolve(loader, soname).path
        taken[soname] = context.name(os.path.realpath(context.path(path))) if path else None
    if context.root or context.static or context.os != here().os or not sonames:
        return taken
    tried = [soname for soname in sonames if not soname.startswith("libcudnn_")]
    answer = run_here(context, "load", [part for soname in tried for part in (soname, "")], site=False)
    for soname in tried:
        said = answer.said.get(soname, {})
        if said.get("path"):
            taken[soname] = said["path"]
        elif not_there(said.get("error", ""), soname):
            taken[soname] = None
    return taken
