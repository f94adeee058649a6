"""What ``recommend`` does, whichever command line asked: plans for this machine, a recorded or a described one."""

from typing import Any, Dict, Optional

from ortdoctor import data
from ortdoctor.diagnose import plans
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.plans_described import Described, DescriptionError, described, document, is_python_version
from ortdoctor.diagnose.plans_model import ModelNeeds, needs_of
from ortdoctor.errors import ModelError, UsageError


def recommend(
    box: Described, facts: Optional[str], python: Optional[str], model: Optional[str] = None
) -> plans.Recommendation:
    """Return what fits the machine that the options name; ``python`` is the path of an interpreter or a version.

    ``model`` is the file that has to be loaded; a :class:`ModelError` says what is wrong with it. With something in
    ``box``, what it leaves out is not known; over recorded ``facts`` it takes their place.
    """
    if python is not None and is_python_version(python):
        if box.python is not None:
            raise UsageError("--python gives a version, and --python-version too: give one of them")
        python, box = None, box._replace(python=python)
    needs = None if model is None else _needs(model)
    return plans.recommend(Facts(_document(box, facts, python)), data.matrix(), needs)


def exit_code(found: plans.Recommendation) -> int:
    """Return 0 where there is a plan, else 1."""
    return 0 if found.plans else 1


def _needs(path: str) -> ModelNeeds:
    from ortdoctor.probe import model  # noqa: PLC0415 - most calls name none
    from ortdoctor.probe.context import here  # noqa: PLC0415 - as above

    facts = model.collect(here(), path)
    file, content = facts["model.file"]["value"], facts.get("model.content", facts["model.file"])
    if content["value"] is None or file is None or file["code"]:
        problem = file["problem"] if file else facts["model.file"]["error"]
        raise ModelError("the model %s %s" % (path, problem))
    return needs_of(content["value"])


def _document(box: Described, recorded: Optional[str], python: Optional[str]) -> Dict[str, Any]:
    try:
        said = described(box, data.matrix())
    except DescriptionError as error:
        raise UsageError(str(error)) from error
    if said and recorded is None:
        if python is not None:
            raise UsageError("--python probes an interpreter here, and the options describe another machine")
        return document(said)
    from ortdoctor.commands import machine  # noqa: PLC0415 - a described machine needs no probe

    probed = machine.facts_document(recorded, python, imported=False)
    return document(said, probed) if said else probed
