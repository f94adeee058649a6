"""``ortdoctor check``: probe a machine, judge it, print the report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ortdoctor import __version__, data
from ortdoctor.cli import machine
from ortdoctor.diagnose.findings import exit_code
from ortdoctor.diagnose.judge import judge
from ortdoctor.report import json as json_report
from ortdoctor.report.console import print_report


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
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="FILE", help="Also judge whether this ONNX file runs here."),
    ] = None,
    static: Annotated[
        bool, typer.Option("--static", help="Read files only: nothing is run, imported or loaded.")
    ] = False,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="Judge the Linux system mounted in this folder, by its files."),
    ] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Print ASCII only.")] = False,
) -> None:
    """Check this machine: driver, CUDA, cuDNN, Python and ONNX Runtime, the true cause of what is wrong, the cure.

    Exit codes: 0 healthy, 1 problems, 2 wrong usage, 3 could not determine.
    """
    document = machine.facts_document(facts, python, model=model, static=static, root=root)
    if save_facts is not None:
        machine.write_record(document, save_facts)
    report = judge(document, data.matrix(), strict=strict)
    causes = data.compat_json("causes")
    if as_json:
        typer.echo(json_report.dumps(json_report.document(report, document, causes, __version__)))
    else:
        print_report(Console(), report, document, causes, verbose=verbose, ascii_only=ascii_only)
        if facts is None and python is None and root is None and (other := machine.other_environment()):
            typer.echo(
                f"This is the environment of {sys.executable}; the activated one is another: "
                f"ortdoctor check --python {other}",
                err=True,
            )
    raise typer.Exit(exit_code(report.verdict))
