"""Interpreters at hand, an environment for each, and a release installed into a folder of its own: all by pip."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tools.import_facts_common import CPU, GPU
from tools.measure_limits_rows import Wheel

if TYPE_CHECKING:
    from tools.import_facts_common import Wheels

_PIP_LIMIT = 900

#: The pip that comes with 3.6 knows no manylinux2014, and takes a pip that needs a newer Python from a plain folder
#: of wheels; 21.3 is the last for 3.6.
_PIP = {"cp36": "pip<22"}
_DESCRIBE = """
import json, platform, sys, sysconfig
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
name = "cp%d%d" % sys.version_info[:2] + ("t" if free else "")
print(json.dumps([platform.python_implementation(), name, platform.python_version()]))
"""


class PipError(Exception):
    """pip could not do what it was asked: its last words."""


class Interpreter(NamedTuple):
    """A CPython at hand; ``tag`` is that of its wheels (``cp38``), ``version`` all of it (``3.8.18``)."""

    path: str
    tag: str
    version: str


class Choice(NamedTuple):
    """The distribution of a release to install, the interpreter to do it with, the numpy that it needs."""

    distribution: str
    version: str
    interpreter: Interpreter
    numpy: str


def interpreters() -> list[Interpreter]:
    """Return the interpreters on PATH and under the pyenv root, one a Python version, newest first."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    paths = [str(path) for path in sorted(root.glob("*/bin/python"))]
    paths += filter(None, (shutil.which(f"python3.{minor}") for minor in range(6, 30)))
    found = {each.tag: each for each in filter(None, map(_describe, paths))}
    return sorted(found.values(), key=lambda each: [int(part) for part in each.version.split(".")[:2]], reverse=True)


def _describe(path: str) -> Interpreter | None:
    """Return what ``path`` is, or None where it is no CPython that runs (a pyenv shim without a version, say)."""
    try:
        done = subprocess.run([path, "-I", "-c", _DESCRIBE], capture_output=True, text=True, timeout=60, check=False)
        implementation, tag, version = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Interpreter(path, tag, version) if implementation == "CPython" and version.isascii() else None


def runs_here(platform_tag: str, system: str = "", machine: str = "") -> bool:
    """Say whether a wheel of this platform tag can be for this machine; pip has the last word on glibc."""
    system, machine = system or platform.system(), machine or platform.machine()
    return system == "Linux" and "manylinux" in platform_tag and platform_tag.endswith(f"_{machine}")


def choose(version: str, projects: dict[str, Wheels], numpy: str, at_hand: list[Interpreter]) -> Choice | str:
    """Return how to install a release, or the reason why it cannot be: the CPU distribution before the GPU one."""
    pythons: list[str] = []
    for distribution in (CPU, GPU):
        platforms = projects[distribution].get(version, {})
        tags = [tag for name, python in platforms.items() if runs_here(name) for tag in python]
        for interpreter in at_hand:
            if interpreter.tag in tags:
                return Choice(distribution, version, interpreter, numpy)
        pythons += tags
    if pythons:
        return f"its wheels are for {', '.join(sorted(set(pythons)))}, and no such interpreter is at hand"
    return "the index has no wheel of it for Linux x86_64"


class Environments:
    """A virtual environment a Python and numpy, made when it is first asked for; safe to share among threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def python(self, interpreter: Interpreter, numpy: str) -> Path:
        """Return the python of the environment; :class:`PipError` where it cannot be made."""
        name = f"{interpreter.tag}-numpy{numpy.replace('<', '-before-')}"
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        folder = self._folder / name
        python, ready = folder / "bin" / "python", folder / "ready"
        with lock:
            if not ready.exists():
                _run([interpreter.path, "-m", "venv", "--clear", str(folder)])
                _pip(python, "install", "--upgrade", _PIP.get(interpreter.tag, "pip"))
                _pip(python, "install", "--only-binary", ":all:", f"numpy{numpy}")
                ready.touch()
        return python


def install(python: Path, choice: Choice, folder: Path) -> Wheel:
    """Install the release into ``folder``/site and return its wheel; :class:`PipError` where pip cannot."""
    download = folder / "download"
    wanted = f"{choice.distribution}=={choice.version}"
    _pip(python, "download", "--no-deps", "--only-binary", ":all:", "--dest", str(download), wanted)
    (file,) = download.iterdir()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    _pip(python, "install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(file))
    file.unlink()
    return Wheel(choice.distribution, choice.version, file.name, digest, choice.interpreter.version)


def _pip(python: Path, command: str, *arguments: str) -> None:
    options = ["--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    _run([str(python), "-m", "pip", command, *options, *arguments])


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise PipError(f"{' '.join(command[1:4])} ran past {_PIP_LIMIT} seconds") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        errors = [line for line in said if line.startswith("ERROR")]
        raise PipError(f"{' '.join(command[1:4])}: {(errors or said)[-1]}")
