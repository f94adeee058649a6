"""From what was asked for to a document of facts: this interpreter, another one, a recorded box, files alone.

The command line and the one-file program both come here, so that their options mean the same.
"""

import os
import sys
from typing import Any, Dict, NamedTuple, Optional

from .collect import collect
from .context import here
from .foreign import ProbeError, collect_with


class WantedError(ValueError):
    """What was asked for cannot be looked at; ``str()`` is one sentence for people."""


class Wanted(NamedTuple):
    """What to look at: ``python`` an interpreter, ``model`` an ONNX file, ``recorded`` a document of facts.

    ``static``: by files alone; ``root`` is the folder of another Linux system, which is read so. Where onnxruntime is
    not to be ``imported``, this interpreter is only asked whether it is installed.
    """

    python: Optional[str] = None
    model: Optional[str] = None
    recorded: Optional[Dict[str, Any]] = None
    static: bool = False
    root: Optional[str] = None
    imported: bool = True


def gather(wanted: Wanted, version: str = "") -> Dict[str, Any]:
    """Return the document of docs/facts.md that ``wanted`` asks for.

    A recorded document stands for the machine. Raises :class:`WantedError` where files alone cannot be read, and
    :class:`ortdoctor.probe.foreign.ProbeError` where an interpreter gives no facts.
    """
    if wanted.recorded is not None:
        return with_model(wanted.recorded, wanted.model)
    if wanted.static or wanted.root is not None:
        return with_model(_static(wanted, version), wanted.model)
    if wanted.python is not None:
        return collect_with(wanted.python, version, model_path=wanted.model or "")
    return collect(version=version, model_path=wanted.model or "", imported=wanted.imported)


def _static(wanted: Wanted, version: str) -> Dict[str, Any]:
    """Return the document of files alone: of the root, else of this machine and the interpreter that runs this."""
    from . import static  # noqa: PLC0415 - few ask for it

    try:
        if wanted.root is not None:
            context = static.root_context(wanted.root)
            return static.collect(context, static.choose(context, wanted.python), version)
        context = here()._replace(static=True)
        if context.os != "linux":
            raise WantedError("only Linux systems can be judged by their files alone, and this is %s" % context.os)
        named = os.path.abspath(wanted.python) if wanted.python else sys.executable
        return static.collect(context, static.choose(context, named), version)
    except static.RootError as error:
        raise WantedError(str(error)) from error
    except static.NoPythonError as error:
        raise ProbeError(str(error)) from error


def with_model(document: Dict[str, Any], path: Optional[str]) -> Dict[str, Any]:
    """Return the document with what the file ``path`` says, in the place of a model that was recorded."""
    if path is None:
        return document
    from . import model  # noqa: PLC0415 - few ask for it

    facts = {key: fact for key, fact in document["facts"].items() if not key.startswith("model.")}
    return dict(document, facts=dict(facts, **model.collect(here(), path)))
