"""The facts ``model.*``: an ONNX file that somebody wants to run, and what this onnxruntime says of it."""

import os
import stat
from typing import Any, Dict, List, Optional

from . import onnx_file, onnx_kind, ort_use
from .context import Context
from .fact import Facts, absent, failed, found, guarded, value
from .onnx_file import Content, External
from .onnx_wire import Reader, WireError
from .ort_use import CPU, CUDA, LOAD_LIMIT

#: Protocol Buffers refuse a message of 2 GiB or more; such models keep their weights in external files.
LARGEST = (1 << 31) - 1

_AGAIN = "Fetch it again, or export it to ONNX."


def collect(context: Context, path: str) -> Facts:
    """Return what the file says; never raises. ``path`` is one of this machine, not of ``context.root``."""
    return guarded("model.file", _file, context, path)


def _file(context: Context, path: str) -> Facts:
    shown = path = os.path.normpath(os.path.join(context.cwd, path))
    try:
        size, problem = _regular(path)
        if problem:
            return _unread(shown, size, *problem)
        with open(path, "rb") as stream:
            head = stream.read(onnx_kind.HEAD)
            instead = onnx_kind.not_a_model(head, size)
            if instead:
                return _unread(shown, size, "other", instead)
            try:
                content = onnx_file.read(Reader(stream, size))
            except WireError as error:
                return _unread(shown, size, *_wrong(error, head, size))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return _unread(shown, None, "unreadable", "cannot be read: %s." % reason)
    facts = {"model.file": found({"path": shown, "size": size, "code": None, "problem": None}, shown)}
    facts.update(_content(shown, content))
    facts["model.external_data"] = found([_external(path, item) for item in content.external], shown)
    return facts


def _regular(path: str) -> Any:
    """Return the size, and (code, problem) of what is no file that can be read as a model."""
    try:
        state = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None, ("not_found", "does not exist.")
    if stat.S_ISDIR(state.st_mode):
        inside = sorted(name for name in os.listdir(path) if name.endswith(".onnx"))
        holds = "; it holds %s" % ", ".join(inside[:5]) if inside else ""
        return None, ("other", "is a folder, not an ONNX file%s. Name the .onnx file itself." % holds)
    if not stat.S_ISREG(state.st_mode):
        return None, ("other", "is neither a file nor a folder. Name an ONNX file.")
    if state.st_size > LARGEST:
        # Read all the same? Its first bytes may say that it is no model at all.
        with open(path, "rb") as stream:
            instead = onnx_kind.not_a_model(stream.read(onnx_kind.HEAD), state.st_size)
        return state.st_size, ("other", instead) if instead else ("too_large", "has %d bytes." % state.st_size)
    return state.st_size, None


def _wrong(error: WireError, head: bytes, size: int) -> Any:
    instead = onnx_kind.text_instead(head)
    if instead:
        return "other", instead
    if error.missing:
        text = "is cut off: it has %d bytes, and what it begins needs %d more at least. " % (size, error.missing)
        return "truncated", text + "The download or copy was interrupted; fetch it again and compare the size."
    text = str(error)
    return "damaged", "%s. %s" % (text, "" if "again" in text else _AGAIN)


def _unread(shown: str, size: Optional[int], code: str, problem: str) -> Facts:
    """Return the facts of a file that is no model that can be read: what it says is not known."""
    file = {"path": shown, "size": size, "code": code, "problem": problem.strip()}
    facts = {"model.file": found(file, shown)}
    for key in ("content", "operators", "external_data"):
        facts["model." + key] = failed("%s %s" % (shown, problem.strip()), shown)
    return facts


def _content(shown: str, content: Content) -> Facts:
    said = {
        "ir_version": content.ir_version,
        "opsets": content.opsets,
        "producer": content.producer or None,
        "producer_version": content.producer_version or None,
        "nodes": content.nodes,
        "subgraphs": content.graphs - 1,
        "functions": len(content.functions),
        "types": sorted(content.types),
    }
    operators = [
        {
            "domain": item.domain or "ai.onnx",
            "name": item.name,
            "count": count,
            "where": item.where,
            "local": (item.domain, item.name) in content.functions,
        }
        for item, count in sorted(content.operators.items())
    ]
    return {"model.content": found(said, shown), "model.operators": found(operators, shown)}


def _external(path: str, item: External) -> Dict[str, Any]:
    """Return one entry of ``model.external_data``; the place is looked up as onnxruntime does, beside the model."""
    location = item.location
    entry: Dict[str, Any] = {"location": location, "tensors": item.tensors, "needs": item.needs}
    entry.update(size=None, problem=None)
    relative = os.path.normpath(location) if location else ""
    if not location or os.path.isabs(location) or relative.split(os.sep)[0] == os.pardir or "\0" in location:
        return dict(entry, problem="outside" if location else "missing")
    try:
        state = os.stat(os.path.join(os.path.dirname(os.path.abspath(path)), relative))
    except OSError:
        return dict(entry, problem="missing")
    if not stat.S_ISREG(state.st_mode):
        return dict(entry, problem="missing")
    return dict(entry, size=state.st_size, problem="short" if state.st_size < item.needs else None)


def sessions(context: Context, facts: Facts, limit: float = LOAD_LIMIT) -> Facts:
    """Return ``model.session``: the diagnosed interpreter's onnxruntime loads the model, each provider in a child.

    ``facts`` are those of the rest: nothing is tried where no session works anyway, and CUDA only where its own works.
    """
    return guarded("model.session", _sessions, context, facts, limit)


def _sessions(context: Context, facts: Facts, limit: float) -> Facts:
    key, source = "model.session", "sessions over the model"
    file: Dict[str, Any] = value(facts, "model.file", {})
    if file.get("size") is None or file.get("code") in ("other", "unreadable"):
        return {key: absent("%s: the file is no model" % source)}
    works: Dict[str, Any] = value(facts, "ort.session", {})
    if not _works(works.get("cpu"), CPU):
        return {key: failed("no session over the model was tried, because none works here at all", source)}
    told: Dict[str, Any] = {"cpu": None, "cuda": None}
    troubles: List[str] = []
    for name, requested in (("cpu", [CPU]), ("cuda", [CUDA, CPU])):
        if name == "cuda" and not _works(works.get(name), CUDA):
            continue
        answer = ort_use.load(context, file["path"], requested, limit)
        told[name] = ort_use.session(answer, requested)
        if told[name] is None or (answer.ran.exit is None and not answer.said.get("done")):
            told[name] = None
            troubles.append(answer.trouble())
    if told["cpu"] is None and troubles:
        return {key: failed("; ".join(troubles), source)}
    return {key: found(told, source)}


def _works(session: Any, provider: str) -> bool:
    return bool(session) and provider in session["active"] and not _failed(session)


def _failed(session: Any) -> bool:
    return not session or bool(session["error"] or session["signal"])

