"""Whether it is the package for this machine, and the only one."""

from typing import List

from ortdoctor.diagnose import installed, machine, plans
from ortdoctor.diagnose.facts import Record
from ortdoctor.diagnose.findings import ERROR, INFO, WARNING, Finding, Undetermined
from ortdoctor.diagnose.rules.case import Case, Result, unknown


def conflicts(case: Case) -> List[Result]:
    """Return several distributions in one folder: an error where the files of the CUDA build lost."""
    rows = installed.distributions(case.facts)
    missing = unknown(case, ["ort.distributions"])
    if missing:
        return [Undetermined("one_distribution", missing)]
    if not _share_a_folder(rows):
        return []
    listed = installed.lists_cuda(case.facts)
    any_gpu = any(installed.is_gpu_distribution(case.matrix, row["name"]) for row in rows)
    variant = "default"
    if any_gpu and listed is not None:
        variant = "gpu_won" if listed else "cpu_won"
    # Where there is no driver, the CUDA build that lost is missed by nobody.
    lost = variant == "cpu_won" and machine.has_driver(case.facts) is not False
    works = (bool(case.facts.record("ort.import").get("ok")) or case.facts.static) and not lost
    named = ["%s %s" % (row["name"], row["version"]) for row in rows]
    values = {
        "distributions": " and ".join(named),
        "device": case.facts.text("ort.device"),
        "providers": ", ".join(case.facts.texts("ort.available_providers")),
    }
    evidence = ["ort.distributions", "ort.device", "ort.available_providers"]
    rows_behind = [row.row_id for name in rows for row in case.matrix.distributions(name["name"])]
    return [
        Finding(
            cause="both_cpu_and_gpu_packages",
            variant="cpu_won_files" if case.facts.static and variant == "cpu_won" else variant,
            severity=WARNING if works else ERROR,
            values=values,
            evidence=evidence + rows_behind,
            commands=(plans.again(case.facts, case.matrix) or case.plan).commands,
        )
    ]


def cpu_only(case: Case) -> List[Result]:
    """Return that the CPU package is installed where a GPU could be used; a box without one is healthy."""
    rows = installed.distributions(case.facts)
    if len(rows) > 1 or any(installed.is_gpu_distribution(case.matrix, row["name"]) for row in rows):
        return []
    driver = machine.has_driver(case.facts)
    if driver is None and case.facts.static:
        return []  # of an image: whether its host has a GPU is no matter of its files
    if driver is None:
        return [
            Undetermined(
                "nvidia_gpu_present", unknown(case, machine.DRIVER_FACTS) or list(machine.DRIVER_FACTS)
            )
        ]
    if (
        not driver
        or machine.hidden_by(case.facts)
        or case.facts.record("gpu.cuda_api").get("device_count") == 0
    ):
        return []
    if rows and _other_accelerator(case, rows[0]["name"]):
        return []
    variant = "jetson" if machine.is_jetson(case.facts) else "default"
    fits = case.plan.kind == "gpu"
    return [
        Finding(
            cause="cpu_only_package",
            variant=variant if fits else "no_build",
            severity=WARNING if fits else INFO,
            values=dict(
                case.names,
                gpu=machine.gpu_name(case.facts),
                driver=case.facts.text("gpu.driver_version"),
                device=case.facts.text("ort.device"),
            ),
            evidence=["ort.distributions", "ort.available_providers", "gpu.driver_version", "gpu.devices"],
            commands=case.plan.commands if fits else [],
        )
    ]


def without_nvidia(case: Case) -> List[Result]:
    """Return that a CUDA build is installed where no NVIDIA GPU can be used."""
    vendors = machine.other_vendors(case.facts)
    if vendors and machine.nvidia_card(case.facts) is None:
        cause, variant = "wrong_package_for_gpu_vendor", "default"
    else:
        cause = "gpu_package_without_nvidia_gpu"
        variant = "default" if machine.has_nvidia_gpu(case.facts) is False else "no_driver"
    # Some releases do not fall back to the CPU but crash, once all CUDA libraries are found and the driver is not.
    signal = (case.session("cuda") or {}).get("signal")
    if signal and cause == "gpu_package_without_nvidia_gpu":
        variant = "crashes"
    return [
        Finding(
            cause=cause,
            variant=variant,
            severity=ERROR if signal else WARNING,
            values=dict(case.names, vendors=", ".join(vendors), signal=signal),
            evidence=["ort.distributions", "ort.session", "system.pci_gpus", "gpu.driver_version", "gpu.cuda_api"],
            commands=case.plan.commands,
        )
    ]


def _share_a_folder(rows: List[Record]) -> bool:
    """Return whether two lie in one folder; PYTHONPATH, say, may bring another with a folder of its own."""
    places = [row.get("location") for row in rows]
    return len(places) > len(set(places))


def _other_accelerator(case: Case, name: str) -> bool:
    """Return whether the package has a provider for other hardware: it was chosen on purpose."""
    hints = [row.provider_hint for row in case.matrix.distributions(name)]
    return any(hint and hint != "CPUExecutionProvider" for hint in hints)
