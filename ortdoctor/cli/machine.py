"""Where a command gets its facts from: this process, another interpreter, or a recorded file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ortdoctor import __version__
from ortdoctor.diagnose.facts import FactsDocumentError, check_document
from ortdoctor.errors import FactsError, UndeterminedError, UsageError
from ortdoctor.probe.collect import collect
from ortdoctor.probe.foreign import ProbeError, collect_with

#: A recorded machine is some 100 KB; a file beyond this is not one.
_LARGEST_RECORD = 64 << 20


def facts_document(recorded: Path | None, python: str | None) -> dict[str, Any]:
    """Return the facts document of a recorded machine, of the interpreter ``python``, or of this one."""
    if recorded is not None and python is not None:
        raise UsageError("--facts judges a recorded machine and --python probes this one: give one of them")
    if recorded is not None:
        return read_record(recorded)
    if python is not None:
        try:
            return collect_with(python, __version__)
        except ProbeError as error:
            raise UndeterminedError(str(error)) from error
    return collect(version=__version__)


def collected_again(python: str) -> dict[str, Any]:
    """Return the facts of the interpreter ``python`` as they are now."""
    if python == sys.executable:
        return collect(version=__version__)
    return collect_with(python, __version__)


def read_record(path: Path) -> dict[str, Any]:
    """Read a document that ``--save-facts`` wrote; a :class:`FactsError` says what is wrong with it."""
    try:
        if path.stat().st_size > _LARGEST_RECORD:
            raise FactsError(f"{path} was expected to be a recorded machine and is far too large for one")
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise FactsError(f"the recorded machine {path} does not exist; write one with --save-facts") from None
    except IsADirectoryError:
        raise FactsError(f"a recorded machine is a file and {path} is a folder") from None
    except (ValueError, RecursionError) as error:
        raise FactsError(f"{path} was expected to be the JSON that --save-facts writes: {error}") from error
    try:
        check_document(document)
    except FactsDocumentError as error:
        raise FactsError(f"{path}: {error}") from error
    return dict(document)


def write_record(document: dict[str, Any], path: Path) -> None:
    """Write the facts to ``path``, whole or not at all."""
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def other_environment() -> str | None:
    """Return the interpreter of an activated environment that is not the one this tool runs in, or None.

    A tool installed on its own (pipx, uv tool) sits in an environment that nobody asks about.
    """
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = os.environ.get(variable)
        if prefix and Path(prefix).resolve() != Path(sys.prefix).resolve():
            for relative in ("bin/python", "Scripts/python.exe", "python.exe"):
                if (candidate := Path(prefix) / relative).exists():
                    return str(candidate)
    return None
