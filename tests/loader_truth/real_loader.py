"""What the dynamic loader itself says, asked without any code of ortdoctor."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from ortdoctor.probe.ort_model import MODEL

if TYPE_CHECKING:
    from pathlib import Path

#: Prints those of its arguments that the loader does not find or does not take.
_OPEN = """
import ctypes, json, sys
missing = []
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        missing.append(name)
print(json.dumps(missing))
"""

#: Runs a release's own _ld_preload.py, argument 1, once per library that it opens, with this one refused, and
#: prints those without which it gives the CUDA provider up.
_PRELOAD = """
import ctypes, json, os, sys
source = open(sys.argv[1]).read()
def gives_up(refused, opened):
    def stub(name, *more, **named):
        opened.append(name)
        if name == refused:
            raise OSError(name)
    ctypes.CDLL = stub
    os.environ.pop("ORT_CUDA_UNAVAILABLE", None)
    exec(compile(source, sys.argv[1], "exec"), {})
    return "ORT_CUDA_UNAVAILABLE" in os.environ
opened = []
gives_up(None, opened)
print(json.dumps([name for name in dict.fromkeys(opened) if gives_up(name, [])]))
"""


def unresolved(python: str, library: Path, env: dict[str, str], cwd: Path) -> list[str]:
    """Return the sonames that ``library`` or what it needs asks for in vain, in the order that the loader looks.

    Where auditwheel took needs out of a library, its version table still names their files: a loader that has
    not been given these before (glibc 2.36) stops at an assertion after it has looked for everything else. What it
    looked for is then tried one by one.
    """
    traced = _trace(library, env, cwd)
    if traced.returncode == 0:
        return re.findall(r"^\s*(\S+) => not found", traced.stdout, re.MULTILINE)
    assert "_dl_check_map_versions" in traced.stdout, traced.stdout
    told = _trace(library, {**env, "LD_DEBUG": "files"}, cwd).stdout
    looked_for = re.findall(rf"file=(\S+) \[0\];\s+needed by {re.escape(str(library))}", told)
    assert looked_for, told[-2000:]
    return not_opened(python, looked_for, env, cwd)


def _trace(library: Path, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    # ldd itself passes on to standard output what the loader writes to standard error.
    command = ["ldd", str(library)]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False, env=env, cwd=cwd
    )


def not_opened(python: str, names: list[str], env: dict[str, str], cwd: Path) -> list[str]:
    """Return those of ``names`` that an interpreter cannot open."""
    return [str(name) for name in _told([python, "-c", _OPEN, *names], env, cwd)]


def preloaded(python: str, package: Path, env: dict[str, str], cwd: Path) -> list[str]:
    """Return what ``_ld_preload.py`` has to open for the CUDA provider to be tried at all."""
    command = [python, "-c", _PRELOAD, str(package / "capi" / "_ld_preload.py")]
    return [str(name) for name in _told(command, env, cwd)]


def _told(command: list[str], env: dict[str, str], cwd: Path) -> list[Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=env, cwd=cwd)
    told: list[Any] = json.loads(done.stdout)
    return told


def crashed_in(python: str, handler: Path, env: dict[str, str], cwd: Path) -> list[str]:
    """Return the names of the files that a crash of a session on CUDA happened in, innermost call first.

    ``handler`` is the library that is built of stand_in/crash.c. Its own frame and the C library's are left out;
    neighbours of one name are one.
    """
    program = (
        "import onnxruntime, sys; onnxruntime.InferenceSession(sys.stdin.buffer.read(), "
        "providers=['CUDAExecutionProvider', 'CPUExecutionProvider'])"
    )
    done = subprocess.run(
        [python, "-c", program],
        input=MODEL,
        capture_output=True,
        timeout=300,
        check=False,
        env={**env, "LD_PRELOAD": str(handler)},
        cwd=cwd,
    )
    frames = re.findall(r"^(?:.*/)?([^/(]+)\(.*\)\[0x", done.stderr.decode("utf-8", "replace"), re.MULTILINE)
    told = [name for name in frames if name not in {handler.name, "libc.so.6"}]
    return [name for name, before in zip(told, ["", *told], strict=False) if name != before]
