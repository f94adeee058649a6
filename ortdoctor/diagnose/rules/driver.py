"""The NVIDIA driver: not there, without its CUDA library, not starting, or too old for the build."""

import re
from typing import List

from ortdoctor.diagnose import fits, machine, remedies
from ortdoctor.diagnose.facts import ABSENT, FOUND
from ortdoctor.diagnose.findings import ERROR, WARNING, Finding
from ortdoctor.diagnose.rules.case import Case, Result

#: CUresult (cuda.h): no device; cuInit says so where all are hidden or none is there.
CUDA_ERROR_NO_DEVICE = 100

#: CUresult: what every function of the libcuda.so in a toolkit's lib64/stubs returns, which is there to link with.
CUDA_ERROR_STUB_LIBRARY = 34

#: What the probe says of a libcuda.so.1 that the loader refuses, or whose loading ends the process.
_NOT_TAKEN = re.compile(r"could not be loaded|was ended by SIG(BUS|SEGV|ILL|ABRT)")


def absent(case: Case, severity: str) -> List[Result]:
    """Return that an NVIDIA card has no driver, or that the container was started without it."""
    facts = case.facts
    card = machine.nvidia_card(facts)
    if machine.has_driver(facts) is not False or card is None:
        return []
    evidence = ["system.pci_gpus", "gpu.driver_version", "gpu.cuda_api"]
    if facts.state("system.container") == FOUND:
        values = {"container": facts.text("system.container")}
        return [Finding("no_gpu_visible", "container", severity, values, evidence + ["system.container"], [])]
    values = {"card": "%s %s" % (card["address"] or "PCI", card["device"] or "")}
    return [Finding("no_nvidia_driver", "default", severity, values, evidence, [])]


def library(case: Case) -> List[Result]:
    """Return that the driver is there and its CUDA library is not, or does not start."""
    facts = case.facts
    values = {"driver": facts.text("gpu.driver_version")}
    evidence = ["gpu.driver_version", "gpu.cuda_api"]
    if machine.has_driver(facts) and facts.state("gpu.cuda_api") == ABSENT and not machine.is_jetson(facts):
        container = facts.text("system.container")
        variant = "container" if container else "default"
        found = dict(values, container=container)
        return [Finding("cuda_driver_library_missing", variant, ERROR, found, evidence, [])]
    # A library that hangs is another matter: the driver may be busy, and its file is whole.
    error = facts.error("gpu.cuda_api") or ""
    if machine.has_driver(facts) and _NOT_TAKEN.search(error):
        return [Finding("cuda_driver_library_missing", "broken", ERROR, dict(values, error=error), evidence, [])]
    api = facts.record("gpu.cuda_api")
    if api and api["init_code"] == CUDA_ERROR_STUB_LIBRARY:
        found = dict(values, library=api["library"], code=str(api["init_code"]), name=api["init_name"])
        commands = remedies.without_folder(facts, re.sub(r"[\\/][^\\/]*$", "", api["library"] or ""))
        return [Finding("cuda_driver_fails", "stub", ERROR, found, evidence + ["python.env"], commands)]
    if api and api["init_code"] not in (None, 0, CUDA_ERROR_NO_DEVICE):
        found = dict(values, code=str(api["init_code"]), name=api["init_name"])
        return [Finding("cuda_driver_fails", "default", ERROR, found, evidence, [])]
    return []


def too_old(case: Case) -> List[Result]:
    """Return that the driver does not support the CUDA of the installed build."""
    build = case.installed
    if build is None or build.cuda is None:
        return []
    answer = fits.driver(case.facts, case.matrix, build.cuda)
    if answer.ok is not False:
        return []
    variant = "cuda"
    if answer.values.get("minimum") and answer.values.get("driver"):
        variant = "minor" if answer.values.get("rule") == "minor-version" else "default"
    values = dict(case.names, **answer.values)
    return [
        Finding(
            "driver_too_old", variant, ERROR, values, answer.evidence + build.evidence, case.plan.commands
        )
    ]


def missing_for_cpu(case: Case) -> List[Result]:
    """Return, for a machine that uses no CUDA build, that its NVIDIA card lies idle for want of a driver."""
    return absent(case, WARNING)
