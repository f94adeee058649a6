"""The optional packages, imported when they are needed; a missing one is a sentence, not a traceback."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from ortdoctor.errors import MissingExtraError, OrtDoctorError


def require(module: str, need: str) -> Any:  # noqa: ANN401 - a module of an optional package
    """Import ``module`` (``"onnx"``, ``"numpy"``, ``"onnxruntime"``, ``"cv2"``) for what ``need`` says.

    :class:`MissingExtraError` where its package is not installed; a package that is there and does not import
    is an :class:`OrtDoctorError` with its own words, because to install it again would not help.
    """
    package = {"cv2": "opencv-python-headless"}.get(module, module.partition(".")[0])
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module.partition(".")[0]:
            raise MissingExtraError(package, "cpu", need) from error
        raise OrtDoctorError(f"{need} needs {module}, which does not import here: {error}") from error
    except (ImportError, AttributeError, OSError) as error:
        raise OrtDoctorError(f"{need} needs {module}, which does not import here: {error}") from error


def at_hand(module: str) -> bool:
    """Say whether ``module`` is installed, without importing it."""
    return importlib.util.find_spec(module) is not None
