"""One release under one set of libraries: what the matrix predicts, and what loader, probe and session say."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

from ortdoctor.diagnose.sonames import reported_missing
from ortdoctor.probe.fact import value
from ortdoctor.probe.foreign import collect_with
from tests.loader_truth import real_loader
from tests.loader_truth.environments import compiled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.loader_truth.environments import Release

CUDA = "CUDAExecutionProvider"

#: What CUDA's runtime says, in the words of ONNX Runtime's CudaCall: number and name of the error.
_CUDA_ERROR = re.compile(r"CUDA (?:failure|error) (\d+): (.*?) ;")

#: Any other way in which ONNX Runtime reports that the provider could not be had.
_LOAD_ERROR = re.compile(r"Failed to load library \S+ with error: ([^\n]*)")


class Session(NamedTuple):
    """What became of a session on the CUDA provider."""

    active: list[str]
    missing: list[str]
    cuda_errors: list[tuple[int, str]]
    load_errors: list[str]
    refused: bool
    signal: str | None
    text: str

    @property
    def short(self) -> str:
        if self.signal:
            return self.signal
        if self.cuda_errors:
            return "CUDA {}: {}".format(*self.cuda_errors[0])
        return (self.load_errors or ["CPU, no reason given" if self.refused else self.text])[0]


class Measured(NamedTuple):
    """One line of the table.

    ``preloaded`` is what the package opens itself before its extension is loaded; ``inherited`` maps what is
    missing for a library of the wheels to this library; ``crashed_in`` is where a crash was, innermost first.
    """

    version: str
    python: str
    case: str
    predicted: list[str]
    loader: list[str]
    probe: list[str]
    preloaded: list[str]
    inherited: dict[str, str]
    session: Session
    driver: dict[str, Any] | None
    crashed_in: list[str]

    @property
    def agree(self) -> bool:
        return {*self.predicted, *self.inherited} == set(self.loader) == set(self.probe)


def measure(release: Release, case: str, folders: list[Path], cwd: Path, monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Measure ``release`` with ``folders`` on LD_LIBRARY_PATH, in ``cwd``, an empty folder."""
    monkeypatch.chdir(cwd)
    monkeypatch.setenv("PYTHONPATH", str(release.site))
    if folders:
        monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(map(str, folders)))
    else:
        monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    env = dict(os.environ)
    preloaded = real_loader.preloaded(release.python, release.site / "onnxruntime", env, cwd)
    absent = real_loader.not_opened(release.python, preloaded, env, cwd)
    unresolved = real_loader.unresolved(release.python, release.provider, env, cwd)
    facts = collect_with(release.python)["facts"]
    entry = next(item for item in value(facts, "ort.provider_libraries") if item["provider"] == CUDA)
    told = session(value(facts, "ort.session")["cuda"])
    crash: list[str] = []
    if told.signal:
        crash = real_loader.crashed_in(release.python, compiled("crash.c", cwd / "crash.so"), env, cwd)
    return Measured(
        version=release.build.version,
        python=release.version,
        case=case,
        predicted=predicted(release, folders),
        loader=absent + [name for name in unresolved if name not in absent],
        probe=[item["soname"] for item in entry["needed"] if item["path"] is None],
        preloaded=preloaded,
        inherited=inherited(release, folders, env, cwd),
        session=told,
        driver=value(facts, "gpu.cuda_api"),
        crashed_in=crash,
    )


def predicted(release: Release, folders: list[Path]) -> list[str]:
    """Return what the matrix says is needed, without what is supplied: ``folders`` and this machine's own."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    supplied = {path.name for folder in folders for path in folder.iterdir()}
    supplied |= set(re.findall(r"^\s+(\S+) \(", listed, re.MULTILINE))
    return [name for name in release.build.sonames if name not in supplied]


def inherited(release: Release, folders: list[Path], env: dict[str, str], cwd: Path) -> dict[str, str]:
    """Return what those libraries in ``folders`` that the matrix says are needed ask for in vain themselves."""
    loaded = [folder / name for folder in folders for name in release.build.sonames if (folder / name).exists()]
    return {
        name: library.name for library in loaded for name in real_loader.unresolved(release.python, library, env, cwd)
    }


def session(fact: dict[str, Any]) -> Session:
    """Read the session's own text."""
    text = "\n".join(filter(None, (fact["stderr"], fact["error"])))
    return Session(
        active=fact["active"],
        missing=reported_missing(text),
        cuda_errors=[(int(code), words) for code, words in _CUDA_ERROR.findall(text)],
        load_errors=_LOAD_ERROR.findall(text),
        refused=f"Failed to create {CUDA}" in text,
        signal=fact["signal"],
        text=text,
    )
