"""What every rule is given: the facts, the matrix, and what both say about the installed build."""

import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

from ortdoctor.diagnose import noise
from ortdoctor.diagnose.facts import Facts, Record
from ortdoctor.diagnose.findings import Finding, Undetermined
from ortdoctor.diagnose.installed import Installed
from ortdoctor.diagnose.machine import CUDA
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.plans import Plan

#: When, and where in ONNX Runtime's sources, a line was logged: longer than what it says, and of no use here.
_PREAMBLE = re.compile(
    r"^(?:\d{4}-\d\d-\d\d [\d:.]+ )?\[[EWF]:onnxruntime:[^\]]*\] (?:.*\[ONNXRuntimeError\] : \d+ : \w+ : )?"
)

#: What a rule answers: findings, and questions that the facts leave open.
Result = Union[Finding, Undetermined]


class Case(NamedTuple):
    """One machine under judgement."""

    facts: Facts
    matrix: Matrix
    installed: Optional[Installed]
    plan: Plan

    @property
    def names(self) -> Dict[str, Any]:
        """The distribution and version that nearly every template names."""
        return {
            "distribution": self.installed.distribution if self.installed else "onnxruntime",
            "version": self.installed.version if self.installed else None,
        }

    def session(self, name: str) -> Optional[Record]:
        """Return the recorded session ``"cpu"`` or ``"cuda"``; None where it was not tried."""
        record = self.facts.record("ort.session").get(name)
        return record if isinstance(record, dict) else None

    @property
    def cuda_works(self) -> bool:
        """Whether a session that asked for CUDA got it and ran on it."""
        session = self.session("cuda")
        return (
            session is not None and CUDA in session["active"] and not (session["error"] or session["signal"])
        )


def said(record: Optional[Record]) -> str:
    """Return all that an import or a session said: its error, its warnings, its native stderr; no harmless lines."""
    if not record:
        return ""
    parts = [record.get("error")] + list(record.get("warnings") or []) + [record.get("stderr")]
    return noise.without("\n".join(str(part) for part in parts if part))


def unknown(case: Case, keys: Sequence[str]) -> List[str]:
    """Return those of ``keys`` that the machine was not, or could not be, asked."""
    return [key for key in keys if not case.facts.known(key)]


def first_line(text: str, marks: Sequence[str] = ("rror", "ailed", "annot", "ould not")) -> str:
    """Return the line of ``text`` that says what went wrong: the first with a mark, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if any(mark in line for mark in marks):
            return _PREAMBLE.sub("", line)
    return _PREAMBLE.sub("", lines[-1]) if lines else ""
