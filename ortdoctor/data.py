"""The only reader of compat/ and templates/: the source tree first, then the copy inside the wheel or the zipapp."""

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ortdoctor.errors import MatrixError

if TYPE_CHECKING:
    from pathlib import Path

    from ortdoctor.diagnose.matrix import Matrix

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


@lru_cache(maxsize=None)
def folder(name: str) -> "Path":
    """Return the folder ``compat`` or ``templates``; a :class:`MatrixError` says where it was looked for."""
    from pathlib import Path  # noqa: PLC0415 - a check does without

    return Path(_folder(name))


def compat_json(name: str) -> Any:
    """Parse ``compat/NAME.json``."""
    try:
        return json.loads(_compat(name).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise MatrixError("compat/%s.json should be readable JSON and is not: %s" % (name, error)) from error


def template_path(name: str) -> "Path":
    """Return the path of a file under templates/, such as ``scrfd.py`` or ``sample/sample.onnx``."""
    path = folder("templates") / name
    if not path.is_file():
        raise MatrixError("the template %r is not in %s; reinstall ortdoctor" % (name, path.parent))
    return path


@lru_cache(maxsize=None)
def matrix() -> "Matrix":
    """Build the matrix from what rules ask of compat/; a :class:`MatrixError` where the data break its rules."""
    from ortdoctor.diagnose.matrix import STEMS, UNTYPED, Matrix, MatrixDataError  # noqa: PLC0415 - most of the time to start

    try:
        return Matrix({stem: compat_json(stem) for stem in STEMS + UNTYPED})
    except MatrixDataError as error:
        raise MatrixError("the compatibility matrix breaks its own rules: %s" % error) from error


def _compat(name: str) -> bytes:
    loader = globals()["__loader__"]
    if hasattr(loader, "archive"):  # zipimport's own
        return bytes(loader.get_data(os.path.join(loader.archive, "ortdoctor", "_data", "compat", "%s.json" % name)))
    with open(os.path.join(_folder("compat"), "%s.json" % name), "rb") as stream:
        return stream.read()


@lru_cache(maxsize=None)
def _folder(name: str) -> str:
    tree = os.path.dirname(_PACKAGE)
    candidates = [os.path.join(tree, name), os.path.join(_PACKAGE, "_data", name)]
    # A source tree is told by its pyproject.toml: a stray "templates" beside site-packages is not ours.
    if os.path.isfile(os.path.join(tree, "pyproject.toml")) and os.path.isdir(candidates[0]):
        return candidates[0]
    if os.path.isdir(candidates[1]):
        return candidates[1]
    raise MatrixError(
        "the data folder %r was expected in %s or %s and is in neither; "
        "the installation is incomplete: python -m pip install --force-reinstall --no-deps ortdoctor"
        % (name, candidates[0], candidates[1])
    )
