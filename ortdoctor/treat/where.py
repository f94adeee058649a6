"""The folders of an environment that an installer changes, as its own interpreter names them."""

import json
import os
import pkgutil
import tempfile
from typing import List, NamedTuple, Optional

from ortdoctor.probe import child

MARK = "@ortdoctor@ "


class UnreachableError(Exception):
    """The environment could not be asked or cannot be changed; ``str()`` is one sentence for people."""


class Place(NamedTuple):
    """Folders that an installer may write to: ``packages`` those on the import path, ``others`` beside them.

    ``site`` is the one that packages go to and that a copy of the environment is kept in; ``read_only`` are folders
    of packages that this user cannot change. ``refusal`` says, as a sentence, why nothing can be changed at all.
    """

    python: str
    prefix: str
    site: str
    packages: List[str]
    others: List[str]
    read_only: List[str]
    refusal: Optional[str]


def text_of(name: str) -> str:
    """Return the text of a file in scripts/, from a folder or from a zipapp."""
    return (pkgutil.get_data(__package__ or "", "scripts/%s.py" % name) or b"").decode("utf-8")


def place(python: str) -> Place:
    """Ask ``python`` for its folders; :class:`UnreachableError` where it does not answer."""
    ran = child.run([python, "-c", text_of("where")], cwd=tempfile.gettempdir())
    lines = [line[len(MARK) :] for line in ran.out.splitlines() if line.startswith(MARK)]
    if not lines:
        said = ran.error or (ran.err.strip().splitlines() or ["it printed nothing"])[-1]
        raise UnreachableError("%s did not say where its packages are: %.300s" % (python, said))
    answer = json.loads(lines[-1])
    packages = _inner(_once(answer["packages"]))
    writable = [folder for folder in packages if _can_write(folder)]
    others = [folder for folder in _once(answer["scripts"] + answer["data"]) if _can_write(folder)]
    refusal = None
    if not writable:
        refusal = (
            "%s cannot be written by this user: run this as its owner, or make a virtual environment of your own"
            % " and ".join(packages)
        )
    read_only = [folder for folder in packages if folder not in writable]
    return Place(python, answer["prefix"], (writable or packages)[0], writable, others, read_only, refusal)


def _can_write(folder: str) -> bool:
    """Tell by the folder, or, where there is none yet, by what it would be made in."""
    while folder and not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK | os.X_OK)


def _inner(folders: List[str]) -> List[str]:
    """Leave out folders that hold another one: Windows names the prefix beside its folder of packages."""
    return [
        folder
        for folder in folders
        if not any(other.startswith(os.path.join(folder, "")) for other in folders if other != folder)
    ]


def _once(folders: List[str]) -> List[str]:
    return list(dict.fromkeys(os.path.realpath(folder) for folder in folders if folder))
