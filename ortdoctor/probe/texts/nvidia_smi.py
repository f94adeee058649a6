"""``nvidia-smi``: the table of every generation; the forms without one are in nvidia_smi_forms."""

import re
from typing import Any, Dict, List, Match, Optional

from ._common import BUS_ID, MEMORY_PAIR, UNREADABLE, clean
from .nvidia_failures import failure
from .nvidia_smi_forms import listing, log, versions, xml

# From driver 610 on the table says KMD Version and CUDA UMD Version; up to 410.57 it has no CUDA version.
_HEADER = re.compile(
    r"NVIDIA-SMI[ \t]+(?P<smi>[^\s|:]+)[\s|]+(?P<kind>Driver|KMD)\s+Version:\s*(?P<driver>[^\s|]+)"
    r"(?:[\s|]+CUDA(?:\s+UMD)?\s+Version:\s*(?P<cuda>[^\s|]+))?"
)

# What tells the first line of a GPU: its address, or N/A (Orin) and the display column.
_PLACE = re.compile(r"(?P<bus>%s)|(?<=\|)\s*(?P<none>N/A|ERR!)\s+(?:On|Off|N/A|ERR!)(?=\s*(?:\||$))" % BUS_ID, re.M)

_DRIVER_MODELS = ("WDDM", "TCC", "MCDM", "WDM")

_MODE = r"(?:\s+(?P<mode>On|Off|N/A|ERR!|%s))?" % "|".join(_DRIVER_MODELS)

_NAME = re.compile(r"\s*(?P<index>\d{1,3})\.?\s+(?P<name>\S(?:.*?\S)?)" + _MODE + r"\s*$")

# Without borders a log's prefix stands in the same cell: the name starts with a capital letter.
_NAME_AFTER_PREFIX = re.compile(r".*?\s(?P<index>\d{1,3})\.?\s+(?P<name>[A-Z][A-Za-z].*?)" + _MODE + r"\s*$")

_MIG = re.compile(
    r"(?P<gpu>\d+)\s+(?P<gi>\d+|N/A)\s+(?P<ci>\d+|N/A)\s+(?P<dev>\d+)\s*\|?\s*(?:" + MEMORY_PAIR + r"|N/A)"
)


def parse(text: str) -> Dict[str, Any]:
    """Return what one run of nvidia-smi says, or ``{error, ..}``.

    From the table: ``{smi, driver, cuda_max?, cuda_max_raw?, header?, gpus, mig?, warnings?}``. ``driver`` is
    the kernel driver's version and can differ from ``smi`` (WSL, containers). ``cuda_max`` is the newest CUDA
    that the driver supports; None where the driver is older than 410.58 or could not tell (``cuda_max_raw``
    then holds ``N/A`` or ``ERR!``). ``header`` is ``"kmd/umd"`` from driver 610 on. A GPU is ``{index, name,
    bus_id?, name_truncated?, driver_model?, memory_mib?, memory_used_mib?, memory_raw?}``, MiB as integers;
    ``memory_raw`` says what stands there where no figure does. A MIG device is ``{gpu, gi, ci, dev,
    memory_mib}``.

    ``--version`` gives ``{smi, nvml, driver, cuda_max}``, ``-L`` ``{gpus, mig?: [profile]}``, ``-q`` and its
    XML ``{driver, cuda_max, gpus}``. An ``error`` beside a table is about one of several GPUs.
    """
    text = clean(text)
    found = _table(text) or xml(text) or log(text) or versions(text) or listing(text)
    failed = failure(text)
    if found is None:
        return failed or {"error": UNREADABLE}
    warnings = [line.strip() for line in re.findall(r"\bWARNING: [^\n]+", text)]
    if warnings:
        found["warnings"] = warnings
    if failed and failed["error"] == "device-handle":
        found["error"] = failed["error"]
    return found


def _table(text: str) -> Optional[Dict[str, Any]]:
    text = _unwrapped(text)
    header = _HEADER.search(text)
    body = text[header.end() :] if header else text
    following = _HEADER.search(body)
    if following:  # one run of several, as under watch
        body = body[: following.start()]
    devices = re.split(r"\b(?:MIG devices|Processes)\s*:", body, maxsplit=1)[0]
    gpus = _gpus(devices)
    if header is None:
        return {"smi": None, "driver": None, "cuda_max": None, "gpus": gpus} if gpus else None
    found = _header(header)
    found["gpus"] = gpus
    mig = body.partition("MIG devices:")[2].partition("Processes:")[0]
    if mig:
        found["mig"] = [_mig(match) for match in _MIG.finditer(mig)]
    return found


def _header(header: Match[str]) -> Dict[str, Any]:
    driver, cuda = header.group("driver"), header.group("cuda")
    known = cuda is not None and cuda[0].isdigit()
    found = {
        "smi": header.group("smi"),
        "driver": driver if driver[0].isdigit() else None,
        "cuda_max": cuda if known else None,
    }  # type: Dict[str, Any]
    if cuda is not None and not known:
        found["cuda_max_raw"] = cuda
    if header.group("kind") == "KMD":
        found["header"] = "kmd/umd"
    return found


def _unwrapped(text: str) -> str:
    """Join the lines that a narrow console cut in two: one opens a border and the next one closes it."""
    lines = []  # type: List[str]
    for line in text.split("\n"):
        before = lines[-1].strip() if lines else ""
        here = line.strip()
        opened = before[:1] in ("|", "+") and before[-1:] not in ("|", "+")
        if opened and here[-1:] in ("|", "+") and (here[:1] not in ("|", "+") or len(here) == 1):
            lines[-1] += line
        else:
            lines.append(line)
    return "\n".join(lines)


def _gpus(text: str) -> List[Dict[str, Any]]:
    found = []  # type: List[Dict[str, Any]]
    places = [(place, name) for place, name in ((m, _name(text, m)) for m in _PLACE.finditer(text)) if name]
    for number, (place, name) in enumerate(places):
        end = places[number + 1][0].start() if number + 1 < len(places) else len(text)
        gpu = {
            "index": int(name.group("index")),
            "name": name.group("name"),
            "bus_id": place.group("bus"),
        }  # type: Dict[str, Any]
        if gpu["name"].endswith(("...", "\u2026")):
            gpu["name_truncated"] = True
        if name.group("mode") in _DRIVER_MODELS:
            gpu["driver_model"] = name.group("mode")
        start = place.start("bus") if place.group("bus") else place.start("none")
        column = text[text.rfind("\n", 0, start) + 1 : start].count("|")
        gpu.update(_memory(text[place.end() : end], column))
        found.append(gpu)
    return found


def _name(text: str, place: Match[str]) -> Optional[Match[str]]:
    """Match index and name in the cell before the address, or in the same one where there are no borders."""
    cells = text[text.rfind("\n", 0, place.start()) + 1 : place.start()].split("|")
    cell = cells[-1]
    if not cell.strip() or place.group("none"):
        cell = cells[-2] if len(cells) > 1 and not cell.strip() else cell
    return _NAME.match(cell) or _NAME_AFTER_PREFIX.match(cell)


def _memory(details: str, column: int) -> Dict[str, Any]:
    pair = re.search(MEMORY_PAIR, details)
    if pair:
        return {"memory_mib": int(pair.group("total")), "memory_used_mib": int(pair.group("used"))}
    found = {"memory_mib": None}  # type: Dict[str, Any]
    for line in details.split("\n")[1:]:
        cells = line.split("|")
        if len(cells) > column:
            raw = cells[column].strip()
            if raw:
                found["memory_raw"] = raw
            break
    return found


def _mig(match: Match[str]) -> Dict[str, Any]:
    total = match.group("total")
    device = {key: int(match.group(key)) if match.group(key) != "N/A" else None for key in ("gpu", "gi", "ci", "dev")}  # type: Dict[str, Any]
    device["memory_mib"] = int(total) if total else None
    return device
