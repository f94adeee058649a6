"""What a diagnosis is made of: findings, questions left open, the verdict and its exit code."""

from typing import Any, Dict, List, NamedTuple, Sequence

ERROR = "error"
WARNING = "warning"
INFO = "info"

#: The order that findings are told in.
SEVERITIES = (ERROR, WARNING, INFO)

HEALTHY = "healthy"
PROBLEMS = "problems"
UNDETERMINED = "undetermined"

_EXIT_CODES = {HEALTHY: 0, PROBLEMS: 1, UNDETERMINED: 3}


class Finding(NamedTuple):
    """One cause that was found; the words for it are the templates of ``cause`` in compat/causes.json.

    ``variant`` picks the templates, ``values`` fill them, ``evidence`` names facts (``ort.session``) and matrix
    rows (``builds:ID``), ``commands`` can be pasted into a shell of the diagnosed machine.
    """

    cause: str
    variant: str
    severity: str
    values: Dict[str, Any]
    evidence: List[str]
    commands: List[str]


class Undetermined(NamedTuple):
    """A question that the facts leave open, and the facts that would answer it."""

    question: str
    missing: List[str]


def verdict(findings: Sequence[Finding], undetermined: Sequence[Undetermined], strict: bool = False) -> str:
    """Return PROBLEMS, UNDETERMINED or HEALTHY; ``strict`` counts warnings as problems."""
    bad = (ERROR, WARNING) if strict else (ERROR,)
    if any(finding.severity in bad for finding in findings):
        return PROBLEMS
    return UNDETERMINED if undetermined else HEALTHY


def exit_code(outcome: str) -> int:
    """Return the exit code of a verdict: 0 healthy, 1 problems, 3 undetermined (2 is a wrong call)."""
    return _EXIT_CODES[outcome]
