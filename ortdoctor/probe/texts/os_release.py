"""``/etc/os-release`` (shell assignments), also ``/etc/lsb-release`` where a machine has only that."""

import re
from typing import Any, Dict, Optional

from ._common import UNREADABLE, clean, drop_none, file_failure

_ASSIGNMENT = re.compile(r"(?:^|\s)([A-Z][A-Z0-9_]*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\n]*)$", re.M)


def parse(text: str) -> Dict[str, Any]:
    """Return ``{id, version_id?, pretty_name?, id_like?: [str], codename?}`` or ``{error}``.

    ``id`` is in the case that the file has it in (``openEuler``). A rolling distribution has no version, or a
    placeholder for one; it is given as it stands.
    """
    text = clean(text)
    values = {}  # type: Dict[str, str]
    for match in _ASSIGNMENT.finditer(text):
        values.setdefault(match.group(1), _unquote(match.group(2).strip()))
    identity = values.get("ID") or _lower(values.get("DISTRIB_ID"))
    if identity is None:
        return {"error": file_failure(text) or UNREADABLE}
    found = {
        "id": identity,
        "version_id": values.get("VERSION_ID", values.get("DISTRIB_RELEASE")),
        "pretty_name": values.get("PRETTY_NAME", values.get("DISTRIB_DESCRIPTION")),
    }  # type: Dict[str, Any]
    codename = values.get("VERSION_CODENAME", values.get("UBUNTU_CODENAME", values.get("DISTRIB_CODENAME")))
    found.update(drop_none({"codename": codename}))
    if values.get("ID_LIKE"):
        found["id_like"] = values["ID_LIKE"].split()
    return found


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        quote, value = value[0], value[1:-1]
        return re.sub(r"\\([\"$`\\])", r"\1", value) if quote == '"' else value
    return value


def _lower(value: Optional[str]) -> Optional[str]:
    return value.lower() if value else None
