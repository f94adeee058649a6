"""``ortdoctor check``: probe a machine, judge it, print the report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ortdoctor import __version__, data
from ortdoctor.cli import machine
from ortdoctor.diagnose.findings import exit_code
from ortdoctor.diagnose.judge import Report, judge
from ortdoctor.errors import UsageError
from ortdoctor.report import json as json_report
from ortdoctor.report import treatment as treatment_report
from ortdoctor.report.console import print_report
from ortdoctor.treat.session import Proposal, Talk, misuse, treat

if TYPE_CHECKING:
    from ortdoctor.treat.treatment import Treatment


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON (docs/report.md).")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every fact, not only what is wrong.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as problems.")] = False,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="Diagnose this interpreter (3.6 or newer) instead of mine."),
    ] = None,
    facts: Annotated[
        Path | None,
        typer.Option("--facts", metavar="FILE", help="Judge a recorded machine instead of this one."),
    ] = None,
    save_facts: Annotated[
        Path | None,
        typer.Option("--save-facts", metavar="FILE", help="Also record this machine's facts, to judge elsewhere."),
    ] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Print ASCII only.")] = False,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Show the commands of the cure, ask, run them, check again (docs/fix.md)."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: agree beforehand.")] = False,
) -> None:
    """Check this machine: driver, CUDA, cuDNN, Python and ONNX Runtime, the true cause of what is wrong, the cure.

    With --fix the cure is run in that environment, and the exit code is that of the check afterwards.

    Exit codes: 0 healthy, 1 problems, 2 wrong usage, 3 could not determine.
    """
    wrong = misuse(fix=fix, yes=yes, recorded=facts is not None, terminal=sys.stdin.isatty())
    if wrong is not None:
        raise UsageError(wrong)
    document = machine.facts_document(facts, python)
    if save_facts is not None:
        machine.write_record(document, save_facts)
    causes = data.compat_json("causes")
    console = Console()

    def show(report: Report, document: dict[str, Any]) -> None:
        print_report(console, report, document, causes, verbose=verbose, ascii_only=ascii_only)

    report, treatment = judge(document, data.matrix(), strict=strict), None
    if fix:
        if not as_json:
            show(report, document)
        treatment = _treated(document, strict=strict, yes=yes, quiet=as_json)
        report, document = treatment.after.report, treatment.after.document
    if as_json:
        typer.echo(json_report.dumps(json_report.document(report, document, causes, __version__, treatment)))
    else:
        if treatment is None or treatment.rounds:
            show(report, document)
        for line in treatment_report.lines(treatment, causes) if treatment else []:
            typer.echo(line)
        if facts is None and python is None and (other := machine.other_environment()):
            typer.echo(
                f"This is the environment of {sys.executable}; the activated one is another: "
                f"ortdoctor check --python {other}",
                err=True,
            )
    raise typer.Exit(exit_code(report.verdict))


def _treated(document: dict[str, Any], *, strict: bool, yes: bool, quiet: bool) -> Treatment:
    """Treat the environment of ``document``; what goes on is shown on stderr where the report is for programs."""
    causes = data.compat_json("causes")

    def tell(line: str) -> None:
        typer.echo(line, err=quiet)

    def ask(proposal: Proposal) -> bool:
        tell("")
        for line in treatment_report.proposal(proposal, causes):
            tell(line)
        return yes or typer.confirm(treatment_report.QUESTION, err=quiet)

    return treat(document, data.matrix(), Talk(ask, tell, machine.collected_again), strict=strict)
