"""What a probe step may look at: platform, environment and file system are values, not globals."""

import os
import platform
import sys
from typing import Callable, Dict, List, NamedTuple, Optional

from .once import Made, Memo

#: Names of architectures, as wheel tags spell them on Linux.
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "x64": "x86_64", "i386": "i686", "i586": "i686"}

_SYSTEMS = {"win32": "windows", "cygwin": "windows", "darwin": "macos"}


class Context(NamedTuple):
    """The machine as the probe sees it; a test passes another one.

    ``root`` goes before every absolute path that is read ("" for this machine), so that a test can
    lay out a box in a folder. ``env`` is the environment that children get. ``cwd`` is the folder that
    ``import onnxruntime`` is tried from. ``memo`` keeps what the steps of one probe share; None: nothing is kept.
    """

    os: str
    arch: str
    env: Dict[str, str]
    root: str
    cwd: str
    memo: Optional[Memo] = None

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what ``make`` returns; within one probe it is called once for each ``name``."""
        return make() if self.memo is None else self.memo.get(name, make)

    def path(self, absolute: str) -> str:
        """Return where the file ``absolute`` of the machine lies for us."""
        return self.root + absolute if self.root else absolute

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
