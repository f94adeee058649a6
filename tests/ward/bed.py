"""Where a patient lies: a folder of its own with an environment, a current folder and the variables of a shell.

Environments are prepared once and kept under the temp folder; a bed gets a copy, whose files are hard links to the kept
ones, so that whatever changes a file in place has to go through :meth:`Bed.own`. What a pip does is safe: every pip
deletes a file before it writes it again. A kept environment that was changed nevertheless is noticed and thrown away.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes up to which a file's content, and not its size alone, is part of a fingerprint.
_LOOKED_AT = 1 << 20

#: Bytes that have to be free to prepare one more environment; and seconds for one pip.
_NEEDED, _PIP_LIMIT = 4 << 30, 1800

#: The newest pip that a Python can run, where its own venv brings one that finds too little.
_PIP = {"3.6": "pip==21.3.1"}


def home() -> Path:
    folder = Path(tempfile.gettempdir()) / f"ortdoctor-ward-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder


class Bed:
    """A patient's folder ``root``; ``python`` is its interpreter, ``env`` and ``cwd`` are what its shell has."""

    def __init__(self, root: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        self.root = root
        self.cwd = root / "work"
        self.cwd.mkdir(parents=True)
        self.python = Path()
        #: A program, with arguments, that everything of the patient runs under.
        self.under: list[str] = []
        dropped = ("PYTHON", "VIRTUAL_ENV", "LD_", "CUDA", "ORT_", "PIP_", "UV_", "NOX_", "PYTEST")
        self.env = {name: text for name, text in os.environ.items() if not name.startswith(dropped)}
        kept = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT", "PIP_TRUSTED_HOST")
        self.env.update({name: os.environ[name] for name in kept if name in os.environ})
        self.env.update(PIP_CACHE_DIR=str(home() / "pip"), PIP_DISABLE_PIP_VERSION_CHECK="1")
        self.env.update(UV_CACHE_DIR=str(home() / "uv"), UV_LINK_MODE="copy")
        self._sources: list[Path] = []
        self._protected: list[str] = []

    # -- environments ---------------------------------------------------------------------------------------------

    def venv(self, version: str, *installs: str, pip: str | None = None, name: str = "env") -> Path:
        """Make the environment ``root/name`` of Python ``version``, and let it be the patient's.

        Each of ``installs`` is the arguments of one ``pip install``; ``pip`` is the requirement of the pip that is
        left in the environment ("pip==18.1"), "" for none. Returns the interpreter. Skips without such a Python.
        """
        source = prepared(version, *installs, pip=pip, env=self.env)
        self.python = copied(source, self.root / name)
        self._sources.append(source)
        return self.python

    def run(self, *command: str | Path, check: bool = True, limit: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a command as the patient's shell would, with its variables and in its current folder."""
        words = [*self.under, *(str(word) for word in command)]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, errors="replace", timeout=limit, check=False, env=self.env,
                cwd=self.cwd, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{shlex.join(words)[:300]}: no answer within {limit:g} s") from None
        if check:
            assert done.returncode == 0, f"{shlex.join(words)[:300]}: exit {done.returncode}: {done.stderr[-2000:]}"
        return done

    def pip(self, *words: str) -> None:
        """Run the environment's own pip."""
        self.run(self.python, "-m", "pip", *words, "-q", limit=_PIP_LIMIT)

    def shell(self, commands: list[str]) -> None:
        """Run ``commands`` one after the other in one shell; what they export stays in ``env``."""
        said = self.root / "env.0"
        self.run("bash", "-c", "\n".join(["set -e", *commands, f"env -0 > {shlex.quote(str(said))}"]), limit=_PIP_LIMIT)
        pairs = (pair.partition("=") for pair in said.read_text().split("\0") if pair)
        self.env = {name: text for name, _, text in pairs if name not in ("_", "SHLVL", "PWD", "OLDPWD")}

    # -- what can be done to it -----------------------------------------------------------------------------------

    @property
    def site(self) -> Path:
        """The folder of the environment's packages."""
        return Path(next((self.python.parent.parent / "lib").glob("python3*/site-packages")))

    @property
    def package(self) -> Path:
        return self.site / "onnxruntime"

    def extension(self) -> Path:
        """Return the native module that ``import onnxruntime`` loads."""
        return next(path for path in self.package.glob("capi/onnxruntime_pybind11_state*") if path.is_file())

    @staticmethod
    def own(path: Path) -> Path:
        """Make ``path`` a file of this patient alone, before it is changed in place."""
        spare = path.with_name(path.name + ".own")
        shutil.copy2(path, spare)
        spare.replace(path)
        return path

    def truncate(self, path: Path, part: float = 0.5) -> None:
        os.truncate(self.own(path), int(path.stat().st_size * part))

    def unpack(self, wheel: Path) -> None:
        """Put the files of a wheel where packages are, whatever its tags say, as a copied folder would be."""
        with zipfile.ZipFile(wheel) as file:
            file.extractall(self.site)

    def write_protect(self) -> None:
        """Let no file appear in, or vanish from, the folders of packages; skip where the file system cannot."""
        folders = [str(path) for path in [self.site, *self.site.rglob("*")] if path.is_dir() and not path.is_symlink()]
        done = subprocess.run(["chattr", "+i", *folders], capture_output=True, text=True, check=False)
        self._protected = folders
        if done.returncode:
            pytest.skip(f"cannot write-protect a folder here: {done.stderr[:200]}")

    def unprotect(self) -> None:
        if self._protected:
            subprocess.run(["chattr", "-i", *self._protected], capture_output=True, check=True)
        self._protected = []

    def program(self, name: str, script: str) -> Path:
        """Put an executable ``name`` first on the patient's PATH; ``script`` starts with its ``#!`` line."""
        folder = self.root / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)
        if str(folder) not in self.env["PATH"].split(os.pathsep):
            self.env["PATH"] = os.pathsep.join([str(folder), self.env["PATH"]])
        return path

    def fingerprint(self) -> str:
        """Return a hash over every name and content of the environment, byte code apart."""
        digest = hashlib.sha256()
        for path in sorted(self.python.parent.parent.rglob("*")):
            if path.is_file() and not path.name.endswith(".pyc"):
                digest.update(f"{path} {path.stat().st_size}\n".encode())
                digest.update(path.read_bytes() if path.stat().st_size < _LOOKED_AT else b"")
        return digest.hexdigest()

    def close(self) -> None:
        """Remove the patient; throw away, and tell of, a kept environment that it changed."""
        self.unprotect()
        if not os.environ.get("ORTDOCTOR_WARD_KEEP"):
            shutil.rmtree(self.root, ignore_errors=True)
        spoilt = [source for source in self._sources if not _sound(source)]
        for source in spoilt:
            shutil.rmtree(source, ignore_errors=True)
        assert not spoilt, f"the patient changed kept environments, which are thrown away: {spoilt}"


# -- prepared environments ----------------------------------------------------------------------------------------


def prepared(version: str, *installs: str, pip: str | None, env: dict[str, str]) -> Path:
    """Return a kept environment, made where no run has made it yet."""
    base = interpreter(version)
    key = hashlib.sha256(json.dumps([base, pip, installs]).encode()).hexdigest()[:12]
    folder = home() / "environments" / key

    def make() -> None:
        _do([base, "-m", "venv", str(folder)], env)
        python = str(folder / "bin" / "python")
        if version in _PIP:
            _do([python, "-m", "pip", "install", "-q", _PIP[version]], env)
        for words in installs:
            _do([python, "-m", "pip", "install", "-q", *shlex.split(words)], env)
        if pip:
            _do([python, "-m", "pip", "install", "-q", *shlex.split(pip)], env)
        elif pip == "":
            _do([python, "-m", "pip", "uninstall", "-q", "-y", "pip"], env)
        (folder / "about").write_text(f"{version} {installs} {pip}\n")

    return made(folder, make)


def made(folder: Path, make: object) -> Path:
    """Return ``folder``, made by calling ``make`` where no run has completed it yet."""
    assert callable(make)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        if not (folder / "complete").exists():
            free = shutil.disk_usage(home()).free
            if free < _NEEDED:
                pytest.skip(f"{home()} has {free >> 30} GiB free, and {folder.name} may take {_NEEDED >> 30}")
            shutil.rmtree(folder, ignore_errors=True)
            make()
            (folder / "complete").write_text(json.dumps(_manifest(folder)))
    return folder


def copied(source: Path, target: Path) -> Path:
    """Copy a virtual environment: packages as links, scripts with their interpreter rewritten. Return its Python."""

    def take(old: str, new: str) -> str:
        if Path(old).parent in (source, source / "bin"):
            shutil.copy2(old, new)
        else:
            os.link(old, new)
        return new

    shutil.copytree(source, target, symlinks=True, copy_function=take)
    (target / "complete").unlink()
    for path in [*(target / "bin").iterdir(), target / "pyvenv.cfg"]:
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if str(source).encode() in content:
                path.write_bytes(content.replace(str(source).encode(), str(target).encode()))
    return target / "bin" / "python"


def _manifest(folder: Path) -> dict[str, list[int]]:
    """Return size and time of change of every file that beds share, byte code apart."""
    found = {}
    for path in folder.rglob("*"):
        if path.suffix != ".pyc" and path.name != "complete" and path.is_file() and not path.is_symlink():
            found[str(path.relative_to(folder))] = [path.stat().st_size, path.stat().st_mtime_ns]
    return found


def _sound(folder: Path) -> bool:
    """Return whether a kept environment is as it was made, or has been thrown away by another run meanwhile."""
    if not (folder / "complete").exists():
        return True
    known = json.loads((folder / "complete").read_text())
    return bool(known.items() <= _manifest(folder).items())


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    with folder.with_name(folder.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _do(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_LIMIT, check=False, env=env)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr[-2000:]}"
