"""What ``recommend`` does, whichever command line asked: plans for this machine, a recorded or a described one."""

from typing import Any, Dict, Optional

from ortdoctor import data
from ortdoctor.diagnose import plans
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.plans_described import Described, DescriptionError, described, document, is_python_version
from ortdoctor.diagnose.plans_model import ModelNeeds
from ortdoctor.errors import UsageError


def recommend(
    box: Described, facts: Optional[str], python: Optional[str], model: Optional[ModelNeeds] = None
) -> plans.Recommendation:
    """Return what fits the machine that the options name; ``python`` is the path of an interpreter or a version.

    With something in ``box``, what it leaves out is not known; over recorded ``facts`` it takes their place.
    """
    if python is not None and is_python_version(python):
        if box.python is not None:
            raise UsageError("--python gives a version, and --python-version too: give one of them")
        python, box = None, box._replace(python=python)
    return plans.recommend(Facts(_document(box, facts, python)), data.matrix(), model)


def exit_code(found: plans.Recommendation) -> int:
    """Return 0 where there is a plan, else 1."""
    return 0 if found.plans else 1


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
