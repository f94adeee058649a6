"""Small SCRFD networks whose faces are known exactly, and bundles around them (docs/bundle.md)."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
SHARED = Path(__file__).resolve().parents[4] / "shared"
SCRIPTS = ("scrfd.py", "smoke_test.py", "smoke_steps.py")

Array = npt.NDArray[Any]


def load_script(name: str, folder: Path = TEMPLATES) -> Any:
    """Import a script of a bundle by its path, as a fresh module."""
    located = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert located is not None
    assert located.loader is not None
    module = importlib.util.module_from_spec(located)
    located.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Face:
    """A face in pixels of the network's input, and the anchor that finds it."""

    box: tuple[float, float, float, float]
    score: float
    stride: int = 8
    column: int = 0
    line: int = 0
    anchor: int = 0

    @property
    def points(self) -> list[tuple[float, float]]:
        """Five keypoints inside the box, each at another place."""
        x1, y1, x2, y2 = self.box
        places = ((0.25, 0.25), (0.75, 0.3), (0.5, 0.55), (0.3, 0.75), (0.7, 0.85))
        return [(x1 + (x2 - x1) * x, y1 + (y2 - y1) * y) for x, y in places]


@dataclass(frozen=True)
class Network:
    """What a made network is like; ``size`` is (width, height)."""

    form: str = "batched"
    size: tuple[int, int] = (64, 64)
    anchors: int = 2
    keypoints: bool = True
    scores: str = "sigmoid"
    faces: list[Face] = field(default_factory=list)
    #: How much the outputs move with the colours of the picture.
    gain: float = 0.0
    opset: int = 9

    def grid(self, stride: int) -> tuple[int, int]:
        """Return columns and lines of a stride, as convolutions with padding give them."""
        return -(-self.size[0] // stride), -(-self.size[1] // stride)

    def heads(self) -> dict[str, Array]:
        """Return the raw outputs: scores, then boxes, then keypoints, of strides 8, 16, 32 (or ``pred``)."""
        if self.form == "decoded":
            return {"pred": self._decoded()}
        heads = {f"score_{stride}": self._head(stride, "score", 1) for stride in (8, 16, 32)}
        heads.update({f"bbox_{stride}": self._head(stride, "bbox", 4) for stride in (8, 16, 32)})
        if self.keypoints:
            heads.update({f"kps_{stride}": self._head(stride, "kps", 10) for stride in (8, 16, 32)})
        return heads

    def _raw_score(self, score: float) -> float:
        return float(np.log(score / (1 - score))) if self.scores == "logits" else score

    def _decoded(self) -> Array:
        rows = np.zeros((40, 15 if self.keypoints else 5), np.float32)
        rows[:, 4] = self._raw_score(0.01)
        for index, face in enumerate(self.faces):
            values = [*face.box, self._raw_score(face.score)]
            if self.keypoints:
                values += [value for point in face.points for value in point]
            rows[3 + 5 * index] = values
        return rows

    def _head(self, stride: int, kind: str, width: int) -> Array:
        columns, lines = self.grid(stride)
        head = np.full((lines, columns, self.anchors, width), 0.125, np.float32)
        if kind == "score":
            head[:] = self._raw_score(0.01)
        for face in self.faces:
            if face.stride != stride:
                continue
            x, y = face.column * stride, face.line * stride
            x1, y1, x2, y2 = face.box
            sides = [(x - x1) / stride, (y - y1) / stride, (x2 - x) / stride, (y2 - y) / stride]
            offsets = [value for px, py in face.points for value in ((px - x) / stride, (py - y) / stride)]
            values = {"score": [self._raw_score(face.score)], "bbox": sides, "kps": offsets}[kind]
            head[face.line, face.column, face.anchor] = values
        if self.form == "nchw":  # anchor-major: channel a * width + k
            return head.transpose(2, 3, 0, 1).reshape(1, self.anchors * width, lines, columns)
        flat = head.reshape(-1, width)
        return flat[None] if self.form == "batched" else flat

    def model(self) -> bytes:
        """Return the network as an ONNX file: every output is a constant plus ``gain`` times the colours."""
        from onnx import TensorProto, helper, numpy_helper

        width, height = self.size
        weights = np.array([0.6, 0.3, 0.1], np.float32).reshape(1, 3, 1, 1) * np.float32(self.gain)
        nodes = [
            helper.make_node("Mul", ["picture", "weights"], ["weighted"]),
            helper.make_node("ReduceMean", ["weighted"], ["colour"], axes=[0, 1, 2, 3], keepdims=0),
        ]
        constants, outputs = [numpy_helper.from_array(weights, "weights")], []
        for name, head in self.heads().items():
            constants.append(numpy_helper.from_array(np.ascontiguousarray(head), f"constant_{name}"))
            nodes.append(helper.make_node("Add", [f"constant_{name}", "colour"], [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(head.shape)))
        picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, height, width])
        graph = helper.make_graph(nodes, "scrfd", [picture], outputs, constants)
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=4)
        data: bytes = model.SerializeToString()
        return data

    def spec(self) -> dict[str, Any]:
        """Return spec.json of the network."""
        levels = [
            {
                "stride": stride,
                "score": f"score_{stride}",
                "bbox": f"bbox_{stride}",
                "keypoints": f"kps_{stride}" if self.keypoints else None,
            }
            for stride in (8, 16, 32)
        ]
        decoded = {
            "output": "pred",
            "bbox": [0, 4],
            "score": 4,
            "keypoints": [5, 15] if self.keypoints else None,
        }
        width, height = self.size
        return make_spec(
            form=self.form,
            name="picture",
            shape=[1, 3, height, width],
            size=self.size,
            levels=[] if self.form == "decoded" else levels,
            decoded=decoded if self.form == "decoded" else None,
            anchors=self.anchors,
            keypoints=5 if self.keypoints else 0,
            scores=self.scores,
        )


def make_spec(
    *,
    form: str,
    name: str,
    shape: list[int | None],
    size: tuple[int, int],
    levels: list[dict[str, Any]],
    decoded: dict[str, Any] | None = None,
    anchors: int = 2,
    keypoints: int = 5,
    scores: str = "sigmoid",
) -> dict[str, Any]:
    """Return a spec.json as docs/bundle.md describes it."""
    return {
        "schema": "ortdoctor.scrfd/1",
        "form": form,
        "input": {"name": name, "shape": shape, "dynamic": None in shape, "size": list(size)},
        "mean": 127.5,
        "std": 128.0,
        "channels": "rgb",
        "strides": [8, 16, 32],
        "anchors": anchors,
        "keypoints": keypoints,
        "scores": scores,
        "levels": levels,
        "decoded": decoded,
        "score_threshold": 0.5,
        "nms_threshold": 0.4,
    }


def write_model(folder: Path, model: bytes, spec: dict[str, Any]) -> Path:
    """Write model.onnx, spec.json and the scripts: what the runner needs, without golden data."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    (folder / "spec.json").write_text(json.dumps(spec))
    for script in SCRIPTS:
        shutil.copy(TEMPLATES / script, folder / script)
    return folder


def write_bundle(
    folder: Path, model: bytes, spec: dict[str, Any], picture: Array, expected: str = "CPUExecutionProvider"
) -> Path:
    """Write a whole bundle whose golden data come from the runner here, on the CPU."""
    import cv2
    import onnxruntime

    write_model(folder, model, spec)
    detector = load_script("scrfd", folder).SCRFD(providers=["CPUExecutionProvider"])
    (folder / "golden").mkdir()
    cv2.imwrite(str(folder / "golden" / "input.png"), picture)
    tensor, scale = detector.preprocess(picture)
    np.save(folder / "golden" / "input.npy", tensor)
    outputs = detector.forward(tensor)
    for index, output in enumerate(outputs):
        np.save(folder / "golden" / f"output_{index}.npy", output)
    faces = [face.to_json() for face in detector.postprocess(outputs, scale)]
    golden = {"image": "input.png", "score_threshold": 0.5, "nms_threshold": 0.4, "detections": faces}
    (folder / "golden" / "detections.json").write_text(json.dumps(golden))
    manifest = {
        "schema": "ortdoctor.bundle/1",
        "target": {"id": "test", "expected_providers": [expected]},
        "plan": {"distribution": "onnxruntime", "version": onnxruntime.__version__},
        "tolerance": {"raw": 0.001, "box_px": 1.0, "score": 0.01},
        "files": {},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return seal(folder)


def seal(folder: Path) -> Path:
    """Record in manifest.json the files as they are now."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file != path)
    manifest["files"] = {
        file.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "size": file.stat().st_size,
        }
        for file in files
        if "__pycache__" not in file.parts
    }
    path.write_text(json.dumps(manifest))
    return folder


def picture(width: int = 90, height: int = 60) -> Array:
    """Return a smooth, coloured picture of another aspect than the networks': red, green and blue differ."""
    lines, columns = np.mgrid[:height, :width]
    blue = 40 + 60 * columns / width
    green = 90 + 80 * lines / height
    red = 150 + 100 * (columns / width) * (lines / height)
    return np.stack([blue, green, red], axis=2).astype(np.uint8)


#: Two faces on different strides and one that another suppresses.
FACES = [
    Face((8.0, 10.0, 30.0, 36.0), 0.9, 8, 2, 3, 1),
    Face((9.0, 11.0, 31.0, 37.0), 0.8, 8, 3, 3, 0),
    Face((34.0, 4.0, 62.0, 40.0), 0.7, 16, 3, 1, 0),
]

#: What the reference implementation finds with the shared models, which are not always here.
REFERENCE = SHARED / "models" / "reference_detections.json"
SHARED_FORMS = {
    "scrfd_500m_kps": "batched",
    "scrfd_2.5g_kps_dynamic": "flat",
    "scrfd_500m_6out_dynamic": "flat",
    "scrfd_2.5g_bnkps_nchw": "nchw",
    "scrfd_500m_bnkps_decoded": "decoded",
    "scrfd_500m_bnkps_160": "flat",
}


def shared_spec(name: str, size: tuple[int, int]) -> dict[str, Any]:
    """Write down the spec of a shared model; outputs come as scores, boxes, keypoints of each stride."""
    import onnxruntime

    model = str(REFERENCE.parent / f"{name}.onnx")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    first, outputs = session.get_inputs()[0], [output.name for output in session.get_outputs()]
    shape = [side if isinstance(side, int) else None for side in first.shape]
    if SHARED_FORMS[name] == "decoded":
        decoded = {"output": outputs[0], "bbox": [0, 4], "score": 4, "keypoints": [5, 15]}
        return make_spec(form="decoded", name=first.name, shape=shape, size=size, levels=[], decoded=decoded)
    columns = itertools.zip_longest(outputs[:3], outputs[3:6], outputs[6:])
    levels = [
        {"stride": stride, "score": score, "bbox": bbox, "keypoints": points}
        for stride, (score, bbox, points) in zip((8, 16, 32), columns, strict=True)
    ]
    return make_spec(
        form=SHARED_FORMS[name], name=first.name, shape=shape, size=size, levels=levels,
        keypoints=5 if len(outputs) == 9 else 0,
    )  # fmt: skip
