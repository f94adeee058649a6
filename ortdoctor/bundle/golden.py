"""Golden data: what the shipped runner itself computes from one picture, to compare with on the target."""

from __future__ import annotations

import importlib.util
import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ortdoctor.data import folder as data_folder
from ortdoctor.data import template_path
from ortdoctor.errors import BundleError, MatrixError
from ortdoctor.model.extras import require

if TYPE_CHECKING:
    from types import ModuleType

#: The picture that comes with the project's own sample model.
DEFAULT_PICTURE = "sample/faces.png"

#: Digits that are kept of golden coordinates and scores: far below the tolerance of the smoke test.
DIGITS = 4


def runner_files() -> dict[str, bytes]:
    """Return the scripts of a bundle, byte for byte as they are under templates/."""
    files = {path.name: path.read_bytes() for path in sorted(data_folder("templates").glob("*.py"))}
    if "scrfd.py" not in files or "smoke_test.py" not in files:
        raise MatrixError("templates/ should hold scrfd.py and smoke_test.py; reinstall ortdoctor")
    return files


def golden_files(model: bytes, spec: dict[str, Any], image: Path | None = None) -> dict[str, bytes]:
    """Return the files under golden/ by their names in the bundle.

    ``model`` is what the bundle will hold, ``image`` the picture to use instead of the project's own. The
    picture is written again as PNG: its pixels are kept, what else is in the file (place, time, camera) is not.
    """
    require("onnxruntime", "computing golden data")
    cv2 = require("cv2", "computing golden data")
    runner = _runner()
    with tempfile.TemporaryDirectory(prefix="ortdoctor-") as scratch:
        (Path(scratch) / "model.onnx").write_bytes(model)
        (Path(scratch) / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        try:
            picture = runner.read_image(str(image or template_path(DEFAULT_PICTURE)))
            detector = runner.SCRFD(scratch, providers=["CPUExecutionProvider"])
            tensor, scale = detector.preprocess(picture)
            outputs = detector.forward(tensor)
            faces = detector.postprocess(outputs, scale)
        except runner.ScrfdError as error:
            raise BundleError(f"golden data cannot be computed: {error}") from error
        names = list(detector.output_names)
        del detector  # Windows does not remove the folder of a model that a session has open
    _check_scores(spec, dict(zip(names, outputs, strict=True)))
    document = {
        "image": "input.png",
        "score_threshold": spec["score_threshold"],
        "nms_threshold": spec["nms_threshold"],
        "detections": [_rounded(face.to_json()) for face in faces],
    }
    files = {"golden/input.png": _png(cv2, picture), "golden/input.npy": _npy(tensor)}
    files |= {f"golden/output_{index}.npy": _npy(output) for index, output in enumerate(outputs)}
    files["golden/detections.json"] = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii")
    return files


def _runner() -> ModuleType:
    """Import templates/scrfd.py under a name of our own: golden data must come from the code that is shipped."""
    path = template_path("scrfd.py")
    located = importlib.util.spec_from_file_location("_ortdoctor_bundle_runner", path)
    if located is None or located.loader is None:
        raise MatrixError(f"{path} cannot be imported; reinstall ortdoctor")
    module = importlib.util.module_from_spec(located)
    located.loader.exec_module(module)
    return module


def _check_scores(spec: dict[str, Any], outputs: dict[str, Any]) -> None:
    """Refuse scores that are no probabilities on a real picture either: the form was told from noise."""
    if spec["scores"] != "sigmoid":
        return
    arrays = [outputs[level["score"]] for level in spec["levels"]]
    if spec["decoded"]:
        rows = outputs[spec["decoded"]["output"]]
        arrays.append(rows.reshape(-1, rows.shape[-1])[:, spec["decoded"]["score"]])
    if any(array.min() < 0 or array.max() > 1 for array in arrays):
        raise BundleError(
            "the model's scores are within 0 and 1 on noise but not on the golden picture: they are no probabilities. "
            "Export the model again with the sigmoid in the graph."
        )


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON is any
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value


def _npy(array: Any) -> bytes:  # noqa: ANN401 - an array
    numpy = require("numpy", "computing golden data")
    stream = io.BytesIO()
    numpy.lib.format.write_array(stream, numpy.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _png(cv2: Any, picture: Any) -> bytes:  # noqa: ANN401 - a module and an array
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise BundleError("OpenCV could not write the golden picture as PNG.")
    return bytes(data)
