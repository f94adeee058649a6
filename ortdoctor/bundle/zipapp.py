"""Make ``ortdoctor.pyz``: one file that diagnoses a machine with nothing but a Python 3.6 or later.

It holds the modules that :mod:`ortdoctor.pocket` reaches by its imports, and the data that they ask for. Modules are
not compressed: zipimport of Python 3.8 and later says "zlib not available" where two threads import at the same moment,
one of which is just about to decompress (a flag against recursion, ``_importing_zlib``, is no lock).
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import marshal
import os
import zipfile
from functools import cache
from pathlib import Path

from ortdoctor import data
from ortdoctor.bundle.archive import zipped
from ortdoctor.diagnose.matrix import STEMS, UNTYPED
from ortdoctor.errors import BundleError

_PACKAGE = Path(__file__).resolve().parents[1]

SHEBANG = b"#!/usr/bin/env python3\n"

#: What the imports start from. The probe of another interpreter is started by the name of its ``__main__``.
_ENTRY = "ortdoctor.pocket.start"
_ROOTS = (_ENTRY, "ortdoctor.pocket.main", "ortdoctor.probe.__main__")

#: The files of compat/ that the commands read.
DATA = (*STEMS, *UNTYPED)


def write_zipapp(out: Path, *, bytecode: bool = False) -> int:
    """Write the zipapp to ``out``, whole or not at all, executable; return its size in bytes.

    The same sources give the same bytes; with ``bytecode``, on the same Python. Raises :class:`BundleError` where
    ``out`` is something else than an earlier zipapp, which is replaced.
    """
    _check_free(out)
    content = zipapp(bytecode=bytecode)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.chmod(0o755)
        partial.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise BundleError(f"{out} could not be written: {error.strerror or error}") from error
    return len(content)


def zipapp(*, bytecode: bool = False) -> bytes:
    """Return the zipapp as bytes; with ``bytecode`` it need not be compiled where it runs under this very Python."""
    return zipped(members(bytecode=bytecode), SHEBANG, stored=(".py", ".pyc"))


def members(*, bytecode: bool = False) -> list[tuple[str, bytes]]:
    """Return the names and contents of the zipapp's files, sorted; the start comes first, to be found first."""
    data.matrix()  # what breaks a rule of the matrix is not to be carried anywhere
    files = {_inside(name): _source(name) for name in modules()}
    if bytecode:
        files |= {f"{name}c": _compiled(name, source) for name, source in files.items()}
    for stem in DATA:
        compact = json.dumps(data.compat_json(stem), separators=(",", ":"), ensure_ascii=True)
        files[f"ortdoctor/_data/compat/{stem}.json"] = compact.encode("ascii")
    return [("__main__.py", _source(_ENTRY)), *sorted(files.items())]


@cache
def modules() -> tuple[str, ...]:
    """Return the dotted names of our modules that the command line of the zipapp reaches, sorted."""
    # Scripts run by their text, and parsers are imported by the kind of their text.
    named = [path for room in ("*/scripts", "probe/texts") for path in _PACKAGE.glob(f"{room}/*.py")]
    rooms = [path.relative_to(_PACKAGE).with_suffix("").parts for path in named if path.stem != "__init__"]
    waiting = [*_ROOTS, *(".".join(("ortdoctor", *parts)) for parts in rooms)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or _path(name) is None:
            continue
        found.add(name)
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
        waiting += _imported(name)
    return tuple(sorted(found - {_ENTRY}))


def _imported(name: str) -> list[str]:
    """Return the dotted names of ours that a module imports, anywhere in it; some are no modules but their parts."""
    package = name if _file(name).name == "__init__.py" else name.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(ast.parse(_source(name))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.partition(".")[0] == "ortdoctor"]


def _path(name: str) -> Path | None:
    """Return the file of a module of ours; None for the name of something inside a module."""
    base = _PACKAGE.joinpath(*name.split(".")[1:])
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((path for path in candidates if path.is_file()), None)


def _compiled(name: str, source: bytes) -> bytes:
    """Return the ``.pyc`` of a module (PEP 552, unchecked); a Python of another version passes it over."""
    code = compile(source, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def _inside(name: str) -> str:
    return f"ortdoctor/{_file(name).relative_to(_PACKAGE).as_posix()}"


def _source(name: str) -> bytes:
    # A checkout on Windows has other line ends.
    return _file(name).read_bytes().replace(b"\r\n", b"\n")


def _file(name: str) -> Path:
    path = _path(name)
    if path is None:
        raise BundleError(f"the module {name} is not in {_PACKAGE}; reinstall ortdoctor")
    return path


def _check_free(out: Path) -> None:
    if out.is_dir():
        raise BundleError(f"{out} is a folder; name the file that is to be written, such as {out / 'ortdoctor.pyz'}")
    if not out.exists():
        return
    try:
        with zipfile.ZipFile(out) as there:
            ours = "ortdoctor/pocket/main.py" in there.namelist()
    except (OSError, zipfile.BadZipFile):
        ours = False
    if not ours:
        raise BundleError(f"{out} is there and is no ortdoctor.pyz. It was not touched; choose another name.")
