"""What ``check`` was asked for, and what came of it."""

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from ortdoctor import __version__
from ortdoctor.diagnose.findings import exit_code

if TYPE_CHECKING:
    from ortdoctor.diagnose.judge import Report
    from ortdoctor.treat.treatment import Treatment


class Asked(NamedTuple):
    """What the options ask for; None: not given."""

    python: Optional[str] = None
    facts: Optional[str] = None
    save_facts: Optional[str] = None
    strict: bool = False
    model: Optional[str] = None
    static: bool = False
    root: Optional[str] = None
    fix: bool = False
    yes: bool = False


class Checked(NamedTuple):
    """A judgement, the facts that it is about, and the rows of compat/causes.json that have the words.

    ``treatment`` is what ``--fix`` did before.
    """

    report: "Report"
    document: Dict[str, Any]
    causes: List[Dict[str, Any]]
    treatment: "Optional[Treatment]" = None

    @property
    def exit_code(self) -> int:
        """The exit code of the verdict: 0 healthy, 1 problems, 3 undetermined."""
        return exit_code(self.report.verdict)

    def json(self) -> str:
        """Return the document of docs/report.md as text."""
        from ortdoctor.report import json as json_report  # noqa: PLC0415 - people get text

        whole = json_report.document(self.report, self.document, self.causes, __version__, self.treatment)
        return json_report.dumps(whole)
