"""What ``import onnxruntime`` and a first session do, each child's story told as facts."""

import base64
import re
from typing import Any, Dict, List, Optional

from . import ort_model
from .child import LATE
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .ort_child import Answer, run_here

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

#: Seconds for import and session. A first session on a GPU may wait for code to be compiled for it, and
#: a small board reads the libraries from an SD card.
LIMIT = 60.0

#: Seconds for the import of NumPy alone, which is asked for only where that of onnxruntime failed.
NUMPY_LIMIT = 30.0

#: What the script writes to standard error between import and session.
_STAGE = "@ortdoctor-stage@"

#: Characters of standard error that a fact keeps; NumPy's note on its ABI alone has 3,000.
_STDERR_LIMIT = 20000

_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def use(context: Context, requested: List[str], only_with: Optional[str] = None) -> Answer:
    """Import onnxruntime in a child and try one session with the providers ``requested``.

    ``only_with`` names a provider without which the session is left out.
    """
    request = {
        "model": base64.b64encode(ort_model.MODEL).decode("ascii"),
        "input": ort_model.INPUT,
        "shape": ort_model.INPUT_SHAPE,
        "output": ort_model.OUTPUT,
        "requested": requested,
        "only_with": only_with,
    }
    return run_here(context, "use", request, LIMIT)


def import_facts(answer: Answer, package: Dict[str, str], package_file: str) -> Facts:
    """Return ``ort.import`` and what onnxruntime says of itself.

    ``package`` is what build_and_package_info.py says (read from ``package_file``, not run): it still
    knows the version where the import fails.
    """
    source = "import onnxruntime (%s)" % answer.ran.command
    facts = {"ort.import": _import(answer, source)}
    told = (facts["ort.import"]["value"] or {}).get("ok", False)
    version = answer.said.get("import", {}).get("version")
    if version:
        facts["ort.version"] = found(version, "onnxruntime.__version__")
    elif package.get("__version__"):
        facts["ort.version"] = found(package["__version__"], package_file)
    else:
        facts["ort.version"] = _asked(None, "onnxruntime.__version__", told)
    cuda = package.get("cuda_version")
    facts["ort.cuda_build"] = found(cuda, package_file) if cuda else absent(package_file)
    for key, name in (
        ("build_info", "get_build_info"),
        ("device", "get_device"),
        ("available_providers", "get_available_providers"),
    ):
        said = answer.said.get("providers" if key == "available_providers" else key)
        facts["ort." + key] = _asked(said, "onnxruntime.%s()" % name, told)
    preload = {"available": answer.said["preload"]} if "preload" in answer.said else None
    facts["ort.preload"] = _asked(preload, "onnxruntime.preload_dlls", told)
    return facts


def _asked(value: Any, api: str, imported: bool) -> Fact:
    """Make the fact of an answer that only an imported onnxruntime can give."""
    if value is not None:
        return found(value, api)
    if imported:
        return absent("%s, which this release does not have" % api)
    return failed("%s could not be asked, because onnxruntime could not be imported" % api, api)


def _import(answer: Answer, source: str) -> Fact:
    said = answer.said.get("import")
    hangs = answer.ran.exit is None and LATE in (answer.ran.error or "")
    if said is None and answer.ran.exit is None and not hangs:
        return failed(answer.trouble(), source)
    value: Dict[str, Any] = {"ok": False, "version": None, "error": None, "error_type": None, "warnings": []}
    value["hangs"] = said is None and hangs
    value["stderr"] = _stderr(answer, 0)
    if said is None:
        value.update(error=answer.trouble(), exit=answer.ran.exit, signal=answer.ran.signal)
    else:
        # What came after the import belongs to the session; a failed import ends Python with 1.
        value.update(said, exit=0 if said["ok"] else 1, signal=None)
    return found(value, source)


def numpy_alone(context: Context) -> Dict[str, Any]:
    """Return how the import of NumPy goes without onnxruntime: ``{ok, error?, signal?}``."""
    answer = run_here(context, "numpy_alone", {}, NUMPY_LIMIT)
    ok = bool(answer.said.get("ok"))
    error = None if ok else answer.said.get("error") or answer.trouble()
    return {"ok": ok, "error": error, "signal": answer.ran.signal}


def session(answer: Answer, requested: List[str]) -> Optional[Dict[str, Any]]:
    """Return what became of the session, or None where none was tried."""
    said = answer.said
    if not said.get("tried"):
        return None
    trouble = said.get("trouble") or {}
    value = {
        "requested": requested,
        "active": said.get("active") or [],
        "error": trouble.get("error"),
        "error_type": trouble.get("error_type"),
        "stderr": _stderr(answer, 1),
        "exit": answer.ran.exit,
        "signal": answer.ran.signal,
    }
    if not said.get("done"):
        value["error"] = answer.trouble()
    return value


def _stderr(answer: Answer, stage: int) -> str:
    """Return what was printed up to the end of the import (0) or after it (1)."""
    parts = answer.ran.err.split(_STAGE)
    text = "".join(parts[stage : stage + 1]) if stage == 0 else "".join(parts[stage:])
    return _COLOUR.sub("", text).strip()[:_STDERR_LIMIT]
