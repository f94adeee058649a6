"""Pythons by their files: where they are, what they are, and the folders that they search; none is run."""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from .context import Context
from .python_env import environment_tool
from .reading import read_text

_EXECUTABLE = re.compile(r"(?:python|pypy)3(?:\.\d+)?t?$")

#: Folders that may be the prefix of a Python. ``~`` is every home folder; what has a pyvenv.cfg is looked for besides.
_PREFIXES = (
    "/usr/local",
    "/usr",
    "/opt/conda",
    "/opt/conda/envs/*",
    "/opt/*",
    "/opt/*/envs/*",
    "/opt/*/versions/*",
    "~/miniconda3",
    "~/miniconda3/envs/*",
    "~/anaconda3",
    "~/anaconda3/envs/*",
    "~/miniforge3",
    "~/miniforge3/envs/*",
    "~/mambaforge",
    "~/mambaforge/envs/*",
    "~/.pyenv/versions/*",
    "~/.local/share/uv/python/*",
    "~/.virtualenvs/*",
)

#: Where virtual environments are made, by the file that each has.
_VENVS = ("/%s/pyvenv.cfg", "/%s/*/pyvenv.cfg", "/%s/*/*/pyvenv.cfg", "/%s/*/*/*/pyvenv.cfg")
_HIDDEN = ("/%s/.venv/pyvenv.cfg", "/%s/*/.venv/pyvenv.cfg", "/%s/*/*/.venv/pyvenv.cfg")

#: Top folders that hold no environments, or too much of other things.
_NOT_SEARCHED = ("proc", "sys", "dev", "run", "usr", "bin", "sbin", "lib", "lib32", "lib64", "boot", "etc", "var")

_HOMES = ("/root", "/home/*")


class Interpreter(NamedTuple):
    """One Python; all paths are the machine's own. ``version`` may lack its last part where no file tells it.

    ``sites`` are the folders of packages in the order of sys.path.
    """

    executable: str
    prefix: str
    version: str
    tag: str
    implementation: str
    kind: str
    tool: Optional[str]
    managed: bool
    sites: List[str]
    source: str


def homes(context: Context) -> List[str]:
    """Return the home folders: the user's own on this machine, all of them in a root."""
    if not context.root and context.env.get("HOME"):
        return [context.env["HOME"]]
    return [path for pattern in _HOMES for path in context.glob(pattern)]


def find(context: Context) -> List[str]:
    """Return the executables of the root's Pythons, each version of a prefix once, those of the system first."""
    prefixes: List[str] = []
    for pattern in _PREFIXES:
        starts = homes(context) if pattern[0] == "~" else [""]
        for start in starts:
            prefixes += context.glob(start + pattern.lstrip("~"))
    tops = [name for name in context.names("/") if name not in (*_NOT_SEARCHED, "tmp")]
    for pattern in _VENVS + _HIDDEN:
        for top in tops:
            prefixes += [os.path.dirname(path) for path in context.glob(pattern % top)]
    prefixes += [path for name in (".venv", "venv") for path in context.glob("/" + name)]
    found: Dict[Tuple[str, str], str] = {}
    for prefix in prefixes:
        real = context.real(prefix)
        # A plain "python" may be Python 2, but not in an environment.
        plain = bool(_config(context, prefix)) or os.path.isdir(context.path(prefix + "/conda-meta"))
        programs = context.names(prefix + "/bin")
        names = [name for name in programs if _EXECUTABLE.match(name) or (plain and name == "python")]
        for name in sorted(names, key=len):
            path = "%s/bin/%s" % (prefix, name)
            found.setdefault((real, _short(context, path, prefix)), path)
    return list(found.values())


def describe(context: Context, executable: str) -> Interpreter:
    """Return what the files around an interpreter tell of it."""
    folder = os.path.dirname(executable)
    prefix = os.path.dirname(folder)
    config = _config(context, prefix)
    short = _short(context, executable, prefix)
    real = context.real(executable)
    home = config.get("home", "")
    base = os.path.dirname(home if home[:1] == "/" else os.path.dirname(real))
    version, source = _version(context, short, (prefix, base), config, real)
    pypy = "pypy" in os.path.basename(real)
    conda = os.path.isdir(context.path(prefix + "/conda-meta"))
    kind = "venv" if config else "conda" if conda else "system"
    tool = environment_tool(context.path(prefix), old_virtualenv=False) if config else None
    own = _sites(context, prefix, short)
    if not config or config.get("include-system-site-packages", "").lower() == "true":
        users = ["%s/.local/lib/python%s/site-packages" % (home, short) for home in homes(context)]
        own = ([] if config else users) + own + (users + _sites(context, base, short) if config else [])
    sites: List[str] = []
    seen: Set[str] = set()
    for path in own:
        for entry in [path] + _pth(context, path):
            if context.real(entry) not in seen and os.path.isdir(context.path(entry)):
                seen.add(context.real(entry))
                sites.append(entry)
    standard = "%s/lib/python%s" % (prefix, short)
    managed = kind != "venv" and os.path.isfile(context.path(standard + "/EXTERNALLY-MANAGED"))
    return Interpreter(
        executable,
        prefix,
        version,
        "" if pypy else tag(short),
        "PyPy" if pypy else "CPython",
        kind,
        tool,
        managed,
        sites,
        source,
    )


def tag(short: str) -> str:
    """Return the tag of the binary interface for a version such as ``3.10`` or ``3.13t``; "" where there is none."""
    match = re.match(r"3\.(\d+)(t?)$", short)
    if not match:
        return ""
    return "cp3%s%s" % (match.group(1), "m" if int(match.group(1)) < 8 else match.group(2))


def _config(context: Context, prefix: str) -> Dict[str, str]:
    """Return the lines of pyvenv.cfg; nothing where this is no virtual environment."""
    text = read_text(context, prefix + "/pyvenv.cfg").text or ""
    pairs = [line.partition("=") for line in text.splitlines()]
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}


def _short(context: Context, executable: str, prefix: str) -> str:
    """Return major and minor (``3.10``, ``3.13t``): of pyvenv.cfg, of the program's name, of its library folder."""
    config = _config(context, prefix)
    for text in (config.get("version"), config.get("version_info")):
        match = re.match(r"3\.\d+", text or "")
        if match:
            return match.group()
    for path in (executable, context.real(executable)):
        match = re.search(r"(?:python|pypy)(\d\.\d+t?)$", path)
        if match:
            return match.group(1)
    names = [name for name in context.names(prefix + "/lib") if re.match(r"(?:python|pypy)3\.\d+t?$", name)]
    newest = sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])
    return re.sub("^(?:python|pypy)", "", newest[-1]) if newest else ""


def _version(
    context: Context, short: str, prefixes: Tuple[str, str], config: Dict[str, str], real: str
) -> Tuple[str, str]:
    """Return the whole version and the file that tells it; ``short`` where none does."""
    told = config.get("version") or config.get("version_info") or ""
    match = re.match(r"3\.\d+\.\d+", told)
    if match:
        return match.group(), prefixes[0] + "/pyvenv.cfg"
    for folder in prefixes:
        for path in context.glob("%s/include/python%s*/patchlevel.h" % (folder, short)):
            match = re.search(r'#define\s+PY_VERSION\s+"([^"+]+)', read_text(context, path).text or "")
            if match:
                return match.group(1), path
        for path in context.glob("%s/conda-meta/python-%s.*.json" % (folder, short)):
            return os.path.basename(path).split("-")[1], path
    match = re.search(r"(?:versions/|cpython-)(%s\.\d+)" % re.escape(short), real)
    if match:
        return match.group(1), real
    packages = read_text(context, "/var/lib/dpkg/status").text or ""
    form = r"^Package: (?:lib)?python%s-minimal\n(?:.+\n)*?Version: ([\d.]+)" % re.escape(short)
    match = re.search(form, packages, re.MULTILINE)
    if match and short:
        return match.group(1), "/var/lib/dpkg/status"
    return short, real


def _sites(context: Context, prefix: str, short: str) -> List[str]:
    """Return the folders of packages below a prefix, Debian's own among them, in the order of sys.path."""
    inner = "python%s" % short
    if prefix in ("/usr", ""):
        found = ["/usr/local/lib/%s/dist-packages" % inner, "/usr/lib/python3/dist-packages"]
        found += ["/usr/lib/%s/dist-packages" % inner, "/usr/local/lib64/%s/site-packages" % inner]
        found += ["/usr/local/lib/%s/site-packages" % inner] if not context.glob("/usr/local/bin/%s" % inner) else []
        return found + ["/usr/lib64/%s/site-packages" % inner, "/usr/lib/%s/site-packages" % inner]
    names = ("lib/%s/site-packages" % inner, "lib64/%s/site-packages" % inner, "lib/pypy%s/site-packages" % short)
    return ["%s/%s" % (prefix, name) for name in names]


def _pth(context: Context, site: str) -> List[str]:
    """Return the folders that .pth files add; their lines of code are not run."""
    found = []
    for name in context.names(site):
        if not name.endswith(".pth"):
            continue
        for line in (read_text(context, "%s/%s" % (site, name)).text or "").splitlines():
            added = line.strip()
            if added and not added.startswith(("#", "import ", "import\t")) and "\0" not in added:
                found.append(os.path.normpath(os.path.join(site, added)))
    return found
