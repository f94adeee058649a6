"""An environment in a folder, with a pip that does what a test tells it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ortdoctor.treat import tree
from ortdoctor.treat.where import Place
from tests import recorded

if TYPE_CHECKING:
    from pathlib import Path

#: Stands for an interpreter: ``-m pip ..`` runs the test's own program with the words after it.
_PYTHON = """#!{real}
import os, sys
site = {site!r}
words = sys.argv[1:]
if words[:1] == ["-c"]:
    import json
    answer = dict(packages=[site], scripts=[{scripts!r}], data=[], prefix={prefix!r})
    print("@ortdoctor@ " + json.dumps(answer))
    sys.exit(0)
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
module, verb, rest = words[1], words[2] if len(words) > 2 else "", words[3:]
exec(compile(open({program!r}).read(), "pip", "exec"))
"""

#: A pip that works: it removes and writes a package, and downloads a wheel.
WORKS = """
def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path): os.unlink(path)
    open(path, "w").write(text)
if verb == "download":
    write(os.path.join(rest[rest.index("-d") + 1], "onnxruntime-9-py3-none-any.whl"), "wheel")
if verb == "install":
    write(os.path.join(site, "onnxruntime", "__init__.py"), "new")
    write(os.path.join(site, "onnxruntime-9.dist-info", "METADATA"), "Name: onnxruntime")
if verb == "uninstall":
    import shutil
    shutil.rmtree(os.path.join(site, "onnxruntime"))
    shutil.rmtree(os.path.join(site, "onnxruntime_gpu-1.dist-info"), ignore_errors=True)
print(verb, "done")
"""


RECORD = "onnxruntime/__init__.py,,\n"


class Fake:
    """The environment; ``pip`` is the text of its pip, ``log`` what it was asked for."""

    def __init__(self, folder: Path, pip: str = WORKS) -> None:
        self.prefix = folder / "env"
        self.site = self.prefix / "lib" / "site-packages"
        self.python = self.prefix / "bin" / "python"
        self.log = folder / "log"
        self.program = folder / "pip.py"
        self.python.parent.mkdir(parents=True)
        for name, text in {"onnxruntime/__init__.py": "old", "onnxruntime_gpu-1.dist-info/RECORD": RECORD}.items():
            (self.site / name).parent.mkdir(parents=True)
            (self.site / name).write_text(text)
        self.log.touch()
        self.behave(pip)
        values = {"real": sys.executable, "site": str(self.site), "scripts": str(self.python.parent)}
        values |= {"prefix": str(self.prefix), "log": str(self.log), "program": str(self.program)}
        self.python.write_text(_PYTHON.format_map({name: _Shown(text) for name, text in values.items()}))
        self.python.chmod(0o755)

    def behave(self, pip: str) -> None:
        self.program.write_text(pip)

    @property
    def place(self) -> Place:
        scripts = str(self.python.parent)
        return Place(str(self.python), str(self.prefix), str(self.site), [str(self.site)], [scripts], [], None)

    @property
    def asked(self) -> list[str]:
        return [line.partition(" ")[2] for line in self.log.read_text().splitlines()]

    @property
    def now(self) -> dict[str, Any]:
        return {**tree.read(str(self.site)), **tree.read(str(self.python.parent))}

    def commands(self) -> list[str]:
        return [f"{self.python} -m pip uninstall -y onnxruntime-gpu", f"{self.python} -m pip install onnxruntime==9"]

    def document(self, machine: str) -> dict[str, Any]:
        """Return a recorded machine whose interpreter is this environment's."""
        facts: dict[str, Any] = recorded.machine(machine)["document"]
        for key in ("python.executable", "python.prefix"):
            facts["facts"][key] = {"value": str(self.python), "source": "a test", "error": None}
        return facts


class _Shown(str):
    """A text that ``!r`` and plain formatting show as they would a str."""

    __slots__ = ()
