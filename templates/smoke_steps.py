"""The steps of smoke_test.py that load native code; that program runs this one as a child process.

A crash of a library then ends this process only, and the parent knows from the lines on standard output
in which step. Runs on Python 3.6+ with numpy and onnxruntime; OpenCV where it can be imported.
"""

import argparse
import importlib
import importlib.util
import json
import os
import platform
import struct
import sys
import time
from typing import Any, Callable, Dict, List, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
#: Goes before each line for the parent; libraries print to the same stream.
MARK = "@smoke "
#: Levels of 255 by which the letterboxed golden picture may differ. OpenCV 4.1 to 5.0 give equal bytes on
#: x86-64; the room is for vendors' builds whose resize rounds in another way.
PICTURE_LEVELS = 2.0
#: Least overlap for a face to be compared with a golden one; the real limits are in the manifest.
SAME_FACE = 0.5
#: Seconds that each of the two latency measurements may take, so that a slow board is not kept for minutes.
LATENCY_CAP = 10.0

Result = Tuple[str, str, Dict[str, Any]]


class Skip(Exception):  # noqa: N818 - not an error: the step does not apply here
    """Why a step cannot be done on this machine."""


def load(name: str) -> Any:
    """Parse a JSON file of the bundle."""
    with open(os.path.join(HERE, name), "rb") as stream:
        return json.loads(stream.read().decode("utf-8"))


class Bench:
    """What the steps hand to each other, in the order of STEPS."""

    def __init__(self, manifest: Dict[str, Any], expected: List[str], runs: int) -> None:
        self.manifest, self.expected, self.runs = manifest, expected, runs
        self.modules = {}  # type: Dict[str, Any]
        self.no_pictures = ""
        self.runner = None  # type: Any
        self.outputs = []  # type: List[Any]

    def golden(self, name: str) -> Any:
        """Return an array of golden/; pickles are refused."""
        return self.modules["numpy"].load(os.path.join(HERE, "golden", name), allow_pickle=False)

    def picture(self) -> Any:
        """Return the golden picture, or Skip where OpenCV cannot be used."""
        if self.no_pictures:
            raise Skip(self.no_pictures)
        return self.modules["scrfd"].read_image(os.path.join(HERE, "golden", "input.png"))


def _import(name: str) -> Any:
    module = importlib.import_module(name)
    where = os.path.abspath(getattr(module, "__file__", None) or "")
    if HERE in (os.path.dirname(where), os.path.dirname(os.path.dirname(where))):
        raise ImportError("%s is in the bundle's own folder and hides the real %s" % (where, name))
    return module


def step_import(bench: Bench) -> Result:
    """Import numpy, onnxruntime, the runner beside this file and, if it can be, OpenCV."""
    for name in ("numpy", "onnxruntime"):
        bench.modules[name] = _import(name)
    # By its path: no scrfd module elsewhere may take its place.
    located = importlib.util.spec_from_file_location("scrfd", os.path.join(HERE, "scrfd.py"))
    runner = importlib.util.module_from_spec(located)  # type: ignore[arg-type]
    located.loader.exec_module(runner)  # type: ignore[union-attr]
    runner.import_onnxruntime()  # that it is a whole one
    bench.modules["scrfd"] = runner
    try:
        bench.modules["cv2"] = _import("cv2")
    except Exception as error:  # noqa: BLE001 - libGL, a numpy of another ABI: either way no pictures
        bench.no_pictures = "OpenCV cannot be imported: %s" % error
    names = [name for name in ("numpy", "onnxruntime", "cv2") if name in bench.modules]
    versions = {name: str(getattr(bench.modules[name], "__version__", "?")) for name in names}
    return "pass", ", ".join("%s %s" % (name, versions[name]) for name in names), {"versions": versions}


def step_environment(bench: Bench) -> Result:
    """Compare the onnxruntime that is here with the one that the manifest plans."""
    plan, here = bench.manifest["plan"], str(bench.modules["onnxruntime"].__version__)
    data = {"python": platform.python_version(), "platform": platform.platform()}
    told = "Python %s, %s" % (data["python"], data["platform"])
    if here.split("+", 1)[0] != str(plan["version"]).split("+", 1)[0]:
        told += "; planned is %s %s, here is %s" % (plan["distribution"], plan["version"], here)
        return "warn", told, data
    return "pass", told, data


def step_session(bench: Bench) -> Result:
    """Open a session; that the expected provider is merely available does not count."""
    bench.runner = runner = bench.modules["scrfd"].SCRFD(HERE, providers=bench.expected)
    data = {"expected": bench.expected, "active": runner.providers, "problem": runner.problem}
    if runner.providers[0] == bench.expected[0]:
        return "pass", "on %s" % runner.providers[0], data
    detail = "on %s instead of %s: %s" % (runner.providers[0], bench.expected[0], runner.problem)
    return "warn", detail, data


def step_raw(bench: Bench) -> Result:
    """Compare the raw outputs for the golden input: largest difference over max(1, largest value)."""
    np, limit = bench.modules["numpy"], float(bench.manifest["tolerance"]["raw"])
    bench.outputs = bench.runner.forward(bench.golden("input.npy"))
    worst, faults = 0.0, []
    for index, (name, got) in enumerate(zip(bench.runner.output_names, bench.outputs)):  # noqa: B905 - 3.10
        want = bench.golden("output_%d.npy" % index)
        if got.shape != want.shape:
            faults.append("%s has the shape %s instead of %s" % (name, got.shape, want.shape))
        elif not np.isfinite(got).all():
            faults.append("%s holds values that are no numbers" % name)
        elif want.size:
            want = want.astype(np.float64)
            off = float(np.abs(got - want).max() / max(1.0, np.abs(want).max()))
            worst = max(worst, off)
            if off > limit:
                faults.append("%s is off by %.2g" % (name, off))
    if os.path.exists(os.path.join(HERE, "golden", "output_%d.npy" % len(bench.outputs))):
        faults.append("the model gives only %d outputs" % len(bench.outputs))
    data = {"worst": worst, "tolerance": limit}
    if faults:
        return "fail", "%s (tolerance %g)" % ("; ".join(faults), limit), data
    return "pass", "%d outputs, largest difference %.2g of %g" % (len(bench.outputs), worst, limit), data


def step_preprocessing(bench: Bench) -> Result:
    """Compare the network's input made here from the golden picture with the golden input."""
    np, want = bench.modules["numpy"], bench.golden("input.npy")
    got = bench.runner.preprocess(bench.picture())[0]
    if got.shape != want.shape or got.dtype != want.dtype:
        return "fail", "%s %s instead of %s %s" % (got.dtype, got.shape, want.dtype, want.shape), {}
    off = float(np.abs(got - want).max() * bench.runner.spec["std"])
    detail = "largest difference %.3g of 255 levels (tolerance %g)" % (off, PICTURE_LEVELS)
    return ("pass" if off <= PICTURE_LEVELS else "fail"), detail, {"levels": off, "tolerance": PICTURE_LEVELS}


def _overlap(one: List[float], other: List[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def _coordinates(face: Dict[str, Any]) -> List[float]:
    return [*face["bbox"], *(value for point in face["keypoints"] or [] for value in point)]


def match(got: List[Dict[str, Any]], want: List[Dict[str, Any]]) -> Tuple[List[Tuple[Any, Any]], List[Any]]:
    """Pair faces of two lists one to one, best overlap first; return the pairs and the faces left over."""
    left, right, ranked = dict(enumerate(got)), dict(enumerate(want)), []
    for i, one in left.items():
        ranked += [(_overlap(one["bbox"], other["bbox"]), i, j) for j, other in right.items()]
    pairs = []
    for overlap, i, j in sorted(ranked, reverse=True):
        if overlap >= SAME_FACE and i in left and j in right:
            pairs.append((left.pop(i), right.pop(j)))
    return pairs, list(left.values()) + list(right.values())


def _png_size(path: str) -> Tuple[int, int]:
    """Return width and height of a PNG file (its IHDR chunk), without OpenCV."""
    with open(path, "rb") as stream:
        width, height = struct.unpack(">II", stream.read(24)[16:])
    return width, height


def step_detections(bench: Bench) -> Result:
    """Compare the faces with the golden ones: boxes, scores and keypoints, not their number."""
    golden, tolerance = load("golden/detections.json"), bench.manifest["tolerance"]
    limits = (golden["score_threshold"], golden["nms_threshold"])
    if bench.no_pictures:
        width, height = _png_size(os.path.join(HERE, "golden", "input.png"))
        scale = bench.modules["scrfd"].letterbox(width, height, bench.runner.spec["input"]["size"])[2]
        faces = bench.runner.postprocess(bench.outputs, scale, *limits)
    else:
        faces = bench.runner.detect(bench.picture(), *limits)
    pairs, lone = match([face.to_json() for face in faces], golden["detections"])
    # A face whose score is as close to the threshold as scores may differ can fall on either side of it.
    lone = [face for face in lone if face["score"] - limits[0] > tolerance["score"]]
    pixels, score, faults = 0.0, 0.0, ["%d faces have no counterpart" % len(lone)] if lone else []
    for got, want in pairs:
        score = max(score, abs(got["score"] - want["score"]))
        ours, theirs = _coordinates(got), _coordinates(want)
        if len(ours) != len(theirs):
            faults.append("keypoints on one side only")
        pixels = max([pixels] + [abs(one - other) for one, other in zip(ours, theirs)])  # noqa: B905 - 3.10
    if pixels > tolerance["box_px"] or score > tolerance["score"]:
        faults.append("too far off")
    off = (pixels, tolerance["box_px"], score, tolerance["score"])
    detail = "%d of %d faces, " % (len(pairs), len(golden["detections"]))
    detail += "largest difference %.3f px of %g, score %.4f of %g" % off
    data = {"golden": len(golden["detections"]), "matched": len(pairs), "pixels": pixels, "score": score}
    if faults:
        return "fail", "%s: %s" % ("; ".join(faults), detail), data
    if bench.no_pictures:
        detail += " (from the golden input: %s)" % bench.no_pictures
    return ("pass" if pairs else "warn"), detail, data


def _timed(work: Callable[[], Any], runs: int) -> Dict[str, Any]:
    """Return runs, median and 95th percentile (nearest rank) of ``work`` in milliseconds, after a warm-up."""
    deadline, took = time.perf_counter() + LATENCY_CAP, []  # type: float, List[float]
    for _ in range(min(runs, 3)):
        work()
    while len(took) < runs and (not took or time.perf_counter() < deadline):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1e3)
    took.sort()
    middle, high = (len(took) - 1) // 2, -(-len(took) * 95 // 100) - 1
    return {"runs": len(took), "median": took[middle], "p95": took[high]}


def step_latency(bench: Bench) -> Result:
    """Time the network alone and, where there is OpenCV, a whole detection."""
    if not bench.runs:
        raise Skip("--runs 0")
    tensor = bench.golden("input.npy")
    data = {"network": _timed(lambda: bench.runner.forward(tensor), bench.runs)}
    if not bench.no_pictures:
        picture = bench.picture()
        data["whole"] = _timed(lambda: bench.runner.detect(picture), bench.runs)
    told = "%s median %.1f ms, p95 %.1f ms of %d runs"
    times = [(name, took["median"], took["p95"], took["runs"]) for name, took in sorted(data.items())]
    return "pass", "; ".join(told % row for row in times), {"milliseconds": data}


STEPS = (
    ("import", step_import),
    ("environment", step_environment),
    ("session", step_session),
    ("raw outputs", step_raw),
    ("preprocessing", step_preprocessing),
    ("detections", step_detections),
    ("latency", step_latency),
)  # type: Tuple[Tuple[str, Callable[[Bench], Result]], ...]


def _tell(message: Dict[str, Any]) -> None:
    # The line break before is for what a library may have printed without one.
    sys.stdout.write("\n%s%s\n" % (MARK, json.dumps(message)))
    sys.stdout.flush()


def work(expected: List[str], runs: int, tell: Callable[[Dict[str, Any]], None]) -> None:
    """Do the steps in order; tell as each begins and, when it is done, its name, status, detail, figures."""
    bench = Bench(load("manifest.json"), expected, runs)
    for name, step in STEPS:
        tell({"begin": name})
        try:
            status, detail, data = step(bench)
        except Skip as reason:
            status, detail, data = "skip", str(reason), {}
        except Exception as error:  # noqa: BLE001 - whatever a step raises is what it found
            status, detail, data = "fail", "%s: %s" % (type(error).__name__, error), {}
        tell({"row": [name, status, detail, data]})
        if status == "fail" and name in ("import", "session"):
            return  # the others need it


def main() -> None:
    """Do the steps for smoke_test.py, which has checked manifest.json."""
    parser = argparse.ArgumentParser(prog="smoke_steps.py", description="Run by smoke_test.py.")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("expected", nargs="+")
    options = parser.parse_args()
    sys.dont_write_bytecode = True  # the bundle's folder stays as it is
    work(options.expected, options.runs, _tell)


if __name__ == "__main__":
    main()
