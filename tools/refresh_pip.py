"""Everything that is asked of pip: which file answers to a release and platform, its digest, the file itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds for one answer of pip, and for one download.
_ANSWER, _DOWNLOAD = 120, 1800


class PipError(RuntimeError):
    """pip did not do what it was asked; ``str()`` says what and ends with pip's own words."""


class Target(NamedTuple):
    """One wheel to read: ``platform_tag`` as in the file name, ``tags`` are all Python tags, ``tag`` the one read."""

    distribution: str
    version: str
    os: str
    arch: str
    platform_tag: str
    tag: str
    tags: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} {self.os} {self.arch} {self.tag}"


class Announced(NamedTuple):
    """What the index says of a file before it is downloaded."""

    file: str
    sha256: str


def announced(target: Target) -> Announced:
    """Ask which file pip would take; it reads the index and the metadata beside the file, not the wheel."""
    # --target is demanded with --platform; a dry run writes nothing there.
    said = _pip("install", "--dry-run", "--report", "-", "--target", "unused", *_which(target), seconds=_ANSWER)
    installs = json.loads(said)["install"]
    if len(installs) != 1:
        raise PipError(f"{target}: pip would install {len(installs)} distributions, one was expected")
    info = installs[0]["download_info"]
    return Announced(info["url"].rpartition("/")[2], info["archive_info"]["hashes"]["sha256"])


def download(target: Target, folder: Path) -> Path:
    """Download the wheel into ``folder``, which holds nothing else; pip compares its digest with the index."""
    _pip("download", "--dest", str(folder), "--no-cache-dir", *_which(target), seconds=_DOWNLOAD)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise PipError(f"{target}: one wheel was expected after pip download, found {[path.name for path in wheels]}")
    return wheels[0]


def _which(target: Target) -> list[str]:
    number = target.tag.removeprefix("cp").removesuffix("t")
    # Up to 3.7 the ABI has an m (pymalloc) behind it: cp37-cp37m.
    abi = f"{target.tag}m" if int(number) < 38 else target.tag
    platforms = [word for name in target.platform_tag.split(".") for word in ("--platform", name)]
    which = ["--no-deps", "--only-binary", ":all:", "--implementation", "cp", "--abi", abi, *platforms]
    return [*which, "--python-version", f"{number[0]}.{number[1:]}", f"{target.distribution}=={target.version}"]


def _pip(*arguments: str, seconds: int) -> str:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise PipError(f"pip {arguments[0]} of {arguments[-1]} took longer than {seconds} s") from error
    if done.returncode != 0:
        raise PipError(f"pip {arguments[0]} of {arguments[-1]} failed: {_without_addresses(done.stderr[-600:])}")
    return done.stdout


def _without_addresses(text: str) -> str:
    return re.sub(r"\w+://\S+", "(address)", text).strip()
