"""Train the sample model of templates/sample on drawn faces, export and measure it.

    python -m tools.train_sample --steps 4500 --seed 1 --out templates/sample

from the repository root, in an environment with torch, numpy, onnx, onnxruntime and opencv-python-headless.
The same seed, steps and versions on the same kind of processor give the same weights. Writes sample.onnx,
faces.png, faces.json and TRAINING.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import onnx
import onnxruntime
import torch

from tools.draw_faces import Scene, draw_scene
from tools.sample_eval import MATCH_IOU, detect, held_back, match, measure
from tools.sample_export import Weights, build_model, fold_norm
from tools.sample_model import LAYERS, OUTPUTS, SIZE, build, forward, grid, losses, unit_scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tools.draw_clutter import Image
    from tools.sample_eval import Model

PROCESSES = 2  # that draw
THREADS = 1  # on cores shared with others, two that wait for each other are slower than one
PEAK_RATE = 5e-3
AVERAGE = 0.998  # weight of the past in the moving average of the weights, which is what is exported
TRAINING_SEED = 10_000_000  # above the seeds of the held-back drawings
SWAPPED = [1, 0, 2, 4, 3]  # keypoints of a mirrored face
FACES_SEED, FACES_COUNT = 4066, 7  # chosen by eye: sizes of every level, glasses, things that are no faces


class Plan(NamedTuple):
    """What one run does."""

    steps: int
    seed: int
    drawings: int
    batch: int
    held_back: int


def training_scene(seed: int) -> Scene:
    """Draw a picture of some size and bring it to the network's, letterboxed as the runner does."""
    rng = np.random.default_rng([seed, 1])
    factor = 1.0 if rng.random() < 0.7 else float(rng.uniform(1.2, 2.0))
    ratio = float(rng.choice([1.0, 1.0, 0.75, 0.75, 0.5625]))
    width, height = (round(SIZE[0] * factor), round(SIZE[0] * factor * ratio))
    if rng.random() < 0.3:
        width, height = height, width
    faces = int(rng.integers(0, 15))
    scene = draw_scene(seed, width, height, faces, sizes=(15.0 * factor, 220.0 * factor))
    shrunk = (round(width / factor), round(height / factor))
    canvas = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    canvas[: shrunk[1], : shrunk[0]] = cv2.resize(scene.image, shrunk)
    return Scene(canvas, scene.boxes / factor, scene.keypoints / factor)


def draw_all(plan: Plan) -> list[Scene]:
    """Draw the training set in two processes; the order does not depend on which finishes first."""
    first = TRAINING_SEED + plan.seed * 100_000
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return list(pool.imap(training_scene, range(first, first + plan.drawings), chunksize=16))


def batch_of(scenes: list[Scene], rng: np.random.Generator) -> tuple[Any, list[Any], list[Any]]:
    """Return images (B, 3, H, W), boxes and keypoints, mirrored and red swapped with blue at random."""
    images: list[Image] = []
    boxes, keypoints = [], []
    for scene in scenes:
        image, box, points = scene.image, scene.boxes, scene.keypoints
        if rng.random() < 0.5:
            last = image.shape[1] - 1.0
            image = image[:, ::-1]
            box = np.stack([last - box[:, 2], box[:, 1], last - box[:, 0], box[:, 3]], axis=1)
            points = (points * np.array([-1.0, 1.0]) + np.array([last, 0.0]))[:, SWAPPED]
        images.append(image[..., ::-1] if rng.random() < 0.9 else image)
        boxes.append(torch.from_numpy(box.astype(np.float32)))
        keypoints.append(torch.from_numpy(points.astype(np.float32)))
    tensor = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy()).float()
    return (tensor - 127.5) / 128.0, boxes, keypoints


def train(
    plan: Plan, scenes: list[Scene], say: Callable[[str], None] = print
) -> tuple[Any, dict[str, float]]:
    """Train from scratch; return the averaged modules and the mean losses of the last hundred steps."""
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    modules = build().to(memory_format=torch.channels_last)
    average = {name: value.clone() for name, value in modules.state_dict().items()}
    anchors = grid()
    decayed = [weight for weight in modules.parameters() if weight.dim() > 1]
    plain = [weight for weight in modules.parameters() if weight.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, plan.steps, pct_start=0.1)
    order: list[int] = []
    recent: list[list[float]] = []
    for step in range(plan.steps):
        if len(order) < plan.batch:
            order = rng.permutation(len(scenes)).tolist()
        chosen, order = order[: plan.batch], order[plan.batch :]
        images, boxes, keypoints = batch_of([scenes[index] for index in chosen], rng)
        parts = losses(
            anchors, forward(modules, images.to(memory_format=torch.channels_last)), boxes, keypoints
        )
        optimizer.zero_grad()
        torch.stack(parts).sum().backward()
        torch.nn.utils.clip_grad_norm_(modules.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        keep = min(AVERAGE, (step + 1) / (step + 10))
        for name, value in modules.state_dict().items():
            average[name] = torch.lerp(value, average[name], keep) if value.is_floating_point() else value
        recent = [*recent[-99:], [float(part.detach()) for part in parts]]
        if step % 100 == 99:
            means = np.round(np.mean(recent, axis=0), 4).tolist()
            say(f"step {step + 1}/{plan.steps}: score, box and keypoint loss {means}")
    modules.load_state_dict(average)
    mean = np.mean(recent, axis=0)
    names = ("score", "box", "keypoints")
    return modules.eval(), {name: round(float(part), 4) for name, part in zip(names, mean, strict=True)}


def folded(modules: Any) -> dict[str, Weights]:  # noqa: ANN401 - torch ships no types to this check
    """Return every convolution with its normalisation, or its output's scale, folded in."""
    weights = {}
    for layer in LAYERS:
        if layer.below:
            continue
        if layer.active:
            conv, norm = modules[layer.name][0], modules[layer.name][1]
            values = (conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
            kernel, gamma, beta, mean, variance = (value.detach().contiguous().numpy() for value in values)
            weights[layer.name] = fold_norm(
                kernel, gamma=gamma, beta=beta, mean=mean, variance=variance, epsilon=norm.eps
            )
        else:
            conv = modules[layer.name]
            factor, shift = unit_scale(layer.name)
            kernel = conv.weight.detach().contiguous().numpy() * factor[:, None, None, None]
            weights[layer.name] = Weights(kernel, conv.bias.detach().numpy() * factor + shift)
    return weights


def runtime(model: bytes) -> Model:
    """Return a callable over ONNX Runtime's CPU provider."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda tensor: session.run(OUTPUTS, {"images": tensor})


def export(modules: Any) -> tuple[bytes, float]:  # noqa: ANN401 - torch ships no types to this check
    """Return the model file and the largest difference between its raw outputs and PyTorch's."""
    probe = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIZE[1], SIZE[0])).astype(np.float32)
    with torch.no_grad():
        wanted = [value.numpy() for value in forward(modules, torch.from_numpy(probe))]
    for index in range(3):
        wanted[index] = 1.0 / (1.0 + np.exp(-wanted[index]))
    shapes = {name: list(value.shape) for name, value in zip(OUTPUTS, wanted, strict=True)}
    model = build_model(LAYERS, folded(modules), shapes, SIZE).SerializeToString(deterministic=True)
    differences = [np.abs(a - b).max() for a, b in zip(wanted, runtime(model)(probe), strict=True)]
    return model, float(max(differences))


def write_faces(out: Path) -> Scene:
    """Write the picture that goes with the model, and the truth about it."""
    scene = draw_scene(FACES_SEED, faces=FACES_COUNT)
    cv2.imwrite(str(out / "faces.png"), scene.image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    faces: list[dict[str, NDArray[np.float64] | list[Any]]] = [
        {"bbox": np.round(box, 2).tolist(), "keypoints": np.round(points, 2).tolist()}
        for box, points in zip(scene.boxes, scene.keypoints, strict=True)
    ]
    truth = {"image": "faces.png", "seed": FACES_SEED, "width": 640, "height": 480, "faces": faces}
    (out / "faces.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return scene


def main() -> None:
    """Parse the command line, train, export, measure, write."""
    parser = argparse.ArgumentParser(description="Train the sample model on drawn faces.")
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drawings", type=int, default=4500, help="size of the training set")
    parser.add_argument("--out", type=Path, default=Path("templates/sample"))
    parser.add_argument(
        "--quick", action="store_true", help="a few steps on a few drawings: does it run at all"
    )
    chosen = parser.parse_args()
    plan = Plan(chosen.steps, chosen.seed, chosen.drawings, 8, 500)
    if chosen.quick:
        plan = Plan(4, chosen.seed, 8, 4, 4)
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(mode=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    scenes = draw_all(plan)
    drawn = time.monotonic()
    print(f"{len(scenes)} drawings in {drawn - begun:.0f} s")
    modules, final = train(plan, scenes)
    trained = time.monotonic()
    model, difference = export(modules)
    (chosen.out / "sample.onnx").write_bytes(model)
    run = runtime(model)
    picture = write_faces(chosen.out)
    found = detect(run, picture.image, SIZE, 0.5)
    accuracy = measure(run, held_back(plan.held_back), SIZE)
    figures = {
        "steps": plan.steps, "seed": plan.seed, "batch": plan.batch, "drawings": plan.drawings,
        "parameters": sum(weight.numel() for weight in modules.parameters()), "losses": final,
        "seconds": {"drawing": round(drawn - begun), "training": round(trained - drawn)},
        "threads": THREADS,
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__,
            "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "opencv": cv2.__version__,
        },
        "difference_to_torch": difference,
        "held_back": {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in accuracy._asdict().items()
        },
        "match_iou": MATCH_IOU, "score_threshold": 0.5,
        "faces_png": {"true": len(picture.boxes), "found": len(found.boxes),
                      "right": sum(claim >= 0 for claim in match(picture, found))},
        "file": {"size": len(model), "sha256": hashlib.sha256(model).hexdigest()},
    }  # fmt: skip
    (chosen.out / "TRAINING.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
