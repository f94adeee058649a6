"""``nvidia-smi --query-gpu=.. --format=csv``: with its header, with the command above it, or bare."""

import re
from typing import Any, Dict, List, Optional

from ._common import BUS_ID, UNREADABLE, clean
from .nvidia_failures import failure

#: Columns that are read, by the name that a row gives them. kmd_version follows driver_version from 610 on.
_COLUMNS = {
    "index": "index",
    "name": "name",
    "gpu_name": "name",
    "driver_version": "driver",
    "kmd_version": "driver",
    "memory.total": "memory_mib",
    "memory.used": "memory_used_mib",
    "compute_cap": "compute_cap",
    "pci.bus_id": "bus_id",
    "gpu_bus_id": "bus_id",
    "uuid": "uuid",
    "gpu_uuid": "uuid",
}

_COLUMN = re.compile(r"([a-z][\w.]*)(?: \[[A-Za-z%/]+\])?$")

_COMMAND = re.compile(r"--query-gpu[= ]['\"]?([\w.]+(?:,[\w.]+)*)")

_UNAVAILABLE = re.compile(r"\[[^\]]*\]$|N/A$|ERR!$|Deprecated", re.I)

# The shapes of a bare row's fields. 250.00 is a power limit: no driver version ends in .00 alone.
_SHAPES = (
    ("bus_id", re.compile(BUS_ID + "$")),
    ("uuid", re.compile(r"(?:GPU|MIG)-[0-9A-Fa-f-]+$")),
    ("driver", re.compile(r"\d{3}\.(?!0+$)\d{2,3}(?:\.\d{2})?$")),
    ("compute_cap", re.compile(r"\d{1,2}\.\d$")),
    ("memory", re.compile(r"\d+ MiB$")),
)

# Words of a bare row that are no name: performance states, driver models, modes, times, firmware versions.
_NO_NAME = re.compile(
    r"P\d{1,2}$|(?:WDDM|TCC|MCDM|On|Off|Yes|No|None|Active|Not Active|Enabled|Disabled|Default|Pending)$"
    r"|Exclusive|Prohibited|0x|\d{4}/\d\d/\d\d|[0-9A-F]{2}(?:\.[0-9A-F]{2}){3}"
    r"|\d+(?:\.\d+)? ?(?:%|W|MHz|C|us|MiB)$",
    re.I,
)

# A prompt or a message among the rows, which a single column could take for a value.
_NO_ROW = re.compile(
    r"\s*(?:(?:\(\S+\) ?)?(?:PS )?[A-Za-z]:\\|[\w.-]+@[\w.-]+|[$#>%] |[$#>%]?\s*$)"
    r"|Unable to determine|WARNING:|has failed"
)

# How a value of a column starts, where it is not free text.
_STARTS = {
    "driver": re.compile(r"\d{1,4}\.\d"),
    "compute_cap": re.compile(r"\d{1,2}\.\d"),
    "bus_id": re.compile(BUS_ID),
    "uuid": re.compile(r"(?:GPU|MIG)-"),
    "index": re.compile(r"\d"),
    "memory_mib": re.compile(r"\d"),
    "memory_used_mib": re.compile(r"\d"),
}

#: Indices are below this and GPUs have at least this many MiB: what tells the two in a bare row without
#: units.
_SMALLEST_MEMORY = 256


def parse(text: str) -> Dict[str, Any]:
    """Return ``{columns?, rows}`` or ``{error, ..}``; both where one of several GPUs does not answer.

    ``columns`` are the names in the header line, without units. A row has those of ``index, name, driver,
    memory_mib, memory_used_mib, compute_cap, bus_id, uuid`` that were asked for; None is ``[N/A]`` and the
    like. A row without a header is read by the command line, if that is in the text, else by the shape of its
    fields.
    """
    text = clean(text)
    columns = []  # type: List[str]
    header = False
    rows = []  # type: List[Dict[str, Any]]
    for line in text.splitlines():
        asked = _COMMAND.search(line)
        if asked:
            columns = asked.group(1).split(",")
            continue
        if _NO_ROW.match(line):
            continue
        fields = [field.strip(' \t"') for field in line.split(",")]
        named = _header(fields)
        if named:
            if not header:
                columns, header = named, True
            continue
        row = _row(fields, columns) if columns else _bare_row(fields)
        if row:
            rows.append(row)
    failed = failure(text)
    if not rows and not header:
        return failed or {"error": UNREADABLE}
    found = {"rows": rows}  # type: Dict[str, Any]
    if header:
        found["columns"] = columns
    if failed:
        found.update(failed)
    return found


def _header(fields: List[str]) -> List[str]:
    """Return the column names if every field is one and at least one of them is known, else nothing."""
    matches = [_COLUMN.match(field) for field in fields]
    names = [match.group(1) for match in matches if match]
    return names if len(names) == len(fields) and any(name in _COLUMNS for name in names) else []


def _row(fields: List[str], columns: List[str]) -> Optional[Dict[str, Any]]:
    if len(fields) != len(columns):
        return None
    row = {}  # type: Dict[str, Any]
    for column, field in zip(columns, fields):  # noqa: B905 - strict= is Python 3.10; the lengths were compared
        key = _COLUMNS.get(column)
        if key is not None and row.get(key) is None:
            row[key] = _value(key, field)
    return row


def _value(key: str, field: str) -> Any:
    shape = _STARTS.get(key)
    if not field or _UNAVAILABLE.match(field) or (shape and not shape.match(field)):
        return None
    if key in ("index", "memory_mib", "memory_used_mib"):
        return int(re.findall(r"\d+", field)[0])
    return field


def _bare_row(fields: List[str]) -> Optional[Dict[str, Any]]:
    row = {}  # type: Dict[str, Any]
    sizes = []  # type: List[int]
    unavailable = False
    for position, field in enumerate(fields):
        kind = next((key for key, shape in _SHAPES if shape.match(field)), None)
        if _UNAVAILABLE.match(field):
            unavailable = True
        elif kind == "memory":
            sizes.append(int(field.split()[0]))
        elif kind is not None:
            row.setdefault(kind, field)
        elif field.isdigit() and len(field) < 8:
            if position == 0 and int(field) < _SMALLEST_MEMORY and len(fields) > 1:
                row["index"] = int(field)
            elif int(field) >= _SMALLEST_MEMORY and len(fields) > 1:
                sizes.append(int(field))
        elif re.match(r"[A-Z]", field) and not _NO_NAME.match(field):
            row.setdefault("name", field)
    if not _is_gpu(row, sizes) and list(row) != ["compute_cap"]:
        return None
    if sizes:
        row["memory_mib"] = max(sizes)  # total beside used and free, in whatever order they were asked for
    elif unavailable:
        row["memory_mib"] = None
    return row


def _is_gpu(row: Dict[str, Any], sizes: List[int]) -> bool:
    """Tell a row from prose or a prompt: it has at least one field of a shape of its own."""
    return bool(
        sizes
        or any(key in row for key in ("bus_id", "uuid", "driver"))
        or ("name" in row and re.match(r"NVIDIA |Tesla |GeForce |Quadro |GRID |TITAN ", row["name"]))
    )
