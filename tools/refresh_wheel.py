"""A wheel file to facts: metadata, native libraries, preloads, build information. Nothing of it is run."""

from __future__ import annotations

import ast
import hashlib
import re
import shutil
import tempfile
from email.parser import Parser
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

from tools.refresh_native import Native, newest, read_native

#: Libraries of the wheel itself and the extension module; vendored copies (NAME.libs/) say nothing of ours.
_OURS = re.compile(r"onnxruntime/capi/[^/]*(?:\.so(?:\.[\d.]+)?|\.dll|\.pyd)$")
#: Wheels of 1.11 for Windows keep the package in NAME.data/purelib/, which pip moves to site-packages.
_PURELIB = re.compile(r"^[^/]+\.data/(?:pure|plat)lib/")
_CUDA_PROVIDER = re.compile(r"(?:lib)?onnxruntime_providers_cuda\.(?:so|dll)")
_EXTENSION = re.compile(r"onnxruntime_pybind11_state.*")
_SETTINGS = ("build_and_package_info", "version_info")


def read_wheel(path: Path) -> dict[str, Any]:
    """Return the facts of the wheel at ``path``; ValueError or zipfile.BadZipFile where it is broken."""
    with ZipFile(path) as wheel, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        names = {_PURELIB.sub("", name): name for name in wheel.namelist()}
        metadata = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        libraries = {}
        for name in sorted(filter(_OURS.match, names)):
            found = _library(wheel, names[name], Path(folder))
            if found:
                libraries[_plain(name)] = found
        if not libraries:
            raise ValueError(f"{path.name} has no native library under onnxruntime/capi/")
        sources = {name: names.get(f"onnxruntime/capi/{name}.py") for name in ("_ld_preload", *_SETTINGS)}
        texts = {name: wheel.read(member).decode("utf-8") if member else "" for name, member in sources.items()}
        settings = {name: constants(texts[name]) for name in _SETTINGS}
        row = {
            "sha256": digest(path),
            "size": path.stat().st_size,
            **metadata_of(wheel.read(metadata).decode("utf-8")),
            "build_info": {name: values for name, values in settings.items() if values},
            "preload": preloads(texts["_ld_preload"]),
            **_facts(libraries),
        }
    return {name: value for name, value in row.items() if value not in ("", [], {})}


def _library(wheel: ZipFile, name: str, folder: Path) -> Native | None:
    target = folder / "library"
    with wheel.open(name) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    return read_native(target)


def _plain(name: str) -> str:
    """Name libraries alike over releases and Pythons: no version behind ``.so``, no tag of the extension module."""
    base = re.sub(r"\.so\.[\d.]+$", ".so", PurePosixPath(name).name)
    return "onnxruntime_pybind11_state" if _EXTENSION.fullmatch(base) else base


def _facts(libraries: dict[str, Native]) -> dict[str, Any]:
    provider = [library for name, library in libraries.items() if _CUDA_PROVIDER.fullmatch(name)]
    return {
        "needed": {name: library.needed for name, library in libraries.items()},
        "run_time": {name: library.run_time for name, library in libraries.items() if library.run_time},
        "rpath": {name: library.rpath for name, library in libraries.items() if library.rpath},
        "glibc": newest([library.glibc for library in libraries.values()], ""),
        "glibcxx": newest([library.glibcxx for library in libraries.values()], ""),
        "gpu_code": provider[0].gpu_code if provider else {},
    }


def metadata_of(text: str) -> dict[str, Any]:
    """Return ``requires_python`` and ``requires`` (with their extras as markers) of METADATA."""
    message = Parser().parsestr(text)
    requires = sorted({re.sub(r"\s+", " ", line) for line in message.get_all("Requires-Dist", [])})
    return {"requires_python": message.get("Requires-Python", ""), "requires": requires}


def constants(text: str) -> dict[str, str | bool]:
    """Return the assignments of constants in Python source at its top level, by name."""
    found: dict[str, str | bool] = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            value = statement.value.value
            for target in statement.targets:
                if isinstance(target, ast.Name) and isinstance(value, str | bool):
                    found[target.id] = value
    return dict(sorted(found.items()))


def preloads(text: str) -> list[list[str]]:
    """Return what ``_ld_preload.py`` opens by CDLL(..), a list for each ``try``: one failure ends its list."""
    groups = []
    for statement in ast.parse(text).body:
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and node.args]
        names = [
            call.args[0].value
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id == "CDLL" and isinstance(call.args[0], ast.Constant)
        ]
        groups += [[str(name) for name in names]] if names else []
    return groups


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
