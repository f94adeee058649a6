"""What a diagnosis is made of: findings, questions left open, the verdict and its exit code."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

ERROR = "error"
WARNING = "warning"
INFO = "info"

#: The order that findings are told in.
SEVERITIES = (ERROR, WARNING, INFO)

HEALTHY = "healthy"
PROBLEMS = "problems"
UNDETERMINED = "undetermined"

_EXIT_CODES = {HEALTHY: 0, PROBLEMS: 1, UNDETERMINED: 3}


class Supplier(NamedTuple):
    """Who brings a library: ``kind`` is ``wheel | package | toolkit | driver | jetpack | distribution``."""

    kind: str
    name: str


class Copy(NamedTuple):
    """A file of that library, perhaps of another version, on this machine; ``wins``: the loader takes this one."""

    path: str
    soname: str
    version: Optional[str]
    wins: bool


class Needed(NamedTuple):
    """A library that a provider needs; ``path`` is where the loader finds it, None where it does not.

    ``needed_by`` is the library that needs it (None: the provider itself), ``searched`` are the places in the
    loader's order, empty where only an error text told of it.
    """

    soname: str
    needed_by: Optional[str]
    path: Optional[str]
    searched: List[str]
    provided_by: List[Supplier]
    copies: List[Copy]


class Finding(NamedTuple):
    """One cause that was found; the words for it are the templates of ``cause`` in compat/causes.json.

    ``variant`` picks the templates, ``values`` fill them, ``evidence`` names facts (``ort.session``) and matrix
    rows (``builds:ID``), ``commands`` can be pasted into a shell of the diagnosed machine. ``under`` is the cause of
    the finding that this one is a consequence of: it is then no problem of its own and has no commands.
    ``libraries`` says what the loader does with those of a provider that does not load.
    """

    cause: str
    variant: str
    severity: str
    values: Dict[str, Any]
    evidence: List[str]
    commands: List[str]
    under: Optional[str] = None
    libraries: Sequence[Needed] = ()


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
