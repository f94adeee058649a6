"""The only reader of compat/ and templates/: the source tree first, then the copy inside the wheel."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from ortdoctor.diagnose.matrix import Matrix, MatrixDataError
from ortdoctor.errors import MatrixError

_PACKAGE = Path(__file__).resolve().parent


@cache
def folder(name: str) -> Path:
    """Return the folder ``compat`` or ``templates``; a :class:`MatrixError` says where it was looked for."""
    candidates = [_PACKAGE.parent / name, _PACKAGE / "_data" / name]
    # A source tree is told by its pyproject.toml: a stray "templates" beside site-packages is not ours.
    if (_PACKAGE.parent / "pyproject.toml").is_file() and candidates[0].is_dir():
        return candidates[0]
    if candidates[1].is_dir():
        return candidates[1]
    raise MatrixError(
        f"the data folder {name!r} was expected in {candidates[0]} or {candidates[1]} and is in neither; "
        "the installation is incomplete: python -m pip install --force-reinstall --no-deps ortdoctor"
    )


def compat_json(name: str) -> Any:  # noqa: ANN401 - JSON is any
    """Parse ``compat/NAME.json``."""
    path = folder("compat") / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MatrixError(f"compat/{name}.json should be readable JSON and is not: {error}") from error


def template_path(name: str) -> Path:
    """Return the path of a file under templates/, such as ``scrfd.py`` or ``sample/sample.onnx``."""
    path = folder("templates") / name
    if not path.is_file():
        raise MatrixError(f"the template {name!r} is not in {path.parent}; reinstall ortdoctor")
    return path


@cache
def matrix() -> Matrix:
    """Build the matrix from every file of compat/; a :class:`MatrixError` where the data break its rules."""
    files = {path.stem: compat_json(path.stem) for path in sorted(folder("compat").glob("*.json"))}
    try:
        return Matrix(files)
    except MatrixDataError as error:
        raise MatrixError(f"the compatibility matrix breaks its own rules: {error}") from error
