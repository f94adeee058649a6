"""The GPU: hidden from the process, or one that the build holds no code for."""

from typing import List

from ortdoctor.diagnose import fits, machine
from ortdoctor.diagnose.findings import ERROR, Finding
from ortdoctor.diagnose.rules.case import Case, Result
from ortdoctor.diagnose.rules.driver import CUDA_ERROR_NO_DEVICE

_VARIANTS = {"gpu_libraries": "libraries", "gpu_driver": "driver"}


def hidden(case: Case) -> List[Result]:
    """Return that a variable hides every device, or that the driver counts none."""
    facts = case.facts
    hiding = machine.hidden_by(facts)
    values = {"driver": facts.text("gpu.driver_version")}
    if hiding is not None:
        setting = '"%s"' % hiding.setting
        found = dict(values, variable=hiding.variable, setting=setting)
        evidence = ["python.env", "gpu.cuda_api"]
        return [Finding("no_gpu_visible", "variable", ERROR, found, evidence, _unset(case, hiding))]
    api = facts.record("gpu.cuda_api")
    if api and (api["device_count"] == 0 or api["init_code"] == CUDA_ERROR_NO_DEVICE):
        return [Finding("no_gpu_visible", "default", ERROR, values, ["gpu.cuda_api"], [])]
    return []


def without_code(case: Case) -> List[Result]:
    """Return that no GPU of the machine can run the code inside the installed build."""
    build = case.installed.build if case.installed else None
    if build is None:
        return []
    answer = fits.gpu(case.facts, case.matrix, build)
    if answer.ok is not False:
        return []
    variant = _VARIANTS.get(answer.reason, "default")
    values = dict(case.names, **answer.values)
    return [Finding("gpu_arch_unsupported", variant, ERROR, values, answer.evidence, case.plan.commands)]


def _unset(case: Case, hiding: machine.Hiding) -> List[str]:
    if hiding.variable != "CUDA_VISIBLE_DEVICES":
        return []
    windows = machine.os_of(case.facts) == "windows"
    return ["set CUDA_VISIBLE_DEVICES=" if windows else "unset CUDA_VISIBLE_DEVICES"]
