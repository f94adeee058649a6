"""SCRFD face detection with ONNX Runtime: a module (``from scrfd import SCRFD``) and a program.

Everything about the model is read from spec.json beside this file; nothing is guessed at run time.
Runs on Python 3.6+, numpy 1.16+, onnxruntime 1.0+ and OpenCV 4 or 5 (for pictures only).
"""

import argparse
import contextlib
import importlib.util
import inspect
import json
import os
import sys
import threading
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

try:
    import numpy as np
except ImportError as missing:
    if __name__ != "__main__":
        raise
    sys.exit("scrfd.py needs numpy, and importing it failed: %s. Install what requirements.txt names." % missing)

SCHEMA = "ortdoctor.scrfd/1"
CPU = "CPUExecutionProvider"
_FORMS = ("batched", "flat", "nchw", "decoded")
_SPEC_KEYS = ("form", "input", "mean", "std", "channels", "strides", "anchors", "keypoints", "scores",
              "levels", "decoded", "score_threshold", "nms_threshold")  # fmt: skip


class ScrfdError(Exception):
    """What went wrong, as a sentence for the person at the keyboard."""


class Detection(NamedTuple):
    """One face: ``bbox`` (x1, y1, x2, y2) and five ``keypoints`` (x, y) in pixels of the picture, not clipped to it.

    The keypoints are left eye, right eye, nose, left and right mouth corner as seen in the picture;
    None where the model has none.
    """

    bbox: Tuple[float, float, float, float]
    score: float
    keypoints: Optional[Tuple[Tuple[float, float], ...]]

    def to_json(self) -> Dict[str, Any]:
        """Return the detection as JSON types."""
        points = None if self.keypoints is None else [list(point) for point in self.keypoints]
        return {"bbox": list(self.bbox), "score": self.score, "keypoints": points}


# --- what lies beside this file -------------------------------------------------------------------


def _read_json(path: str) -> Any:
    try:
        with open(path, "rb") as stream:
            return json.loads(stream.read().decode("utf-8"))
    except OSError as error:
        raise ScrfdError("%s cannot be read: %s." % (path, error.strerror or error)) from error
    except ValueError as error:
        raise ScrfdError("%s is not JSON: %s." % (path, error)) from error


def load_spec(folder: str) -> Dict[str, Any]:
    """Return spec.json of the bundle in ``folder``; ScrfdError where it is missing or not of this runner's schema."""
    path = os.path.join(folder, "spec.json")
    spec = _read_json(path)
    if not isinstance(spec, dict) or spec.get("schema") != SCHEMA:
        found = spec.get("schema") if isinstance(spec, dict) else type(spec).__name__
        raise ScrfdError("%s should have the schema %s, but has %r." % (path, SCHEMA, found))
    lacking = [key for key in _SPEC_KEYS if key not in spec]
    if lacking:
        raise ScrfdError("%s lacks %s." % (path, ", ".join(lacking)))
    if spec["form"] not in _FORMS:
        raise ScrfdError("%s has the form %r; this runner knows %s." % (path, spec["form"], ", ".join(_FORMS)))
    return spec


def _asked_by_manifest(folder: str) -> List[str]:
    """Return the providers that the bundle was made for; the CPU where there is no manifest to say so."""
    path = os.path.join(folder, "manifest.json")
    if not os.path.exists(path):
        return [CPU]
    manifest = _read_json(path)
    target = manifest.get("target") if isinstance(manifest, dict) else None
    names = target.get("expected_providers") if isinstance(target, dict) else None
    if not isinstance(names, list) or not names:
        raise ScrfdError("%s names no target.expected_providers." % path)
    return [str(name) for name in names]


# --- ONNX Runtime of any age ----------------------------------------------------------------------


def _import_onnxruntime() -> Any:
    try:
        import onnxruntime
    except Exception as error:  # noqa: BLE001 - a broken extension raises anything, AttributeError included
        raise ScrfdError("onnxruntime cannot be imported: %s: %s." % (type(error).__name__, error)) from error
    if not hasattr(onnxruntime, "InferenceSession"):
        where = getattr(onnxruntime, "__file__", None) or list(getattr(onnxruntime, "__path__", []))
        raise ScrfdError("the onnxruntime that was imported from %s has no InferenceSession: another file or folder "
                         "of that name hides it, or it is half uninstalled." % where)  # fmt: skip
    return onnxruntime


def _available(onnxruntime: Any) -> List[str]:
    """Return the providers of this onnxruntime; releases before 1.2 keep the function in the extension."""
    for module in (onnxruntime, onnxruntime.capi._pybind_state):
        if hasattr(module, "get_available_providers"):
            return list(module.get_available_providers())
    return [CPU]


def _open_session(onnxruntime: Any, model: str, options: Any, providers: List[Any]) -> Any:
    """Return a session on ``providers``, through whichever way this release has of saying so."""
    names = [entry if isinstance(entry, str) else entry[0] for entry in providers]
    session_class = onnxruntime.InferenceSession
    # Releases report a failing provider on standard output, which may be the JSON of a program.
    with contextlib.redirect_stdout(sys.stderr):
        if any(name == "CUDAExecutionProvider" for name in names):
            _preload_cuda(onnxruntime)
        arguments = inspect.signature(session_class.__init__).parameters
        if "provider_options" in arguments:  # 1.7 and later: names or (name, options)
            return session_class(model, options, providers=providers)
        if "providers" in arguments:
            return session_class(model, options, providers=names)
        session = session_class(model, options) if options is not None else session_class(model)
        if list(session.get_providers()) != names:
            session.set_providers(names)
        return session


def _preload_cuda(onnxruntime: Any) -> None:
    """Load CUDA and cuDNN from the nvidia-* wheels, where they are used: the loader does not look there (1.21+)."""
    if hasattr(onnxruntime, "preload_dlls") and importlib.util.find_spec("nvidia") is not None:
        onnxruntime.preload_dlls()


# --- pictures -------------------------------------------------------------------------------------


def _import_cv2() -> Any:
    try:
        import cv2
    except Exception as error:  # noqa: BLE001 - libGL, a numpy of another ABI: all mean that pictures cannot be used
        raise ScrfdError("OpenCV is needed for pictures, and importing cv2 failed: %s: %s. Install "
                         "opencv-python-headless, as requirements.txt names it." % (type(error).__name__, error)
                         ) from error  # fmt: skip
    return cv2


def read_image(path: str) -> np.ndarray:
    """Return the picture as cv2.imread would: uint8 (height, width, 3), BGR, turned as its EXIF says.

    The file is read by Python, not by OpenCV, so that every path that Python can open works.
    """
    cv2 = _import_cv2()
    try:
        with open(path, "rb") as stream:
            data = np.frombuffer(stream.read(), dtype=np.uint8)
    except (OSError, ValueError) as error:
        raise ScrfdError("%s cannot be read: %s." % (path, getattr(error, "strerror", None) or error)) from error
    if not data.size:
        raise ScrfdError("%s is empty." % path)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ScrfdError("%s cannot be decoded by OpenCV %s: %s." % (path, cv2.__version__, error)) from error
    if image is None:
        raise ScrfdError("%s is not a picture that OpenCV %s can decode." % (path, cv2.__version__))
    return image


def write_image(path: str, image: np.ndarray) -> None:
    """Write ``image`` (uint8 BGR) in the format of the name's extension; the file appears whole or not at all."""
    cv2 = _import_cv2()
    extension = os.path.splitext(path)[1]
    try:
        fine, data = cv2.imencode(extension, image)
    except cv2.error:
        fine, data = False, None
    if not fine:
        raise ScrfdError("%s: OpenCV %s cannot write pictures as %r; use .png or .jpg."
                         % (path, cv2.__version__, extension))  # fmt: skip
    part = "%s.%d.part" % (path, os.getpid())
    try:
        with open(part, "wb") as stream:
            stream.write(data.tobytes())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.remove(part)
        raise ScrfdError("%s cannot be written: %s." % (path, error.strerror or error)) from error


def draw(image: np.ndarray, detections: List[Detection]) -> np.ndarray:
    """Return a copy of ``image`` with boxes, scores and keypoints drawn on it."""
    cv2 = _import_cv2()
    drawn = image.copy()
    line = max(1, int(round(min(image.shape[:2]) / 300.0)))
    for face in detections:
        x1, y1, x2, y2 = (int(round(value)) for value in face.bbox)
        cv2.rectangle(drawn, (x1, y1), (x2, y2), (0, 220, 0), line)
        cv2.putText(drawn, "%.2f" % face.score, (x1, max(y1 - 3, 10)), cv2.FONT_HERSHEY_SIMPLEX, 0.4 * line,
                    (0, 220, 0), line, cv2.LINE_AA)  # fmt: skip
        for x, y in face.keypoints or ():
            cv2.circle(drawn, (int(round(x)), int(round(y))), line + 1, (0, 80, 255), -1)
    return drawn


# --- arithmetic -----------------------------------------------------------------------------------


def letterbox(width: int, height: int, size: Tuple[int, int]) -> Tuple[int, int, float]:
    """Return (new width, new height, scale) of a picture fitted into ``size`` (width, height), aspect kept.

    As the reference implementation (insightface detection/scrfd/tools/scrfd.py): sizes truncated by
    int, the scale is that of the height. A side is never less than one pixel.
    """
    ratio = float(height) / width
    if ratio > float(size[1]) / size[0]:
        new_width, new_height = int(size[1] / ratio), size[1]
    else:
        new_width, new_height = size[0], int(size[0] * ratio)
    new_width, new_height = max(new_width, 1), max(new_height, 1)
    return new_width, new_height, float(new_height) / height


def nms(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return the indices of the boxes (n, 4) that stay, best first: greedy, overlap above ``threshold`` goes.

    Areas count one pixel more on each side, as in the reference. Equal scores keep their order,
    whatever the numpy.
    """
    areas = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    order = np.argsort(-scores, kind="mergesort")
    keep = []
    while order.size:
        best, rest = order[0], order[1:]
        keep.append(best)
        low = np.maximum(boxes[rest, :2], boxes[best, :2])
        high = np.minimum(boxes[rest, 2:], boxes[best, 2:])
        sides = np.maximum(high - low + 1, 0)
        shared = sides[:, 0] * sides[:, 1]
        order = rest[shared / (areas[best] + areas[rest] - shared) <= threshold]
    return np.asarray(keep, dtype=np.intp)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * logits))  # the same value as 1 / (1 + exp(-x)), without its overflow


class _Found(NamedTuple):
    """Candidates in pixels of the network's input: boxes (n, 4), scores (n,), keypoints (n, k, 2) or None."""

    boxes: np.ndarray
    scores: np.ndarray
    keypoints: Optional[np.ndarray]


class SCRFD:
    """A face detector: the model, spec.json and, if there, manifest.json of ``folder`` (default: this file's own).

    ``providers`` are names, or (name, options) for onnxruntime 1.7 and later, best first; default: those
    that the manifest expects, or the CPU. What this onnxruntime cannot give is left out and the CPU
    used: ``requested`` says what was asked for, ``providers`` what the session is on, ``problem`` why
    they differ. Several threads may call ``detect`` of one object.
    """

    def __init__(self, folder: Optional[str] = None, providers: Optional[List[Any]] = None,
                 session_options: Any = None) -> None:  # fmt: skip
        self.folder = os.path.dirname(os.path.abspath(__file__)) if folder is None else str(folder)
        self.spec = load_spec(self.folder)
        asked = _asked_by_manifest(self.folder) if providers is None else list(providers)
        self.requested = [entry if isinstance(entry, str) else entry[0] for entry in asked]
        self.problem = None  # type: Optional[str]
        self._session = self._start(asked, session_options)
        self.providers = list(self._session.get_providers())
        self.output_names = [output.name for output in self._session.get_outputs()]
        self._size = (int(self.spec["input"]["size"][0]), int(self.spec["input"]["size"][1]))
        self._local = threading.local()

    def _start(self, asked: List[Any], options: Any) -> Any:
        onnxruntime = _import_onnxruntime()
        model = os.path.join(self.folder, "model.onnx")
        if not os.path.isfile(model):
            raise ScrfdError("%s is missing." % model)
        available = _available(onnxruntime)
        usable = [entry for entry, name in zip(asked, self.requested) if name in available]
        absent = [name for name in self.requested if name not in available]
        if absent:
            self.problem = "onnxruntime %s has no %s; it has %s" % (
                onnxruntime.__version__, ", ".join(absent), ", ".join(available))  # fmt: skip
        if CPU not in [entry if isinstance(entry, str) else entry[0] for entry in usable]:
            usable.append(CPU)
        try:
            return _open_session(onnxruntime, model, options, usable)
        except Exception as error:  # noqa: BLE001 - whatever the provider raised, the CPU is tried and the reason kept
            if usable == [CPU]:
                raise ScrfdError("onnxruntime %s cannot load %s: %s" % (onnxruntime.__version__, model, error)) from error
            self.problem = "the session could not be opened on %s: %s" % (", ".join(self.requested), error)
        try:
            return _open_session(onnxruntime, model, options, [CPU])
        except Exception as error:  # noqa: BLE001 - as above
            raise ScrfdError("onnxruntime %s cannot load %s: %s" % (onnxruntime.__version__, model, error)) from error

    def preprocess(self, image: np.ndarray, out: Optional[np.ndarray] = None) -> Tuple[np.ndarray, float]:
        """Return (tensor, scale): float32 (1, 3, height, width) as the network takes it, and the letterbox scale.

        ``image`` is uint8 (h, w, 3), BGR. ``out`` is a tensor of that shape to write into; by default a new one.
        """
        cv2 = _import_cv2()
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            shape = "%s %s" % (image.dtype, image.shape) if isinstance(image, np.ndarray) else type(image).__name__
            raise ScrfdError("a picture should be a uint8 array (height, width, 3) in BGR order, but is %s." % shape)
        if not image.size:
            raise ScrfdError("the picture has no pixels: its shape is %s." % (image.shape,))
        width, height = self._size
        new_width, new_height, scale = letterbox(image.shape[1], image.shape[0], self._size)
        fitted = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
        tensor = np.empty((1, 3, height, width), dtype=np.float32) if out is None else out
        mean, factor = np.float32(self.spec["mean"]), np.float32(1.0 / self.spec["std"])
        planes = cv2.split(fitted)
        for index, plane in enumerate(planes if self.spec["channels"] == "bgr" else reversed(planes)):
            inside = tensor[0, index, :new_height, :new_width]
            inside[...] = plane
            inside -= mean
            inside *= factor
        # The reference pads with zero before it normalises.
        tensor[0, :, new_height:, :] = -mean * factor
        tensor[0, :, :new_height, new_width:] = -mean * factor
        return tensor, scale

    def forward(self, tensor: np.ndarray) -> List[np.ndarray]:
        """Return the raw outputs of the network, in the model's order (``output_names``)."""
        try:
            return list(self._session.run(None, {self.spec["input"]["name"]: tensor}))
        except Exception as error:  # noqa: BLE001 - each release has its own exceptions, from ValueError to pybind's
            raise ScrfdError("onnxruntime could not run the model on %s: %s" % (", ".join(self.providers), error)) from error

    def postprocess(self, outputs: List[np.ndarray], scale: float, score_threshold: Optional[float] = None,
                    nms_threshold: Optional[float] = None) -> List[Detection]:  # fmt: skip
        """Return the faces in raw ``outputs``, best first, in pixels of the picture that ``scale`` is from.

        The thresholds default to those of spec.json; a score equal to its threshold stays.
        """
        score_limit = self.spec["score_threshold"] if score_threshold is None else score_threshold
        nms_limit = self.spec["nms_threshold"] if nms_threshold is None else nms_threshold
        named = dict(zip(self.output_names, outputs))
        if self.spec["form"] == "decoded":
            parts = [self._decoded(named, score_limit)]
        else:
            parts = [self._level(level, named, score_limit) for level in self.spec["levels"]]
        boxes = np.concatenate([part.boxes for part in parts]) / np.float32(scale)
        scores = np.concatenate([part.scores for part in parts])
        points = [part.keypoints / np.float32(scale) for part in parts if part.keypoints is not None]
        keypoints = np.concatenate(points) if points else None
        return [
            Detection(
                tuple(boxes[index].tolist()),
                float(scores[index]),
                None if keypoints is None else tuple(tuple(point) for point in keypoints[index].tolist()),
            )
            for index in nms(boxes, scores, nms_limit)
        ]

    def _scores(self, raw: np.ndarray) -> np.ndarray:
        scores = np.asarray(raw, dtype=np.float32).reshape(-1)
        return _sigmoid(scores) if self.spec["scores"] == "logits" else scores

    def _decoded(self, named: Dict[str, np.ndarray], limit: float) -> _Found:
        """Read the decoded form: one row a candidate, already in pixels of the input."""
        where = self.spec["decoded"]
        rows = self._output(named, where["output"])
        rows = rows.reshape(-1, rows.shape[-1])
        scores = self._scores(rows[:, where["score"]])
        keep = np.flatnonzero(scores >= limit)
        chosen = np.asarray(rows[keep], dtype=np.float32)
        span = where["keypoints"]
        points = None if span is None else chosen[:, span[0] : span[1]].reshape(keep.size, (span[1] - span[0]) // 2, 2)
        return _Found(chosen[:, where["bbox"][0] : where["bbox"][1]], scores[keep], points)

    def _level(self, level: Dict[str, Any], named: Dict[str, np.ndarray], limit: float) -> _Found:
        """Decode one stride: distances to the four sides and offsets to the keypoints, in strides, from each centre.

        Only candidates at or above ``limit`` are decoded. Rows run over the grid line by line, anchors innermost.
        """
        stride, anchors = level["stride"], self.spec["anchors"]
        columns, lines = -(-self._size[0] // stride), -(-self._size[1] // stride)

        def heads(name: str, width: int) -> np.ndarray:
            """Return the output as (cells, anchors, width), without copying it."""
            raw = self._output(named, name)
            if raw.size != lines * columns * anchors * width:
                raise ScrfdError("output %s has the shape %s; spec.json says %d anchors of %d values on %d x %d cells."
                                 % (name, raw.shape, anchors, width, columns, lines))  # fmt: skip
            if self.spec["form"] == "nchw":
                return raw.reshape(anchors, width, lines * columns).transpose(2, 0, 1)
            return raw.reshape(lines * columns, anchors, width)

        scores = self._scores(heads(level["score"], 1))
        keep = np.flatnonzero(scores >= limit)
        cell, anchor = np.divmod(keep, anchors)
        centres = np.stack([cell % columns, cell // columns], axis=1).astype(np.float32) * stride
        sides = heads(level["bbox"], 4)[cell, anchor].astype(np.float32) * stride
        boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
        points = None
        if level.get("keypoints") is not None:
            count = self.spec["keypoints"]
            offsets = heads(level["keypoints"], 2 * count)[cell, anchor].astype(np.float32) * stride
            points = centres[:, None, :] + offsets.reshape(keep.size, count, 2)
        return _Found(boxes, scores[keep], points)

    def _output(self, named: Dict[str, np.ndarray], name: str) -> np.ndarray:
        if name not in named:
            raise ScrfdError("the model has no output %r, which spec.json names; it has %s."
                             % (name, ", ".join(self.output_names)))  # fmt: skip
        return np.asarray(named[name])

    def detect(self, image: np.ndarray, score_threshold: Optional[float] = None,
               nms_threshold: Optional[float] = None) -> List[Detection]:  # fmt: skip
        """Return the faces in ``image`` (uint8 (h, w, 3), BGR), best first."""
        tensor, scale = self.preprocess(image, getattr(self._local, "tensor", None))
        self._local.tensor = tensor  # each thread has one of its own
        return self.postprocess(self.forward(tensor), scale, score_threshold, nms_threshold)


# --- the program ----------------------------------------------------------------------------------


def _say(text: str, stream: Any) -> None:
    """Print ``text``; what the terminal's encoding lacks is escaped, never an error."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _threshold(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("should be from 0 to 1, but is %s" % text)
    return value


def _arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scrfd.py", description="Find faces in pictures.")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("-o", "--output", metavar="FILE", help="draw the faces on a copy of the picture")
    parser.add_argument("--json", action="store_true", help="print JSON: an object, or a list of them for several pictures")
    parser.add_argument("--score", type=_threshold, metavar="T", help="least score of a face, from 0 to 1")
    parser.add_argument("--nms", type=_threshold, metavar="T", help="most overlap of two faces, from 0 to 1")
    parser.add_argument("--provider", metavar="NAME", help="such as CUDAExecutionProvider; default: what the manifest expects")
    options = parser.parse_args(argv)
    if options.output is not None and len(options.images) > 1:
        parser.error("-o takes one picture at a time, but %d were given" % len(options.images))
    return options


def _run(options: argparse.Namespace) -> int:
    detector = SCRFD(providers=None if options.provider is None else [options.provider])
    if detector.providers[0] != detector.requested[0]:
        reason = " (%s)" % detector.problem if detector.problem else ""
        _say("warning: %s is not active, %s is used%s"
             % (detector.requested[0], detector.providers[0], reason), sys.stderr)  # fmt: skip
    done, status = [], 0
    for path in options.images:
        try:
            image = read_image(path)
            faces = detector.detect(image, options.score, options.nms)
            if options.output is not None:
                write_image(options.output, draw(image, faces))
        except ScrfdError as error:
            _say("error: %s" % error, sys.stderr)
            status = 1
            continue
        done.append({"image": path, "provider": detector.providers[0], "detections": [face.to_json() for face in faces]})
        if not options.json:
            _say("%s: %d face%s (%s)" % (path, len(faces), "" if len(faces) == 1 else "s", detector.providers[0]), sys.stdout)
            for face in faces:
                _say("  score %.3f  box %s" % (face.score, " ".join("%.1f" % value for value in face.bbox)), sys.stdout)
    if options.json and done:
        _say(json.dumps(done if len(options.images) > 1 else done[0], indent=1), sys.stdout)
    return status


def main(argv: Optional[List[str]] = None) -> int:
    """Run the program; return its exit code: 0 done, 1 a picture or the bundle could not be used (2: wrong usage)."""
    options = _arguments(argv)
    try:
        return _run(options)
    except ScrfdError as error:
        _say("error: %s" % error, sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
