"""A model that the installed release does not load: newer than it, or not whole. ``check --model`` is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.ward import health
from tests.ward.patient import STEPS, Patient

if TYPE_CHECKING:
    from tests.ward.bed import Bed

_ASKED = ("--model", "model.onnx")


def opset_too_new(bed: Bed) -> None:
    bed.venv("3.8", "onnxruntime==1.12.1")
    (bed.cwd / "model.onnx").write_bytes(health.model(opset=19, ir=8))


def ir_too_new(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.16.3", "numpy<2")
    (bed.cwd / "model.onnx").write_bytes(health.model(opset=17, ir=10))


def data_elsewhere(bed: Bed) -> None:
    """Copy the .onnx file and forget the file of its weights."""
    bed.venv("3.11", "onnxruntime==1.22.0")
    (bed.cwd / "model.onnx").write_bytes(health.model_with_data("weights.bin"))


def pointer_of_lfs(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "4d" * 32 + "\nsize 1234\n"
    (bed.cwd / "model.onnx").write_text(text)


def cut_model(bed: Bed) -> None:
    bed.venv("3.11", "onnxruntime==1.22.0")
    whole = health.model()
    (bed.cwd / "model.onnx").write_bytes(whole[: len(whole) // 2])


def bring_data(bed: Bed, report: dict[str, Any]) -> None:
    told = report["findings"][0]
    assert "weights.bin" in told["detail"]
    assert "Copy that file beside the model" in told["remedy"]["text"]
    (bed.cwd / "weights.bin").write_bytes(health.WEIGHTS)


def bring_model(bed: Bed, report: dict[str, Any]) -> None:
    assert "Put a whole ONNX file in its place" in report["findings"][0]["remedy"]["text"]
    (bed.cwd / "model.onnx").write_bytes(health.model())


def loads(bed: Bed) -> None:
    health.runs(bed, bed.cwd / "model.onnx")


_FILE = "the file that is missing is the user's"

PATIENTS = [
    Patient(
        "model-opset-too-new",
        "a model of opset 19 under onnxruntime 1.12.1",
        opset_too_new,
        ("opset_too_new",),
        loads,
        options=_ASKED,
    ),
    Patient(
        "model-ir-too-new",
        "a model of IR version 10 under onnxruntime 1.16.3",
        ir_too_new,
        ("ir_version_too_new",),
        loads,
        options=_ASKED,
    ),
    Patient(
        "model-without-its-data",
        "the file of the weights was not copied with the model",
        data_elsewhere,
        ("external_data_missing",),
        loads,
        cure=STEPS,
        steps=bring_data,
        options=_ASKED,
        why=_FILE,
    ),
    Patient(
        "model-is-a-pointer",
        "git cloned a pointer of LFS and not the model",
        pointer_of_lfs,
        ("corrupt_or_lfs_model",),
        loads,
        cure=STEPS,
        steps=bring_model,
        options=_ASKED,
        why=_FILE,
    ),
    Patient(
        "model-cut",
        "half a model",
        cut_model,
        ("corrupt_or_lfs_model",),
        loads,
        cure=STEPS,
        steps=bring_model,
        options=_ASKED,
        why=_FILE,
    ),
]
