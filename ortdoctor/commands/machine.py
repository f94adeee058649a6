"""Where a command gets its facts from: this process, another interpreter, or a recorded file."""

import json
import os
import sys
from typing import Any, Dict, Optional

from ortdoctor import __version__
from ortdoctor.errors import FactsError, UndeterminedError, UsageError

#: A recorded machine is some 100 KB; a file beyond this is not one.
_LARGEST_RECORD = 64 << 20


def facts_document(
    recorded: Optional[str],
    python: Optional[str],
    model: Optional[str] = None,
    *,
    static: bool = False,
    root: Optional[str] = None,
    imported: bool = True
) -> Dict[str, Any]:
    """Return the facts document of a recorded machine, of the interpreter ``python``, or of this one.

    ``model`` is an ONNX file whose facts belong to it, too; ``static``, ``root`` and ``imported`` are those of
    gather.Wanted.
    """
    if recorded is not None and (static or root is not None):
        raise UsageError("--facts judges a recorded machine; --static and --root read one: give one of them")
    if recorded is not None and python is not None:
        raise UsageError("--facts judges a recorded machine and --python probes this one: give one of them")
    document = None if recorded is None else read_record(recorded)
    if document is not None and model is None:
        return document
    # A recorded machine needs no probe, and what is imported here is most of the time that reading one takes.
    from ortdoctor.probe.foreign import ProbeError  # noqa: PLC0415 - as above
    from ortdoctor.probe.gather import Wanted, WantedError, gather  # noqa: PLC0415 - as above

    try:
        return gather(Wanted(python, model, document, static, root, imported), __version__)
    except WantedError as error:
        raise UsageError(str(error)) from error
    except ProbeError as error:
        raise UndeterminedError(str(error)) from error


def read_record(path: str) -> Dict[str, Any]:
    """Read a document that ``--save-facts`` wrote; a :class:`FactsError` says what is wrong with it."""
    from ortdoctor.diagnose.facts import FactsDocumentError, check_document  # noqa: PLC0415 - the probe starts first

    try:
        if os.stat(path).st_size > _LARGEST_RECORD:
            raise FactsError("%s was expected to be a recorded machine and is far too large for one" % path)
        with open(path, encoding="utf-8-sig") as stream:
            document = json.load(stream)
    except FileNotFoundError:
        raise FactsError("the recorded machine %s does not exist; write one with --save-facts" % path) from None
    except IsADirectoryError:
        raise FactsError("a recorded machine is a file and %s is a folder" % path) from None
    except (ValueError, RecursionError) as error:
        raise FactsError("%s was expected to be the JSON that --save-facts writes: %s" % (path, error)) from error
    try:
        check_document(document)
    except FactsDocumentError as error:
        raise FactsError("%s: %s" % (path, error)) from error
    return dict(document)


def write_record(document: Dict[str, Any], path: str) -> None:
    """Write the facts to ``path``, whole or not at all."""
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    folder, name = os.path.split(path)
    partial = os.path.join(folder, ".%s.%d.partial" % (name, os.getpid()))
    try:
        # A path that the system gave in bytes that are no text stands in a fact as lone surrogates.
        with open(partial, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


def other_environment() -> Optional[str]:
    """Return the interpreter of an activated environment that is not the one this tool runs in, or None.

    A tool installed on its own (pipx, uv tool) sits in an environment that nobody asks about.
    """
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = os.environ.get(variable)
        if prefix and os.path.realpath(prefix) != os.path.realpath(sys.prefix):
            for relative in ("bin/python", "Scripts/python.exe", "python.exe"):
                candidate = os.path.join(prefix, *relative.split("/"))
                if os.path.exists(candidate):
                    return candidate
    return None
