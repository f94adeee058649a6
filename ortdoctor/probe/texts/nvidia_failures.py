"""What nvidia-smi says instead of its table, by cause."""

import re
from typing import Any, Dict, Optional

from ._common import BUS_ID, shell_failure

#: Reasons after "Failed to initialize NVML:" that have a name of their own; others become ``nvml-<reason>``.
_NVML_REASONS = {
    "driver/library version mismatch": "driver-library-mismatch",
    "gpu access blocked by the operating system": "gpu-access-blocked",
    "driver not loaded": "driver-not-loaded",
    "insufficient permissions": "insufficient-permissions",
    "no permission": "insufficient-permissions",
}

_NVML = re.compile(r"Failed to initialize NVML: *([^\n]+)", re.I)

# GPU 0000:0B:00.0: ..., GPU0000:20:00.0: ..., GPU0: 0000:0B:00.0: ..., gpu 0: ...; the reason can be missing.
_HANDLE = re.compile(
    r"Unable to determine the device handle for (?:GPU|device)?\s*(?P<index>\d{1,3}(?=\s*:\s|\s*$))?\s*:?\s*"
    r"(?P<bus>" + BUS_ID + r")?\s*:?\s*(?P<reason>[^\n]*)",
    re.I | re.M,
)

_CAUSES = (
    (r"couldn't find (?:libnvidia-ml|nvml)|error while loading shared libraries: libnvidia-ml", "libnvidia-ml-missing"),
    (r"couldn't communicate with the NVIDIA driver", "driver-not-loaded"),
    (r"\bNo (?:devices|supported GPUs?) (?:(?:were|was) )?found", "no-devices"),
    (r"not a valid field to query", "invalid-field"),
    (r"Driver/library version mismatch", "driver-library-mismatch"),
    (r"Insufficient Permissions|(?:do not|don't) have (?:the |sufficient )*permission", "insufficient-permissions"),
    (r"NVIDIA-SMI has failed", "failed"),
    (r"Segmentation fault|core dumped", "crashed"),
)


def failure(text: str) -> Optional[Dict[str, Any]]:
    """Return ``{error, ..}`` where the (cleaned) text holds a failure message of nvidia-smi, else None.

    With ``device-handle`` (one GPU does not answer; the others may be listed all the same) come ``bus_id``
    and ``reason`` where printed, with a version mismatch ``nvml_library``, with ``invalid-field`` the
    ``field``.
    """
    handle = _HANDLE.search(text)
    if handle:
        found = {"error": "device-handle"}  # type: Dict[str, Any]
        if handle.group("index"):
            found["index"] = int(handle.group("index"))
        if handle.group("bus"):
            found["bus_id"] = handle.group("bus")
        if handle.group("reason").strip(" ."):
            found["reason"] = handle.group("reason").strip()
        return found
    nvml = _NVML.search(text)
    if nvml:
        found = {"error": _nvml_reason(nvml.group(1))}
        library = re.search(r"NVML library version: *(\d[\d.]*)", text)
        if library:
            found["nvml_library"] = library.group(1)
        return found
    for pattern, cause in _CAUSES:
        if re.search(pattern, text, re.I):
            field = re.search(r"Field \"?([\w.]+)\"? is not a valid field", text)
            return {"error": cause, "field": field.group(1)} if field else {"error": cause}
    missing = shell_failure(text, "nvidia-smi")
    return {"error": missing} if missing else None


def _nvml_reason(reason: str) -> str:
    reason = reason.strip(" .").lower()
    for known, cause in _NVML_REASONS.items():
        if reason.startswith(known):
            return cause
    return "nvml-" + (re.sub(r"[^a-z0-9]+", "-", reason).strip("-") or "error")
