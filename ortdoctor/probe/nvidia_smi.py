"""nvidia-smi: where it is, its table, and the list of devices that it gives to programs."""

import ntpath
import os
import posixpath
from typing import Any, Dict, List, Optional

from . import child
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .libcuda import DEVICES, DRIVER_CUDA
from .nvml import DRIVER_VERSION
from .texts import parse

KEY = "gpu.nvidia_smi"

SOURCE = "nvidia-smi"

#: What the parser calls a text that is neither a table nor one of nvidia-smi's own complaints.
UNREADABLE = "unreadable"

#: Searched after PATH. /usr/lib/wsl/lib is on no PATH of a service or a container; NVSMI is the folder of
#: Windows drivers up to about 400.
FOLDERS = {
    "linux": ("/usr/bin", "/usr/lib/wsl/lib", "/usr/local/nvidia/bin"),
    "windows": ("C:\\Windows\\System32", "C:\\Program Files\\NVIDIA Corporation\\NVSMI"),
}

#: Older drivers do not know ``compute_cap``, and a query that names an unknown column fails whole.
QUERIES = (
    "index,name,driver_version,memory.total,uuid,compute_cap",
    "index,name,driver_version,memory.total,uuid",
)


def collect(context: Context, limit: float = child.TIME_LIMIT) -> Facts:
    """Return ``gpu.nvidia_smi`` and what it knows of the driver's version, its CUDA and the devices."""
    path = find(context)
    if path is None:
        miss = absent("PATH, " + ", ".join(FOLDERS.get(context.os, ())))
        return dict.fromkeys((KEY, DRIVER_VERSION, DRIVER_CUDA, DEVICES), miss)
    table = _table(context, path, limit)
    if table["value"] is None:
        # A program that hung or printed garbage once is not asked again.
        return dict.fromkeys((KEY, DRIVER_VERSION, DRIVER_CUDA, DEVICES), table)
    seen = table["value"]
    facts = {KEY: table, DRIVER_VERSION: _said(table, "driver"), DRIVER_CUDA: _said(table, "cuda_max")}
    facts[DEVICES] = _devices(context, path, limit, table) if _knows(seen) else _said(table, "gpus")
    return facts


def find(context: Context) -> Optional[str]:
    """Return the path of nvidia-smi: the first on PATH, else in the folders that drivers put it into."""
    windows = context.os == "windows"
    join = ntpath.join if windows else posixpath.join
    for folder in context.path_entries() + list(FOLDERS.get(context.os, ())):
        path = context.path(join(folder, "nvidia-smi.exe" if windows else "nvidia-smi"))
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _table(context: Context, path: str, limit: float) -> Fact:
    ran = _run(context, [path], limit)
    if ran.error is not None:
        return failed(ran.error, path)
    seen = parse("nvidia-smi", ran.out)
    if not _knows(seen):
        seen = parse("nvidia-smi", ran.out + "\n" + ran.err)
    if seen.get("error") == UNREADABLE:
        said = ((ran.out + "\n" + ran.err).strip().splitlines() or ["nothing"])[0]
        how = ran.signal or "exit code %s" % ran.exit
        return failed("%s ended with %s and printed no table, but %.120r" % (path, how, said), path)
    return found(dict(seen, path=path), path)


def _knows(seen: Dict[str, Any]) -> bool:
    """Tell a table from a complaint; an error beside a table is about one of several GPUs."""
    return any(seen.get(name) for name in ("driver", "smi", "gpus"))


def _said(table: Fact, name: str) -> Fact:
    """Return one value of the table as a fact of its own; a table that is a complaint knows none."""
    path, value = table["value"]["path"], table["value"].get(name)
    if value:
        return found(value, path)
    if table["value"].get("error"):
        return failed("%s says: %s" % (path, table["value"]["error"]), path)
    return absent(path)


def _devices(context: Context, path: str, limit: float, table: Fact) -> Fact:
    """Return the devices by query, whose names are whole; where it refuses, by the table, which cuts them."""
    for query in QUERIES:
        command = [path, "--query-gpu=" + query, "--format=csv"]
        ran = _run(context, command, limit)
        rows = parse("nvidia-smi-query", ran.out).get("rows") if ran.exit == 0 else None
        if rows:
            return found([_device(row, place) for place, row in enumerate(rows)], ran.command)
        if ran.error is not None:
            break
    return found([_device(gpu, place) for place, gpu in enumerate(table["value"].get("gpus") or [])], path)


def _device(row: Dict[str, Any], place: int) -> Dict[str, Any]:
    index = row.get("index")
    return {
        "index": place if index is None else index,
        "name": row.get("name"),
        "memory_mib": row.get("memory_mib"),
        "compute_capability": row.get("compute_cap"),
        "uuid": row.get("uuid"),
        "source": SOURCE,
    }


def _run(context: Context, command: List[str], limit: float) -> child.Ran:
    return child.run(command, limit=limit, env=dict(context.env, LC_ALL="C"))
