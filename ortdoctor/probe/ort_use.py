"""What ``import onnxruntime`` and a first session do, each child's story told as facts."""

import base64
import json
import re
import threading
from typing import Any, Callable, Dict, List, Optional

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

#: Seconds for a session over a user's model: one of gigabytes is read from a slow disk, and optimized.
LOAD_LIMIT = 300.0

#: What the script writes to standard error between import and session.
_STAGE = "@ortdoctor-stage@"

#: Characters of standard error that a fact keeps; NumPy's note on its ABI alone has 3,000.
_STDERR_LIMIT = 20000

_COLOUR = re.compile("\x1b\\[[0-9;]*m")


class Begun:
    """A child that is under way: it says at once what would be imported, and later how that and a session went."""

    def __init__(self, context: Context, requested: List[str], only_with: Optional[str] = None) -> None:
        """Start the child; without ``requested`` providers it only looks, without ``only_with`` it runs no session."""
        self._seen: Dict[str, Any] = {}
        self._looked = threading.Event()
        self._answer: List[Answer] = []
        self._thread = threading.Thread(target=self._work, args=(context, requested, only_with), daemon=True)
        self._thread.start()

    def _work(self, context: Context, requested: List[str], only_with: Optional[str]) -> None:
        answer = _run(context, requested, only_with, self._early)
        self._answer.append(answer)
        self._early(dict(answer.said, spec=answer.said.get("spec")))

    def _early(self, said: Dict[str, Any]) -> bool:
        if "spec" in said and not self._looked.is_set():
            self._seen = said
            self._looked.set()
        return self._looked.is_set()

    def look(self) -> Dict[str, Any]:
        """Return ``path``, ``pip`` and ``spec`` as soon as the child has said them; one that ended before said less."""
        self._looked.wait()
        return self._seen

    def answer(self) -> Answer:
        """Wait for the end of the child."""
        self._thread.join()
        return self._answer[0]


def shared(context: Context, full: bool = False) -> Begun:
    """Return the child that the steps of one probe share; ``full`` where it is to import, and no probe says so."""
    wanted = context.memo.full if context.memo is not None else full
    return context.once("use", lambda: Begun(context, [CPU] if wanted else []))


def _run(
    context: Context,
    requested: List[str],
    only_with: Optional[str],
    early: Callable[[Dict[str, Any]], bool],
) -> Answer:
    request = {
        "model": base64.b64encode(ort_model.MODEL).decode("ascii"),
        "input": ort_model.INPUT,
        "shape": ort_model.INPUT_SHAPE,
        "output": ort_model.OUTPUT,
        "requested": requested,
        "only_with": only_with,
    }
    return run_here(context, "use", [json.dumps(request)], LIMIT, early)


def load(context: Context, path: str, requested: List[str], limit: float) -> Answer:
    """Import onnxruntime in a child and create a session over the file ``path``, which is not run."""
    request = {"path": path, "requested": requested, "only_with": None}
    return run_here(context, "use", [json.dumps(request)], limit)


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
    answer = run_here(context, "numpy_alone", [], NUMPY_LIMIT)
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
