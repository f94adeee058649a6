"""What became of a treatment, as values: what the report and the JSON tell of it."""

from typing import Any, Dict, List, NamedTuple, Optional

from ortdoctor.diagnose.judge import Report
from ortdoctor.treat.steps import Step

#: How a round ended.
DONE = "done"
DECLINED = "declined"
REFUSED = "refused"
FAILED = "failed"
INTERRUPTED = "interrupted"
WORSE = "worse"
NO_BETTER = "no better"


class Did(NamedTuple):
    """A step that was run: ``exit`` is None where it could not start or was stopped; ``tail`` the end of its output."""

    step: Step
    exit: Optional[int]
    seconds: float
    tail: List[str]
    error: Optional[str] = None

    @property
    def ok(self) -> bool:
        """Whether it went through."""
        return self.exit == 0


class Round(NamedTuple):
    """One remedy: the cause that it is for, its steps, what was run, how it ended.

    ``error`` is a sentence on what stopped it. ``differs``: where the environment was put back, what is still not as
    it was (``[]``: nothing); None where there was no need to. ``kept`` are files of the user's, where they are now.
    """

    cause: str
    steps: List[Step]
    did: List[Did]
    outcome: str
    error: Optional[str] = None
    differs: Optional[List[str]] = None
    kept: List[str] = []


class Side(NamedTuple):
    """The environment at one time: what was judged and every distribution in it by version."""

    python: str
    report: Report
    document: Dict[str, Any]
    distributions: Dict[str, str]


class Treatment(NamedTuple):
    """Before, the rounds, after; ``yours`` are the steps that nobody but the user can take.

    ``recovered`` tells of an earlier treatment that was interrupted: what still differs (None: there was none).
    """

    before: Side
    rounds: List[Round]
    after: Side
    yours: List[Step]
    recovered: Optional[List[str]] = None

    @property
    def outcome(self) -> str:
        """``nothing_to_do``, ``cured`` (no error is left), ``changed`` (something is), or how the last round ended."""
        if not self.rounds or not any(row.did or row.outcome != DONE for row in self.rounds):
            return "nothing_to_do"
        last = self.rounds[-1].outcome
        if last != DONE:
            return last
        left = [row for row in self.after.report.findings if row.severity == "error"]
        return "changed" if left else "cured"


def document(treatment: Treatment) -> Dict[str, Any]:
    """Return the treatment as JSON values (docs/fix.md)."""
    return {
        "outcome": treatment.outcome,
        "recovered": treatment.recovered,
        "before": _side(treatment.before),
        "rounds": [_round(row) for row in treatment.rounds],
        "after": _side(treatment.after),
        "changes": changes(treatment.before.distributions, treatment.after.distributions),
        "yours": [{"command": step.command, "why": step.why} for step in treatment.yours],
    }


def changes(before: Dict[str, str], after: Dict[str, str]) -> List[Dict[str, Optional[str]]]:
    """Return the distributions that came, went or are of another version now, by name."""
    return [
        {"name": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]


def _side(side: Side) -> Dict[str, Any]:
    return {
        "python": side.python,
        "verdict": side.report.verdict,
        "findings": [row.cause for row in side.report.findings],
        "distributions": side.distributions,
    }


def _round(row: Round) -> Dict[str, Any]:
    return {
        "cause": row.cause,
        "outcome": row.outcome,
        "error": row.error,
        "steps": [{"command": step.command, "kind": step.kind, "why": step.why} for step in row.steps],
        "ran": [
            {
                "command": did.step.command,
                "exit": did.exit,
                "seconds": round(did.seconds, 1),
                "error": did.error,
                "output": [] if did.ok else did.tail,
            }
            for did in row.did
        ],
        "restored": None if row.differs is None else not row.differs,
        "differs": row.differs or [],
        "kept": row.kept,
    }
