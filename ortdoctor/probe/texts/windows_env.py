"""Windows: ``where nvcc``, ``where cudart64_*.dll``, ``set`` and ``systeminfo`` in any language."""

import re
from typing import Any, Dict, List

from ._common import UNREADABLE, clean, shell_failure

_PATH = r"([A-Za-z]:\\[^\n<>|\"?*]*?%s)[ \t]*$"

_TOOLKIT = re.compile(r"\\CUDA\\v(\d+\.\d+)", re.I)

_SET = re.compile(r"^[^\w\n]*((?:CUDA|CUDNN|TENSORRT|ORT|NVIDIA|NV)\w*)(?:=| {2,})(\S[^\n]*)$", re.M)

# systeminfo translates its keys, not what these values look like.
_OS_NAME = re.compile(r":\s*(Microsoft\W{0,3} Windows [^\n]+)$", re.M)
_OS_VERSION = re.compile(r":\s*(\d+\.\d+\.\d{4,5})\s[^\n]*?(\d{4,5})\s*$", re.M)
_SYSTEM_TYPE = re.compile(r":\s*((?:x64|x86|ARM64|ARM)-[^\n]*PC)\s*$", re.M | re.I)
# Total, the first of the memory lines: 15,709 MB; 15.709 MB; 15 709 Mo.
_MEMORY = re.compile(r":\s*(\d[\d., ']*)\s(?:MB|Mo|\u041c\u0411)\s*$", re.M)


def parse(text: str) -> Dict[str, Any]:
    """Return those found of the keys below, or ``{error}``.

    They are ``nvcc_paths, cuda, cudart, env, os_name, os_version, build, system_type, memory_mb``. ``cuda``
    is the toolkit of the first nvcc on PATH, else of CUDA_PATH. An entry of ``cudart`` is ``{path}`` with
    ``cuda`` where the DLL's name tells major and minor (up to 10.2), else ``cuda_major``. ``{error}``:
    ``not-found``, or ``wrong-shell`` where cmd's ``set`` was typed into PowerShell.
    """
    text = clean(text)
    found = {}  # type: Dict[str, Any]
    nvcc = re.findall(_PATH % r"nvcc\.exe", text, re.M | re.I)
    cudart = re.findall(_PATH % r"cudart(?:32|64)_\d+\.dll", text, re.M | re.I)
    env = {name.upper(): value.strip() for name, value in _SET.findall(text)}
    if nvcc:
        found["nvcc_paths"] = nvcc
    if cudart:
        found["cudart"] = [_cudart(path) for path in cudart]
    if env:
        found["env"] = env
    for path in nvcc[:1] + [env.get("CUDA_PATH", "")]:
        toolkit = _TOOLKIT.search(path)
        if toolkit:
            found.setdefault("cuda", toolkit.group(1))
    found.update(_systeminfo(text))
    if found:
        return found
    if re.search(r"cmdlet Set-Variable at command pipeline", text) or re.search(r"\bName\[0\]:", text):
        return {"error": "wrong-shell"}
    if re.search(r"Could not find files for the given pattern|cannot find the (?:file|path)", text):
        return {"error": "not-found"}
    return {"error": shell_failure(text, "nvcc") or UNREADABLE}


def _cudart(path: str) -> Dict[str, str]:
    """cudart64_65.dll is CUDA 6.5, _101 is 10.1; _110 serves all of 11, from 12 on the major stands alone."""
    digits = path[path.rindex("_") + 1 : path.rindex(".")]
    number = int(digits)
    if number == 110 or 12 <= number < 30:
        return {"cuda_major": "11" if number == 110 else digits, "path": path}
    return {"cuda": "%d.%d" % divmod(number, 10), "path": path}


def _systeminfo(text: str) -> Dict[str, Any]:
    found = {}  # type: Dict[str, Any]
    version = _OS_VERSION.search(text)
    if version is None:
        return found
    found["os_version"] = version.group(1)
    found["build"] = int(version.group(2))
    name, kind, memory = _OS_NAME.search(text), _SYSTEM_TYPE.search(text), _MEMORY.search(text)
    if name:
        found["os_name"] = name.group(1).strip()
    if kind:
        found["system_type"] = kind.group(1)
    if memory:
        found["memory_mb"] = int("".join(_digits(memory.group(1))))
    return found


def _digits(number: str) -> List[str]:
    return re.findall(r"\d", number)
