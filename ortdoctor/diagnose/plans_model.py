"""Whether a release loads a model, told by its opset and IR version."""

from typing import Any, Dict, NamedTuple, Optional

from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_answers import CANNOT_TELL, COMPATIBLE


class ModelNeeds(NamedTuple):
    """The numbers of an ONNX file that decide: opset of ``ai.onnx``, IR version, opset of ``ai.onnx.ml``."""

    opset: int
    ir: int
    ml_opset: Optional[int] = None


def needs_of(content: Dict[str, Any]) -> ModelNeeds:
    """Return the numbers that ``content``, the value of the fact ``model.content``, gives; no opset stands for 1."""
    opsets: Dict[str, int] = content["opsets"]
    return ModelNeeds(opsets.get("ai.onnx", 1), content["ir_version"], opsets.get("ai.onnx.ml"))


class ModelFit(NamedTuple):
    """``fits`` is None where a release accepts more than it promises to compute.

    ``downgrade_to`` is the opset to lower the model to (its own where only the IR version is too new), None where it
    fits; ``export_opset`` is the newest opset to export with for the release.
    """

    fits: Optional[bool]
    downgrade_to: Optional[int]
    export_opset: int


def model_fit(matrix: Matrix, version: str, model: Optional[ModelNeeds]) -> Optional[ModelFit]:
    """Return whether ``version`` loads ``model``; None where there is no model or no such release."""
    limits = matrix.limits(version)
    if model is None or limits is None:
        return None
    verdict = matrix.loads(version, model.opset, model.ir, model.ml_opset)
    if verdict.value == COMPATIBLE:
        return ModelFit(fits=True, downgrade_to=None, export_opset=limits.opset)
    fits = None if verdict.value == CANNOT_TELL else False
    return ModelFit(fits, min(model.opset, limits.opset), limits.opset)
