"""A machine that somebody describes instead of probing: a facts document in which the rest is not known."""

import re
from typing import Any, Dict, List, NamedTuple, Optional

from ortdoctor.diagnose.facts import SCHEMA
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_rows import JetPack

#: What a described fact says of its source.
SOURCE = "said on the command line"

_SYSTEMS = {"darwin": "macos", "mac": "macos", "osx": "macos", "win": "windows", "win32": "windows"}
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}
_NONE = "none"


class Described(NamedTuple):
    """What is known of a machine; None: not known. ``driver`` and ``cuda`` ``"none"``: there is none.

    ``python`` is ``"3.7"`` or ``"3.13t"``, ``glibc`` a version or ``"musl"``, ``gpu`` a compute capability.
    """

    os: Optional[str] = None
    arch: Optional[str] = None
    python: Optional[str] = None
    glibc: Optional[str] = None
    driver: Optional[str] = None
    cuda: Optional[str] = None
    cudnn: Optional[str] = None
    gpu: Optional[str] = None
    jetpack: Optional[str] = None
    wsl: bool = False


class DescriptionError(ValueError):
    """A value is not what its option takes; ``str()`` says what was expected and found."""


def is_python_version(text: str) -> bool:
    """Return whether ``text`` is a version such as ``3.7``, ``3.7.9`` or ``3.13t``, not the path of an interpreter."""
    return re.match(r"\d\.\d{1,2}(\.\d+)?t?$", text) is not None


def described(box: Described, matrix: Matrix) -> Dict[str, Any]:
    """Return the described facts by their keys, as values; :class:`DescriptionError` for what cannot be read.

    A Jetson image decides the system, the architecture and, unless it is given, the Python.
    """
    facts: Dict[str, Any] = {}
    if box.jetpack is not None:
        row = _jetpack(box.jetpack, matrix)
        box = box._replace(os="linux", arch="aarch64", python=box.python or row.python)
        facts["system.jetson"] = {"l4t": row.l4t[0]}
    if box.os is not None:
        facts["system.os"] = _SYSTEMS.get(box.os.lower(), box.os.lower())
    if box.arch is not None:
        facts["system.arch"] = _ARCHITECTURES.get(box.arch.lower(), box.arch.lower())
    if box.wsl:
        facts.update({"system.os": "linux", "system.wsl": 2})
    if box.glibc is not None:
        musl = box.glibc.lower() == "musl"
        version = None if musl else _numbers("--glibc", box.glibc, "2.17 or musl")
        facts["system.libc"] = {"name": "musl" if musl else "glibc", "version": version}
    if box.python is not None:
        facts.update(_python(box.python))
    facts.update(_nvidia(box))
    return facts


def document(facts: Dict[str, Any], base: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """Return a facts document of ``facts`` alone, or of ``base`` with ``facts`` in place of its own."""
    whole: Dict[str, Any] = dict(base) if base else {"schema": SCHEMA}
    said = {key: {"value": value, "source": SOURCE, "error": None} for key, value in facts.items()}
    whole["facts"] = dict(whole.get("facts") or {}, **said)
    return whole


def _nvidia(box: Described) -> Dict[str, Any]:
    facts: Dict[str, Any] = {}
    if box.driver is not None and box.driver.lower() == _NONE:
        facts.update({"gpu.driver_version": None, "gpu.driver_cuda": None, "gpu.cuda_api": None, "gpu.devices": []})
        facts["gpu.proc_driver"] = None
        if box.gpu is not None:
            facts["system.pci_gpus"] = [{"vendor": "nvidia"}]
    elif box.driver is not None:
        facts["gpu.driver_version"] = _numbers("--driver", box.driver, "535.104.05 or none")
        # What a recorded driver said of itself is not true of another one.
        facts["gpu.driver_cuda"] = None
    if box.gpu is not None and "gpu.devices" not in facts:
        facts["gpu.devices"] = [{"index": 0, "name": None, "compute_capability": _capability(box.gpu)}]
    if box.cuda is not None:
        cuda = [] if box.cuda.lower() == _NONE else [_numbers("--cuda", box.cuda, "10.0 or none")]
        facts["cuda.toolkits"] = [{"path": SOURCE, "cuda": one, "version": None} for one in cuda]
    if box.cudnn is not None:
        cudnn = [] if box.cudnn.lower() == _NONE else [_numbers("--cudnn", box.cudnn, "7.6 or none")]
        facts["cudnn.header"] = [{"path": SOURCE, "cudnn": one} for one in cudnn]
    return facts


def _python(text: str) -> Dict[str, Any]:
    if not is_python_version(text):
        raise DescriptionError("--python-version takes a version such as 3.7 or 3.13t; found %.40r" % text)
    major, minor = text.rstrip("t").split(".")[:2]
    threads = "t" if text.endswith("t") else ""
    # Before 3.8 the tag said that the memory allocator was Python's own.
    suffix = "m" if (int(major), int(minor)) < (3, 8) else threads
    return {
        "python.version": text.rstrip("t"),
        "python.implementation": "CPython",
        "python.abi_tag": "cp%s%s%s" % (major, minor, suffix),
    }


def _capability(text: str) -> str:
    """Return ``"7.5"`` for ``7.5``, ``75``, ``sm_75``."""
    match = re.match(r"(?:sm_)?(\d{1,2})\.?(\d)$", text.lower())
    if match is None:
        raise DescriptionError("--gpu takes a compute capability such as 7.5; found %.40r" % text)
    return "%s.%s" % match.groups()


def _numbers(option: str, text: str, example: str) -> str:
    if not re.match(r"\d{1,6}(\.\d{1,6}){0,4}$", text):
        raise DescriptionError("%s takes a version such as %s; found %.40r" % (option, example, text))
    return text


def _jetpack(name: str, matrix: Matrix) -> JetPack:
    for row in matrix.jetpacks():
        if row.jetpack.lower() == name.strip().lower():
            return row
    known: List[str] = [row.jetpack for row in matrix.jetpacks()]
    raise DescriptionError("--jetpack takes one of %s; found %.40r" % (", ".join(known), name))
