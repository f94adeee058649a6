"""What a release is measured in: its wheel in a folder of its own, an interpreter with NumPy, CUDA's libraries.

Everything is kept under the temp folder between runs (35 releases and three CUDA majors: about 25 GB); a folder
without the file ``complete`` was interrupted and is made again.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ortdoctor.data import matrix
from ortdoctor.diagnose.supply import for_build
from tests.interpreters import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ortdoctor.diagnose.matrix_rows import Build

#: Bytes that have to be free: for one more release, and below which a measured release is deleted.
NEEDED, SHORT = 4 << 30, 10 << 30

SOURCES = Path(__file__).with_name("stand_in")

#: Seconds for one pip; the libraries of a CUDA major are 2 to 3 GB.
_PIP_LIMIT = 1800


class Release(NamedTuple):
    """A build of the matrix, installed: ``site`` holds its packages, ``python`` can import what they import."""

    build: Build
    version: str
    python: str
    site: Path

    @property
    def provider(self) -> Path:
        return self.site / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"


def builds() -> list[Build]:
    """Return every build of onnxruntime-gpu that pip finds on the index for this kind of machine."""
    found = matrix().builds("onnxruntime-gpu", os="linux", arch="x86_64")
    return [build for build in found if build.availability == "index" and build.sonames]


def home() -> Path:
    folder = Path(tempfile.gettempdir()) / f"ortdoctor-loader-truth-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder


def installed(build: Build) -> Release:
    """Install the wheel of ``build`` for the newest Python at hand that it has a wheel for; skip without one."""
    tags = [re.fullmatch(r"cp3(\d+)", tag) for tag in build.python]
    versions = [f"3.{minor}" for minor in sorted((int(tag[1]) for tag in tags if tag), reverse=True)]
    version = next((version for version in versions if find(version)), None)
    if version is None:
        pytest.skip(f"{build.version} has wheels for Python {', '.join(versions)}: none is on PATH or under pyenv")
    python = interpreter(version, f"numpy{build.numpy or ''}")
    requirement = f"{build.distribution}=={build.version}"
    site = _made(home() / "releases" / f"{build.version}-{version}", lambda folder: target(python, folder, requirement))
    return Release(build, version, python, site)


def interpreter(version: str, requirement: str) -> str:
    """Return a Python of ``version`` in an environment with ``requirement``."""

    def make(folder: Path) -> None:
        run([str(find(version)), "-m", "venv", str(folder)])
        run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", requirement])

    name = f"{version}-{re.sub(r'[^a-z0-9.]+', '-', requirement)}"
    return str(_made(home() / "pythons" / name, make) / "bin" / "python")


def libraries(release: Release) -> list[Path] | None:
    """Return the folders of the nvidia wheels that ``release`` needs, installed once; None: there are none."""
    wanted = for_build(release.build)
    if wanted is None:
        return None
    key = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:8]
    folder = _made(home() / "nvidia" / key, lambda folder: target(release.python, folder, *wanted))
    return sorted(folder.glob("nvidia/*/lib"))


def compiled(source: str | Path, out: Path, options: Iterable[str] = ()) -> Path:
    """Build a library of a file in stand_in/ (or elsewhere), which is its own soname, too; skip without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip(f"no C compiler for {source}")
    flags = ["-shared", "-fPIC", "-Wall", "-Werror", f"-Wl,-soname,{out.name}", *options]
    run([compiler, *flags, "-o", str(out), str(SOURCES / source)])
    return out


def driver(release: Release, folders: list[Path], out: Path) -> Path:
    """Build a stand-in of libcuda.so.1 that has every function which ``release`` and its libraries reach for by name.

    The loader refuses a library whose linked functions are not all there (BIND_NOW). Releases 1.18 to 1.22 ask for
    more by dlsym while they are being loaded, and crash where there is none: such names are texts in the file.
    """
    files = [release.provider, *(path for folder in folders for path in folder.glob("*.so*"))]
    linked = run(["nm", "-D", "--undefined-only", *map(str, files)])
    names = set(re.findall(r"\bU (cu[A-Z]\w*)$", linked, re.MULTILINE))
    with release.provider.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        names |= {name.decode() for name in re.findall(rb"(?<=\0)cu[A-Z][A-Za-z0-9_]{3,60}(?=\0)", content)}
    own = re.findall(r"\bint (cu\w+)\(", (SOURCES / "libcuda.c").read_text(encoding="utf-8"))
    aliases = [f"-Wl,--defsym={name}=no_device" for name in sorted(names - set(own))]
    return compiled("libcuda.c", out / "libcuda.so.1", aliases)


def target(python: str, folder: Path, *requirements: str) -> None:
    run([python, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), *requirements])


def spare(release: Release) -> None:
    """Delete a measured release where space is short."""
    if shutil.disk_usage(home()).free < SHORT:
        shutil.rmtree(release.site)


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_LIMIT, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
    return done.stdout


def _made(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return ``folder``, made by ``make`` where no run has completed it yet."""
    if not (folder / "complete").exists():
        free = shutil.disk_usage(home()).free
        if free < NEEDED:
            pytest.skip(f"{home()} has {free >> 30} GiB free, and {folder.name} may take {NEEDED >> 30}")
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        (folder / "complete").touch()
    return folder
