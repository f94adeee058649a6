"""One line on each group of facts."""

import re
from typing import Any, Callable, Dict, List

from ortdoctor.diagnose.facts import ABSENT, FOUND, Facts
from ortdoctor.report import words


def of(group: str, facts: Facts) -> str:
    """Return what the head of a group says."""
    return ", ".join(words.shortened(part) for part in _SUMMARIES[group](facts) if part)


def short(value: Any) -> str:
    """Return a fact's value on one line, without braces where it is a record."""
    if isinstance(value, dict):
        pairs = ["%s %s" % (name, short(item)) for name, item in value.items() if item not in (None, [], {})]
        return words.shortened(", ".join(pairs))
    if isinstance(value, list):
        return words.shortened("; ".join(short(item) for item in value))
    return words.shortened(value)


def _system(facts: Facts) -> List[str]:
    distribution = facts.record("system.distribution")
    libc = facts.record("system.libc")
    jetson = facts.record("system.jetson")
    system = facts.text("system.os") or ""
    return [
        distribution.get("pretty_name")
        or distribution.get("id")
        or words.NAMES.get(system, system)
        or "not known",
        facts.text("system.arch") or "",
        "%s %s" % (libc["name"], libc["version"] or "") if libc else "",
        "L4T %s" % jetson["l4t"] if jetson else "",
        "WSL %s" % facts.value("system.wsl") if facts.state("system.wsl") == FOUND else "",
        "in %s" % facts.text("system.container") if facts.state("system.container") == FOUND else "",
    ]


def _python(facts: Facts) -> List[str]:
    environment = facts.record("python.environment")
    pip = facts.record("python.pip")
    return [
        "%s %s"
        % (facts.text("python.implementation") or "Python", facts.text("python.version") or "not known"),
        str(environment["kind"]) if environment else "",
        "pip %s" % pip["version"] if pip else "no pip" if facts.state("python.pip") == ABSENT else "",
        facts.text("python.executable") or "",
    ]


def _gpu(facts: Facts) -> List[str]:
    devices = [
        "%s (%s)" % (row["name"] or "GPU", row["compute_capability"] or "compute capability not known")
        for row in facts.records("gpu.devices")
    ]
    driver = facts.text("gpu.driver_version")
    if not driver and not devices:
        state = (
            "no NVIDIA driver" if facts.state("gpu.driver_version") == ABSENT else "NVIDIA driver not known"
        )
        return ["Tegra GPU of L4T" if facts.state("system.jetson") == FOUND else state]
    cuda = facts.text("gpu.driver_cuda")
    of_l4t = "of L4T" if facts.state("system.jetson") == FOUND else "not known"
    return devices + ["driver %s" % (driver or of_l4t), "up to CUDA %s" % cuda if cuda else ""]


def _cuda(facts: Facts) -> List[str]:
    toolkits = ["toolkit %s" % row["cuda"] for row in facts.records("cuda.toolkits") if row["cuda"]]
    cudnn = facts.record("cudnn.runtime").get("version")
    headers = [str(row["cudnn"]) for row in facts.records("cudnn.header") if row["cudnn"]]
    names = sorted({row["supply"] for row in facts.records("cuda.libraries") if row["supply"]})
    cudnn = cudnn or (headers[0] if headers else None)
    parts = list(dict.fromkeys(toolkits)) + ["cuDNN %s" % cudnn if cudnn else ""]
    parts.append("libraries by %s" % " and ".join(names) if names else "")
    if not any(parts):
        return ["none found" if facts.known("cuda.libraries") else "not known"]
    return parts


def _ort(facts: Facts) -> List[str]:
    rows = ["%s %s" % (row["name"], row["version"]) for row in facts.records("ort.distributions")]
    if not rows:
        return ["not installed" if facts.state("ort.distributions") == ABSENT else "not known"]
    sessions = facts.record("ort.session")
    asked = "a session that asks for CUDA" if sessions.get("cuda") else "a session"
    session = sessions.get("cuda") or sessions.get("cpu")
    if not session:
        return [" and ".join(rows)]
    failed = "fails" if session["error"] or session["signal"] or not session["active"] else ""
    return [" and ".join(rows), "%s %s" % (asked, failed or "gets " + ", ".join(session["active"]))]


def _model(facts: Facts) -> List[str]:
    file, content = facts.record("model.file"), facts.record("model.content")
    name = re.split(r"[\\/]", str(file.get("path") or ""))[-1] or "not known"
    if not content:
        return [name]
    others = ["%s %d" % (domain, version) for domain, version in content["opsets"].items() if domain != "ai.onnx"]
    sessions = facts.record("model.session")
    loaded = [row["active"][0] for row in sessions.values() if row and row["active"] and not row["error"]]
    return [
        name,
        "opset %s" % content["opsets"].get("ai.onnx", "not known"),
        *others[:2],
        "IR version %d" % content["ir_version"],
        "%s nodes" % content["nodes"],
        _size([file["size"]] + [row["size"] for row in facts.records("model.external_data")]),
        "a session loads it on %s" % " and ".join(dict.fromkeys(loaded)) if loaded else "",
    ]


def _size(parts: List[Any]) -> str:
    """Return the number of bytes of all files, as people say it."""
    total = float(sum(part or 0 for part in parts))
    for unit in ("bytes", "KB", "MB"):
        if total < 1000:
            return "%.3g %s" % (total, unit)
        total /= 1000
    return "%.3g GB" % total


def session_falls_short(facts: Facts) -> bool:
    """Return whether a session asked for CUDA and is on something else, or a session on the CPU fails."""
    sessions = facts.record("ort.session")
    cpu, cuda = sessions.get("cpu"), sessions.get("cuda")
    fails = isinstance(cpu, dict) and bool(cpu["error"] or cpu["signal"] or not cpu["active"])
    return fails or (isinstance(cuda, dict) and "CUDAExecutionProvider" not in cuda["active"])


_SUMMARIES: Dict[str, Callable[[Facts], List[str]]] = {
    "System": _system,
    "Python": _python,
    "GPU and driver": _gpu,
    "CUDA and cuDNN": _cuda,
    "ONNX Runtime": _ort,
    "Model": _model,
}
