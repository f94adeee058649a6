"""SCRFD face detection with ONNX Runtime: a module (``from scrfd import SCRFD``) and a program.

What the model is like is read from spec.json beside this file; nothing is guessed at run time. Runs on
Python 3.6+, numpy 1.16+, onnxruntime 1.0+ and, for pictures only, OpenCV 4 or 5.
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
    sys.exit("error: numpy cannot be imported: %s. Install what requirements.txt names." % missing)

SCHEMA = "ortdoctor.scrfd/1"
_KEYS = "form input mean std channels anchors keypoints scores levels decoded score_threshold nms_threshold"
CPU = "CPUExecutionProvider"
Limit = Optional[float]
Raw = List[np.ndarray]


class ScrfdError(Exception):
    """What went wrong, as a sentence for the person at the keyboard."""


class Detection(NamedTuple):
    """One face, in pixels of the picture and not clipped to it: ``bbox`` is x1, y1, x2, y2.

    ``keypoints`` are five (x, y): the eyes, the nose and the corners of the mouth, each pair from left
    to right in the picture; None where the model has none.
    """

    bbox: Tuple[float, ...]
    score: float
    keypoints: Optional[Tuple[Tuple[float, ...], ...]]

    def to_json(self) -> Dict[str, Any]:
        """Return the detection as JSON types."""
        points = None if self.keypoints is None else [list(point) for point in self.keypoints]
        return {"bbox": list(self.bbox), "score": self.score, "keypoints": points}


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise ScrfdError("%s cannot be read: %s." % (path, error.strerror)) from error


def _read_json(path: str) -> Dict[str, Any]:
    try:
        return dict(json.loads(_read(path).decode("utf-8")))
    except (TypeError, ValueError) as error:
        raise ScrfdError("%s should be a JSON object, but is not: %s." % (path, error)) from error


def load_spec(folder: str) -> Dict[str, Any]:
    """Return spec.json of ``folder``; ScrfdError where it is missing, incomplete or of another schema."""
    path = os.path.join(folder, "spec.json")
    spec = _read_json(path)
    lacking = [key for key in _KEYS.split() if key not in spec]
    if spec.get("schema") != SCHEMA or lacking:
        what = "lacks %s" % ", ".join(lacking) if lacking else "has the schema %s" % spec.get("schema")
        raise ScrfdError("%s should be of the schema %s, but %s." % (path, SCHEMA, what))
    return spec


def _expected_providers(folder: str) -> List[Any]:
    """Return the providers that the bundle was made for; the CPU where no manifest says so."""
    path = os.path.join(folder, "manifest.json")
    if not os.path.exists(path):
        return [CPU]
    try:
        return [str(name) for name in _read_json(path)["target"]["expected_providers"]]
    except (KeyError, TypeError) as error:
        raise ScrfdError("%s has no list target.expected_providers." % path) from error


def import_onnxruntime() -> Any:
    """Return the module onnxruntime; ScrfdError where there is none or not a whole one."""
    try:
        import onnxruntime
    except Exception as error:  # noqa: BLE001 - a broken extension raises anything, AttributeError included
        raise ScrfdError("onnxruntime cannot be imported: %r." % error) from error
    if not hasattr(onnxruntime, "InferenceSession"):
        where = getattr(onnxruntime, "__file__", None) or list(getattr(onnxruntime, "__path__", []))
        raise ScrfdError("%s is no whole onnxruntime: something hides it, or it is half uninstalled." % where)
    return onnxruntime


def _open_session(onnxruntime: Any, model: str, options: Any, providers: List[Any]) -> Any:
    """Return a session on ``providers``, through whichever way this release has of asking for them."""
    names = _names(providers)
    create = onnxruntime.InferenceSession
    arguments = inspect.signature(create.__init__).parameters
    # Some releases report a failing provider on standard output, which may be a program's JSON.
    with contextlib.redirect_stdout(sys.stderr):
        # The loader does not look into the nvidia-* wheels; from 1.21 on, onnxruntime does if told to.
        if "CUDAExecutionProvider" in names and hasattr(onnxruntime, "preload_dlls"):
            if importlib.util.find_spec("nvidia") is not None:
                onnxruntime.preload_dlls()
        if "provider_options" in arguments:  # 1.7
            session = create(model, options, providers=providers)
        elif names != providers:
            raise ScrfdError("onnxruntime %s takes no provider options." % onnxruntime.__version__)
        elif "providers" in arguments:  # 1.1
            session = create(model, options, providers=names)
        else:
            session = create(model, options)
            if list(session.get_providers()) != names:
                session.set_providers(names)
    if hasattr(session, "disable_fallback"):
        session.disable_fallback()  # a provider that fails at work would be exchanged for the CPU unasked
    return session


def _names(providers: List[Any]) -> List[str]:
    return [entry if isinstance(entry, str) else entry[0] for entry in providers]


def _import_cv2() -> Any:
    try:
        import cv2
    except Exception as error:  # noqa: BLE001 - libGL, a numpy of another ABI: either way no pictures
        raise ScrfdError("pictures need OpenCV (requirements.txt); the import failed: %r" % error) from error
    return cv2


def read_image(path: str) -> np.ndarray:
    """Return the picture as cv2.imread does: uint8 (height, width, 3), BGR, turned as its EXIF says.

    Python reads the file, not OpenCV, so that every path that Python can open works.
    """
    cv2 = _import_cv2()
    data = np.frombuffer(_read(path), dtype=np.uint8)
    if not data.size:
        raise ScrfdError("%s is empty." % path)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ScrfdError("OpenCV %s cannot decode %s: %s." % (cv2.__version__, path, error)) from error
    if image is None:
        raise ScrfdError("%s is not a picture that OpenCV %s can decode." % (path, cv2.__version__))
    return np.asarray(image)


def write_image(path: str, image: np.ndarray) -> None:
    """Write ``image`` (uint8 BGR) in the format of the name's extension: whole or not at all."""
    cv2 = _import_cv2()
    part = "%s.%d.part" % (path, os.getpid())
    try:
        data = cv2.imencode(os.path.splitext(path)[1], image)[1]
        with open(part, "wb") as stream:
            stream.write(data.tobytes())
        os.replace(part, path)
    except cv2.error as error:
        raise ScrfdError("%s cannot be written: its name should end in .png or .jpg." % path) from error
    except OSError as error:
        with contextlib.suppress(OSError):
            os.remove(part)
        raise ScrfdError("%s cannot be written: %s." % (path, error.strerror)) from error


def draw(image: np.ndarray, detections: List[Detection]) -> np.ndarray:
    """Return a copy of ``image`` (uint8 BGR) with boxes, scores and keypoints drawn on it."""
    cv2 = _import_cv2()
    drawn, green, orange = image.copy(), (0, 220, 0), (0, 80, 255)
    line = max(1, int(round(min(image.shape[:2]) / 300.0)))
    for face in detections:
        left, top, right, bottom = (int(round(value)) for value in face.bbox)
        cv2.rectangle(drawn, (left, top), (right, bottom), green, line)
        label = (left, max(top - 3, 10))
        cv2.putText(drawn, "%.2f" % face.score, label, cv2.FONT_HERSHEY_SIMPLEX, 0.4 * line, green, line)
        for x, y in face.keypoints or ():
            cv2.circle(drawn, (int(round(x)), int(round(y))), line + 1, orange, -1)
    return drawn


def letterbox(width: int, height: int, size: Tuple[int, int]) -> Tuple[int, int, float]:
    """Return (new width, new height, scale) of a picture fitted into ``size`` (width, height), aspect kept.

    As the reference (insightface, detection/scrfd/tools/scrfd.py): sizes are truncated and the scale is
    that of the height. A side is never less than a pixel.
    """
    ratio = float(height) / width
    if ratio > float(size[1]) / size[0]:
        new_width, new_height = max(int(size[1] / ratio), 1), size[1]
    else:
        new_width, new_height = size[0], max(int(size[0] * ratio), 1)
    return new_width, new_height, float(new_height) / height


def nms(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> List[int]:
    """Return the indices of the ``boxes`` (n, 4) that stay, best first: one that overlaps a better one goes.

    Overlap is intersection over union, more than ``threshold``, a box being one pixel wider and higher
    than its corners are apart, as in the reference. Equal scores keep their order, whatever the numpy.
    """
    areas = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    order = np.argsort(-scores, kind="mergesort")
    keep = []
    while order.size:
        best, rest = int(order[0]), order[1:]
        keep.append(best)
        low = np.maximum(boxes[rest, :2], boxes[best, :2])
        high = np.minimum(boxes[rest, 2:], boxes[best, 2:])
        shared = np.prod(np.maximum(high - low + 1, 0), axis=1)
        order = rest[shared / (areas[best] + areas[rest] - shared) <= threshold]
    return keep


class SCRFD:
    """A face detector on the model and spec.json of ``folder`` (default: where this file lies).

    ``providers`` are names, best first, or from onnxruntime 1.7 on (name, options); default: what
    manifest.json expects, the CPU without one. What this onnxruntime cannot give is left out and the CPU
    used: ``requested`` are the names asked for, ``providers`` those that the session is on, ``problem``
    says why they differ. Several threads may use one detector. Every method raises ScrfdError.
    """

    problem = None  # type: Optional[str]

    def __init__(
        self, folder: Optional[str] = None, providers: Optional[List[Any]] = None, session_options: Any = None
    ) -> None:
        self.folder = os.path.dirname(os.path.abspath(__file__)) if folder is None else str(folder)
        self.spec = load_spec(self.folder)
        asked = _expected_providers(self.folder) if providers is None else list(providers)
        self.requested = _names(asked)
        self._session = self._start(asked, session_options)
        self.providers = list(self._session.get_providers())
        if self.problem is None and self.providers[:1] != self.requested[:1]:
            self.problem = "onnxruntime offers it, but could not load it: see what it printed"
        self.output_names = [output.name for output in self._session.get_outputs()]
        self._size = (int(self.spec["input"]["size"][0]), int(self.spec["input"]["size"][1]))
        self._local = threading.local()

    def _start(self, asked: List[Any], options: Any) -> Any:
        onnxruntime = import_onnxruntime()
        offered = list(onnxruntime.get_available_providers())
        usable = [entry for entry in asked if _names([entry])[0] in offered]
        if len(usable) < len(asked):
            self.problem = "onnxruntime %s has only %s" % (onnxruntime.__version__, ", ".join(offered))
        if CPU not in _names(usable):
            usable.append(CPU)
        model = os.path.join(self.folder, "model.onnx")
        for attempt in (usable, [CPU]):
            try:
                return _open_session(onnxruntime, model, options, attempt)
            except Exception as error:  # noqa: BLE001, PERF203 - whatever a provider raises, the CPU is tried
                self.problem = "no session on %s: %s" % (", ".join(_names(attempt)), error)
        raise ScrfdError("onnxruntime %s cannot load %s: %s" % (onnxruntime.__version__, model, self.problem))

    def preprocess(self, image: np.ndarray, out: Optional[np.ndarray] = None) -> Tuple[np.ndarray, float]:
        """Return the network's input, float32 (1, 3, height, width), and the scale of the letterbox.

        ``image`` is uint8 (h, w, 3), BGR. The input is written to ``out`` if given, which is then returned.
        """
        cv2 = _import_cv2()
        shape = tuple(getattr(image, "shape", ()))  # type: Tuple[int, ...]
        if len(shape) != 3 or shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            what = "%s %s" % (getattr(image, "dtype", type(image).__name__), shape)
            raise ScrfdError("a picture is a uint8 array (height, width, 3), BGR; this is %s." % what)
        new_width, new_height, scale = letterbox(shape[1], shape[0], self._size)
        fitted = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
        tensor = np.empty((1, 3, self._size[1], self._size[0]), dtype=np.float32) if out is None else out
        mean, factor = np.float32(self.spec["mean"]), np.float32(1.0 / self.spec["std"])
        # The reference pads the picture with zeros, then normalises; the same values are written here.
        tensor[0, :, new_height:, :] = -mean * factor
        tensor[0, :, :new_height, new_width:] = -mean * factor
        planes = cv2.split(fitted)
        for index, plane in enumerate(planes if self.spec["channels"] == "bgr" else reversed(planes)):
            inside = tensor[0, index, :new_height, :new_width]
            inside[...] = plane
            inside -= mean
            inside *= factor
        return tensor, scale

    def forward(self, tensor: np.ndarray) -> Raw:
        """Return the raw outputs of the network in the model's order, which ``output_names`` gives."""
        try:
            return list(self._session.run(None, {self.spec["input"]["name"]: tensor}))
        except Exception as error:  # noqa: BLE001 - each release has exceptions of its own
            where = ", ".join(self.providers)
            raise ScrfdError("onnxruntime could not run the model on %s: %s" % (where, error)) from error

    def postprocess(
        self, outputs: Raw, scale: float, score_threshold: Limit = None, nms_threshold: Limit = None
    ) -> List[Detection]:
        """Return the faces in the raw ``outputs``, best first, in pixels of the picture before the letterbox.

        A face stays at or above ``score_threshold``; the thresholds default to those of spec.json.
        """
        least = self.spec["score_threshold"] if score_threshold is None else score_threshold
        most = self.spec["nms_threshold"] if nms_threshold is None else nms_threshold
        named = {name: np.asarray(raw) for name, raw in zip(self.output_names, outputs)}  # noqa: B905 - 3.10
        try:
            if self.spec["form"] == "decoded":
                parts = [self._decoded(named, least)]
            else:
                parts = [self._level(level, named, least) for level in self.spec["levels"]]
        except KeyError as error:
            raise ScrfdError("spec.json and model.onnx do not belong together: no %s." % error) from error
        boxes, scores, points = (np.concatenate(column) for column in zip(*parts))  # noqa: B905 - 3.10
        boxes, points = boxes / np.float32(scale), points / np.float32(scale)
        if not (np.isfinite(boxes).all() and np.isfinite(points).all()):
            raise ScrfdError("the network gave boxes that are no numbers on %s." % ", ".join(self.providers))
        return [
            Detection(
                tuple(boxes[index].tolist()),
                float(scores[index]),
                tuple(map(tuple, points[index].tolist())) if points.shape[1] else None,
            )
            for index in nms(boxes, scores, most)
        ]

    def _scores(self, raw: np.ndarray) -> np.ndarray:
        scores = np.asarray(raw, dtype=np.float32).reshape(-1)
        if np.isnan(scores).any():
            raise ScrfdError("the network gave scores that are no numbers on %s." % ", ".join(self.providers))
        if self.spec["scores"] == "logits":
            scores = 0.5 * (1.0 + np.tanh(0.5 * scores))  # the sigmoid, without the overflow of exp
        return scores

    def _decoded(self, named: Dict[str, np.ndarray], least: float) -> Tuple[np.ndarray, ...]:
        """Return boxes (n, 4), scores (n,) and keypoints (n, k, 2) in pixels of the network's input."""
        where = self.spec["decoded"]
        rows = named[where["output"]]
        rows = rows.reshape(-1, rows.shape[-1])
        scores = self._scores(rows[:, where["score"]])
        keep = np.flatnonzero(scores >= least)
        chosen = rows[keep].astype(np.float32)
        first, last = where["keypoints"] or (0, 0)
        points = chosen[:, first:last].reshape(keep.size, (last - first) // 2, 2)
        return chosen[:, slice(*where["bbox"])], scores[keep], points

    def _level(
        self, level: Dict[str, Any], named: Dict[str, np.ndarray], least: float
    ) -> Tuple[np.ndarray, ...]:
        """Return what ``_decoded`` does for one stride, from distances in strides to each cell's corner.

        The corner is where the reference has its anchors. Only what scores ``least`` is decoded.
        """
        stride, anchors = level["stride"], self.spec["anchors"]
        columns, lines = -(-self._size[0] // stride), -(-self._size[1] // stride)

        def head(name: str, width: int) -> np.ndarray:
            """Return an output as (cells, anchors, width), cells line by line, without copying it."""
            raw = named[name]
            if raw.size != lines * columns * anchors * width:
                said = (name, columns, lines, anchors, width, raw.shape)
                raise ScrfdError("spec.json gives output %s %d x %d x %d x %d values; it has %s." % said)
            if self.spec["form"] == "nchw":
                return raw.reshape(anchors, width, lines * columns).transpose(2, 0, 1)
            return raw.reshape(lines * columns, anchors, width)

        def chosen(name: str, width: int) -> np.ndarray:
            return np.asarray(head(name, width)[cell, anchor], dtype=np.float32) * np.float32(stride)

        scores = self._scores(head(level["score"], 1))
        keep = np.flatnonzero(scores >= least)
        cell, anchor = np.divmod(keep, anchors)
        corner = np.stack([cell % columns, cell // columns], axis=1).astype(np.float32) * stride
        sides = chosen(level["bbox"], 4)
        boxes = np.concatenate([corner - sides[:, :2], corner + sides[:, 2:]], axis=1)
        points = np.zeros((keep.size, 0, 2), dtype=np.float32)
        if level.get("keypoints"):
            count = self.spec["keypoints"]
            points = corner[:, None] + chosen(level["keypoints"], 2 * count).reshape(keep.size, count, 2)
        return boxes, scores[keep], points

    def detect(
        self, image: np.ndarray, score_threshold: Limit = None, nms_threshold: Limit = None
    ) -> List[Detection]:
        """Return the faces in ``image`` (uint8 (h, w, 3), BGR), best first, as ``postprocess`` does."""
        # One input a thread is kept: to have new pages for it each time costs more than to fill them.
        self._local.tensor, scale = self.preprocess(image, getattr(self._local, "tensor", None))
        return self.postprocess(self.forward(self._local.tensor), scale, score_threshold, nms_threshold)


def _say(text: str, stream: Any) -> None:
    """Print ``text``; a character that the terminal's encoding lacks is escaped, not an error."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scrfd.py", description="Find faces in pictures.")
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE")
    add("-o", "--output", metavar="FILE", help="draw the faces on a copy of the picture")
    add("--json", action="store_true", help="print JSON; a list where several pictures are given")
    add("--score", type=float, metavar="T", help="least score of a face, 0 to 1")
    add("--nms", type=float, metavar="T", help="most overlap of two faces, 0 to 1")
    add("--provider", metavar="NAME", help="such as CUDAExecutionProvider; default: as manifest.json")
    options = parser.parse_args(argv)
    if options.output is not None and len(options.images) > 1:
        parser.error("-o is for one picture, and %d are given" % len(options.images))
    return options


def _found(detector: SCRFD, path: str, options: argparse.Namespace) -> Dict[str, Any]:
    image = read_image(path)
    faces = detector.detect(image, options.score, options.nms)
    if options.output is not None:
        write_image(options.output, draw(image, faces))
    if not options.json:
        _say("%s: %d found on %s" % (path, len(faces), detector.providers[0]), sys.stdout)
        for face in faces:
            _say("  %.3f at %.1f %.1f %.1f %.1f" % ((face.score,) + face.bbox), sys.stdout)
    shown = [face.to_json() for face in faces]
    return {"image": path, "provider": detector.providers[0], "detections": shown}


def main(argv: Optional[List[str]] = None) -> int:
    """Run the program; return 0, or 1 where a picture or the bundle is no use. Wrong usage exits with 2."""
    options = _arguments(argv)
    found, errors = [], []
    try:
        detector = SCRFD(providers=None if options.provider is None else [options.provider])
        if detector.providers[0] != detector.requested[0]:
            told = (detector.requested[0], detector.providers[0], detector.problem)
            _say("warning: %s is not active, %s is used: %s" % told, sys.stderr)
        for path in options.images:
            try:
                found.append(_found(detector, path, options))
            except ScrfdError as error:  # noqa: PERF203 - one bad picture must not cost the others
                errors.append(error)
    except ScrfdError as error:
        errors.append(error)
    if options.json and found:
        _say(json.dumps(found if len(options.images) > 1 else found[0], indent=1), sys.stdout)
    for sentence in errors:
        _say("error: %s" % sentence, sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
