"""What a probe step may look at: platform, environment and file system are values, not globals."""

import fnmatch
import os
import platform
import re
import sys
from typing import Callable, Dict, List, NamedTuple, Optional

from .once import Made, Memo

#: Names of architectures, as wheel tags spell them on Linux.
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "x64": "x86_64", "i386": "i686", "i586": "i686"}

_SYSTEMS = {"win32": "windows", "cygwin": "windows", "darwin": "macos"}


#: Links that are followed in one path; the kernel stops at 40, too (ELOOP).
MOST_LINKS = 40


class Context(NamedTuple):
    """The machine as the probe sees it; a test passes another one.

    ``root`` goes before every absolute path that is read ("" for this machine): a mounted image, an offline
    disk, or a box that a test lays out in a folder. ``env`` is the environment that children get. ``cwd`` is the
    folder that ``import onnxruntime`` is tried from. ``static`` machines are read only: nothing of them runs.
    ``memo`` keeps what the steps of one probe share; None: nothing is kept.
    """

    os: str
    arch: str
    env: Dict[str, str]
    root: str
    cwd: str
    static: bool = False
    memo: Optional[Memo] = None

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what ``make`` returns; within one probe it is called once for each ``name``."""
        return make() if self.memo is None else self.memo.get(name, make)

    def path(self, absolute: str) -> str:
        """Return where the file ``absolute`` of the machine lies for us; in a root, with its links resolved inside."""
        if not self.root:
            return absolute
        return self.root + (_inside(self.root, absolute) if absolute[:1] == "/" else absolute)

    def name(self, path: str) -> str:
        """Return the name on the machine of a file that lies at ``path`` for us: :meth:`path` the other way round."""
        return path[len(self.root) :] or "/"

    def real(self, absolute: str) -> str:
        """Return the machine's name of a file without links in it."""
        return self.name(self.path(absolute)) if self.root else os.path.realpath(absolute)

    def names(self, folder: str) -> List[str]:
        """Return the names in a folder of the machine, sorted; none where it cannot be read."""
        try:
            return sorted(os.listdir(self.path(folder)))
        except OSError:
            return []

    def glob(self, pattern: str) -> List[str]:
        """Return the files of the machine that match an absolute pattern; links are followed inside the root only."""
        found = [""]
        for part in pattern.strip("/").split("/"):
            if re.search(r"[*?\[]", part):
                grown = []
                for folder in found:
                    names = fnmatch.filter(self.names(folder or "/"), part)
                    grown += [folder + "/" + name for name in names if name[:1] != "." or part[:1] == "."]
                found = grown
            else:
                found = [folder + "/" + part for folder in found]
        return [path for path in found if os.path.lexists(self.path(path))]

    def path_entries(self, name: str = "PATH") -> List[str]:
        """Return the folders of a search-path variable, in order, without empty ones and repeats."""
        separator = ";" if self.os == "windows" else ":"
        seen = []  # type: List[str]
        for entry in self.env.get(name, "").split(separator):
            if entry and entry not in seen:
                seen.append(entry)
        return seen


def here() -> Context:
    """Return the context of the machine and process that this runs in."""
    machine = platform.machine().lower()
    return Context(
        os="linux" if sys.platform.startswith("linux") else _SYSTEMS.get(sys.platform, sys.platform),
        arch=_ARCHITECTURES.get(machine, machine),
        env=dict(os.environ),
        root="",
        cwd=os.getcwd(),
    )


def _inside(root: str, absolute: str) -> str:
    """Resolve the links of a path as a system does whose root is ``root``: none leads out of it (as in chroot)."""
    left: List[str] = [part for part in reversed(absolute.split("/")) if part not in ("", ".")]
    resolved: List[str] = []
    links = 0
    while left:
        part = left.pop()
        if part == "..":
            del resolved[-1:]
            continue
        if links > MOST_LINKS:
            return "/too many links"  # what is not there: the system would follow the rest out of the root
        here = "%s/%s" % (root, "/".join(resolved + [part]))
        try:
            target = os.readlink(here)
        except (OSError, ValueError):
            target = ""  # not a link, or not there
        if not target:
            resolved.append(part)
            continue
        links += 1
        if target[0] == "/":
            resolved = []
        left += [step for step in reversed(target.split("/")) if step not in ("", ".")]
    return "/" + "/".join(resolved)
