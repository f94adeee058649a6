"""From what was asked for to a document of facts: this interpreter, another one, a recorded box, files alone.

The command line and the one-file program both come here, so that their options mean the same.
"""

from typing import Any, Dict, NamedTuple, Optional

from . import model
from .collect import collect
from .context import here
from .foreign import collect_with


class WantedError(ValueError):
    """What was asked for contradicts itself; ``str()`` is one sentence for people."""


class Wanted(NamedTuple):
    """What to look at: ``python`` an interpreter, ``model`` an ONNX file, ``recorded`` a document of facts."""

    python: Optional[str] = None
    model: Optional[str] = None
    recorded: Optional[Dict[str, Any]] = None


def gather(wanted: Wanted, version: str = "") -> Dict[str, Any]:
    """Return the document of docs/facts.md that ``wanted`` asks for.

    Raises :class:`WantedError` where the wishes contradict each other, and
    :class:`ortdoctor.probe.foreign.ProbeError` where an interpreter gives no facts.
    """
    if wanted.recorded is not None:
        if wanted.python is not None:
            raise WantedError("--facts judges a recorded machine and --python probes this one: give one of them")
        return with_model(wanted.recorded, wanted.model)
    if wanted.python is not None:
        return collect_with(wanted.python, version, model_path=wanted.model or "")
    return collect(version=version, model_path=wanted.model or "")


def with_model(document: Dict[str, Any], path: Optional[str]) -> Dict[str, Any]:
    """Return the document with what the file ``path`` says, in the place of a model that was recorded."""
    if path is None:
        return document
    facts = {key: fact for key, fact in document["facts"].items() if not key.startswith("model.")}
    return dict(document, facts=dict(facts, **model.collect(here(), path)))
