"""``python -m torch.utils.collect_env``, which people paste into issues; every release since 0.5."""

import re
from typing import Any, Dict, List, Optional

from ._common import UNREADABLE, clean, drop_none, first

_NOTHING = ("could not collect", "no cuda", "none", "n/a", "")

_CUDNN = re.compile(r"(?:\blib|[/\\])cudnn\w*?(?:\.so\.|64_)(\d+(?:\.\d+)*)")


def parse(text: str) -> Dict[str, Any]:
    """Return what was collected, with None for what could not be, or ``{error}``.

    The keys are ``torch, cuda_build, os, python, cuda_runtime, driver, cuda_available, gpus: [name],
    cudnn_candidates`` and, where there is any, ``cudnn_majors, pip: {name: version}, libc``.
    ``cudnn_candidates`` are the full versions in the names of the cuDNN files that were found,
    ``cudnn_majors`` the majors in any of them: a link ``libcudnn.so.8`` tells only that.
    """
    text = clean(text)
    values = {
        "torch": _field(text, "PyTorch version"),
        "cuda_build": _field(text, "CUDA used to build PyTorch"),
        "os": _field(text, "OS"),
        "python": first(r"^(\d+(?:\.\d+)+)", _field(text, "Python version") or ""),
        "cuda_runtime": _field(text, "CUDA runtime version"),
        "driver": _field(text, "Nvidia driver version"),
    }  # type: Dict[str, Any]
    if not any(values.values()):
        return {"error": UNREADABLE}
    available = _field(text, "Is CUDA available")
    values["cuda_available"] = available.lower() in ("yes", "true") if available else None
    values["gpus"] = re.findall(r"\bGPU \d+: (\S.*?)\s*(?:\(UUID: \S*\))?\s*$", text, re.M)
    files = _CUDNN.findall(text)
    values["cudnn_candidates"] = _distinct([name for name in files if name.count(".") > 1])
    majors = sorted({int(name.split(".")[0]) for name in files})
    packages = dict(re.findall(r"^[^\w\n]*\[pip3?\] ([\w.-]+)==(\S+)", text, re.M))
    libc = _field(text, "Libc version")
    values.update(drop_none({"cudnn_majors": majors or None, "pip": packages or None, "libc": libc}))
    return values


def _field(text: str, key: str) -> Optional[str]:
    value = first(r"^[^\w\n]*%s: *([^\n]*)" % key, text, re.M)
    return None if value is None or value.lower() in _NOTHING else value


def _distinct(values: List[str]) -> List[str]:
    return sorted(set(values), key=values.index)
