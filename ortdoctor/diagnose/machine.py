"""Questions that several rules ask of the facts; an answer of None means that the facts leave it open."""

import re
from typing import List, NamedTuple, Optional

from ortdoctor.diagnose.facts import ABSENT, FOUND, Facts, Record, version_tuple

#: Where the driver shows itself; each alone proves it, both must miss to deny it.
DRIVER_FACTS = ["gpu.driver_version", "gpu.cuda_api"]

CUDA = "CUDAExecutionProvider"

#: CUresult (cuda.h) that only a kernel module can give: a device that is in use, a system that is not ready, and a
#: module of another version than the library, or without support for its CUDA.
_DRIVER_ANSWERS = (46, 802, 803, 804)

_HIDDEN_BY_CUDA = re.compile(r"\s*(-\d.*|NoDevFiles|none)?\s*$", re.IGNORECASE)
_HIDDEN_BY_RUNTIME = ("none", "void")


def os_of(facts: Facts) -> str:
    """Return the system's name (``""`` where it is not known)."""
    return facts.text("system.os") or ""


def arch_of(facts: Facts) -> str:
    """Return the architecture (``""`` where it is not known)."""
    return facts.text("system.arch") or ""


def driver_os(facts: Facts) -> str:
    """Return the system whose driver is used: under WSL it is the one of Windows."""
    return "windows" if facts.state("system.wsl") == FOUND else os_of(facts)


def is_jetson(facts: Facts) -> bool:
    """Return whether this is a Jetson, where the driver comes with L4T."""
    return facts.state("system.jetson") == FOUND


def has_driver(facts: Facts) -> Optional[bool]:
    """Return whether an NVIDIA driver is there."""
    api = facts.record("gpu.cuda_api")
    if is_jetson(facts) or facts.state("gpu.driver_version") == FOUND or facts.records("gpu.devices"):
        return True
    if facts.state("gpu.proc_driver") == FOUND or (api and api["init_code"] in (0,) + _DRIVER_ANSWERS):
        return True
    if os_of(facts) == "macos":
        return False
    # A libcuda without its kernel module (an image that brings the compatibility package) does not start.
    api_works_not = facts.state("gpu.cuda_api") == ABSENT or bool(api)
    return False if facts.state("gpu.driver_version") == ABSENT and api_works_not else None


def has_nvidia_gpu(facts: Facts) -> Optional[bool]:
    """Return whether the machine has an NVIDIA GPU, with or without a driver for it."""
    if is_jetson(facts) or facts.records("gpu.devices") or nvidia_card(facts):
        return True
    if facts.record("gpu.cuda_api").get("device_count"):
        return True
    if os_of(facts) == "macos":
        return False
    # A virtual machine of WSL, and Windows itself, have no PCI bus that the probe can read.
    if os_of(facts) == "linux" and facts.state("system.wsl") != FOUND and facts.known("system.pci_gpus"):
        return False if has_driver(facts) is False else None
    return None


def nvidia_card(facts: Facts) -> Optional[Record]:
    """Return the first NVIDIA display adapter on the bus."""
    cards = [
        card for card in facts.records("system.pci_gpus") if card["vendor"].lower() in ("nvidia", "0x10de")
    ]
    return cards[0] if cards else None


def other_vendors(facts: Facts) -> List[str]:
    """Return the makers, other than NVIDIA, of GPUs on the bus that have an ONNX Runtime package of their own."""
    return sorted({card["vendor"] for card in facts.records("system.pci_gpus")} & {"amd", "intel"})


class Hiding(NamedTuple):
    """An environment variable that hides every device."""

    variable: str
    setting: str


def hidden_by(facts: Facts) -> Optional[Hiding]:
    """Return the variable that hides every GPU from the process.

    CUDA shows the devices before the first index that is not valid, so that an empty value or a leading -1
    hides all (CUDA C++ Programming Guide, "CUDA Environment Variables").
    """
    env = facts.record("python.env")
    setting = env.get("CUDA_VISIBLE_DEVICES")
    if setting is not None and _HIDDEN_BY_CUDA.match(setting):
        return Hiding("CUDA_VISIBLE_DEVICES", setting)
    setting = env.get("NVIDIA_VISIBLE_DEVICES")
    # This one is read by the container runtime only.
    if facts.state("system.container") == FOUND and setting is not None:
        if setting.strip().lower() in _HIDDEN_BY_RUNTIME:
            return Hiding("NVIDIA_VISIBLE_DEVICES", setting)
    return None


def gpu_name(facts: Facts) -> Optional[str]:
    """Return what to call the GPU."""
    for device in facts.records("gpu.devices"):
        if device["name"]:
            return str(device["name"])
    jetson = facts.record("system.jetson")
    if jetson:
        return jetson["model"] or jetson["board"] or "Jetson"
    return "an NVIDIA GPU" if has_nvidia_gpu(facts) else None


def driver_cuda(facts: Facts) -> Optional[str]:
    """Return the newest CUDA that the driver says it supports; None for text that is no version."""
    text = facts.text("gpu.driver_cuda")
    return text if version_tuple(text) else None


def glibc(facts: Facts) -> Optional[str]:
    """Return the version of glibc."""
    libc = facts.record("system.libc")
    return libc["version"] if libc and libc["name"] == "glibc" else None


def is_musl(facts: Facts) -> bool:
    """Return whether the C library is musl."""
    return facts.record("system.libc").get("name") == "musl"


def python_tag(facts: Facts) -> Optional[str]:
    """Return the tag that wheels of this interpreter carry: ``cp310``, ``cp313t``; for 3.6, too, without the ``m``."""
    tag = facts.text("python.abi_tag") or ""
    match = re.match(r"cp(\d+)m?u?(t?)$", tag)
    if match:
        return "cp%s%s" % match.groups()
    version = version_tuple(facts.text("python.version"))
    cpython = (facts.text("python.implementation") or "cpython").lower() == "cpython"
    return "cp%d%d" % version[:2] if cpython and len(version) > 1 else None
