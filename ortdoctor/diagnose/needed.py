"""The facts without which no machine is called healthy, unless files alone were to be looked at."""

from typing import List

from ortdoctor.diagnose import machine
from ortdoctor.diagnose.facts import FOUND, Facts

#: On every machine: it imports, a session runs on the CPU, and the folder holds the files of known distributions.
ALWAYS = ("ort.import", "ort.session", "ort.distributions")

#: What tells a build for CUDA from one for the CPU.
BUILD = ("ort.available_providers", "ort.provider_libraries")


def missing(facts: Facts) -> List[str]:
    """Return the facts that a verdict of healthy needs here and that were not found or not asked; ``[]``: none.

    Where a session runs on CUDA nothing more is needed: it shows that driver and libraries work. Elsewhere it must
    be known whether there is an NVIDIA driver (:func:`ortdoctor.diagnose.machine.has_driver`).
    """
    lacking = [key for key in ALWAYS if not facts.known(key)]
    if not any(facts.state(key) == FOUND for key in BUILD):
        lacking += BUILD
    cuda = facts.record("ort.session").get("cuda") or {}
    works = machine.CUDA in (cuda.get("active") or []) and not (cuda.get("error") or cuda.get("signal"))
    if not works and machine.has_driver(facts) is None:
        lacking += [key for key in machine.DRIVER_FACTS if not facts.known(key)] or machine.DRIVER_FACTS
    return lacking
