"""nvidia-smi without a table: ``--version``, ``-L``, ``-q`` and ``-q -x``. All take cleaned text."""

import re
from typing import Any, Dict, List, Optional

from ._common import BUS_ID, first

_VERSION_LINE = re.compile(r"\b(NVIDIA-SMI|NVML|DRIVER|CUDA UMD|CUDA|KMD) version\s*:\s*([^\n]*)", re.I)

_LIST_LINE = re.compile(r"\bGPU (\d+): (\S.{0,120}?)\s*\((?:UUID|S/N): ")

_MIG_LINE = re.compile(r"\bMIG (\d\S*)\s+Device\s+\d+:")

_LOG_GPU = re.compile(r"(?:^|\s)GPU +(?P<gpu>" + BUS_ID + r"|\d{1,3}(?=\s*:))\s*:?[ \t]*$", re.M)


def versions(text: str) -> Optional[Dict[str, Any]]:
    """Read ``nvidia-smi --version``; from 610 on two of its lines only say that they are deprecated."""
    lines = {}  # type: Dict[str, str]
    for name, value in _VERSION_LINE.findall(text):
        if value[:1].isdigit():
            lines.setdefault(name.lower(), value.split()[0])
    if "nvidia-smi" not in lines:
        return None
    return {
        "smi": lines["nvidia-smi"],
        "nvml": lines.get("nvml"),
        "driver": lines.get("kmd", lines.get("driver")),
        "cuda_max": lines.get("cuda umd", lines.get("cuda")),
    }


def listing(text: str) -> Optional[Dict[str, Any]]:
    """Read ``nvidia-smi -L``: GPUs, and the profiles of MIG devices."""
    gpus = [{"index": int(index), "name": name} for index, name in _LIST_LINE.findall(text)]
    if not gpus:
        return None
    found = {"gpus": gpus}  # type: Dict[str, Any]
    mig = _MIG_LINE.findall(text)
    if mig:
        found["mig"] = mig
    return found


def log(text: str) -> Optional[Dict[str, Any]]:
    """Read ``nvidia-smi -q``: one ``Key : value`` a line, a block for each GPU."""
    if "NVSMI LOG" not in text and not re.search(r"\bAttached GPUs\s+:", text):
        return None
    found = {
        "driver": _value(text, "KMD Version") or _value(text, "Driver Version"),
        "cuda_max": _value(text, "CUDA UMD Version") or _value(text, "CUDA Version"),
    }  # type: Dict[str, Any]
    starts = list(_LOG_GPU.finditer(text))
    gpus: List[Dict[str, Any]] = []
    for order, start in enumerate(starts):
        block = text[start.end() : starts[order + 1].start() if order + 1 < len(starts) else len(text)]
        name = first(r"\bProduct Name\s*: *([^\n]*)", block)
        gpu = {"index": order, "name": name}  # type: Dict[str, Any]
        if ":" in start.group("gpu"):
            gpu["bus_id"] = start.group("gpu")
        else:
            gpu["index"] = int(start.group("gpu"))
        total = first(r"\bFB Memory Usage\s.{0,300}?\bTotal\s*: *(\d+) *Mi?B", block, re.S)
        if total:
            gpu["memory_mib"] = int(total)
        gpus.append(gpu)
    found["gpus"] = gpus
    return found


def xml(text: str) -> Optional[Dict[str, Any]]:
    """Read ``nvidia-smi -q -x``, leniently: a paste is seldom a whole document."""
    if "<nvidia_smi_log>" not in text and "<driver_version>" not in text:
        return None
    driver, cuda = _element(text, "driver_version"), _element(text, "cuda_version")
    found = {
        "driver": _element(text, "kmd_version") or driver,
        "cuda_max": _element(text, "cuda_umd_version") or cuda,
    }  # type: Dict[str, Any]
    gpus: List[Dict[str, Any]] = []
    for order, (bus, block) in enumerate(re.findall(r"<gpu id=\"([^\"]*)\">(.*?)(?:</gpu>|\Z)", text, re.S)):
        gpu = {"index": order, "name": first(r"<product_name>([^<]*)", block), "bus_id": bus}  # type: Dict[str, Any]
        total = first(r"<fb_memory_usage>\s*<total>(\d+)", block)
        if total:
            gpu["memory_mib"] = int(total)
        gpus.append(gpu)
    found["gpus"] = gpus
    return found


def _value(text: str, key: str) -> Optional[str]:
    return first(r"\b%s\s*: *(\d[\d.]*)" % key, text)


def _element(text: str, name: str) -> Optional[str]:
    return first(r"<%s>\s*(\d[\d.]*)" % name, text)
