"""``ortdoctor check``: probe a machine, judge it, print the report."""

from __future__ import annotations

from typing import Annotated

import typer

from ortdoctor.commands import check as command
from ortdoctor.report import screen


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON (docs/report.md).")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every fact, not only what is wrong.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as problems.")] = False,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="Diagnose this interpreter (3.6 or newer) instead of mine."),
    ] = None,
    facts: Annotated[
        str | None,
        typer.Option("--facts", metavar="FILE", help="Judge a recorded machine instead of this one."),
    ] = None,
    save_facts: Annotated[
        str | None,
        typer.Option("--save-facts", metavar="FILE", help="Also record this machine's facts, to judge elsewhere."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="FILE", help="Also judge whether this ONNX file runs here."),
    ] = None,
    static: Annotated[
        bool, typer.Option("--static", help="Read files only: nothing is run, imported or loaded.")
    ] = False,
    root: Annotated[
        str | None,
        typer.Option("--root", metavar="DIR", help="Judge the Linux system mounted in this folder, by its files."),
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
    asked = command.Asked(
        python=python,
        facts=facts,
        save_facts=save_facts,
        strict=strict,
        model=model,
        static=static,
        root=root,
        fix=fix,
        yes=yes,
    )

    shown = screen.printer(verbose=verbose, ascii_only=ascii_only)

    def show(checked: command.Checked) -> None:
        shown(checked.report, checked.document, checked.causes)

    checked = command.check(asked)
    if not as_json:
        show(checked)
    if fix:
        from ortdoctor.commands import fix as treatment  # noqa: PLC0415 - a check alone needs nothing of it

        checked = treatment.fix(checked, asked, lambda line: typer.echo(line, err=as_json))
        if not as_json:
            if treatment.changed(checked):
                show(checked)
            typer.echo("\n".join(treatment.lines(checked)))
    if as_json:
        typer.echo(checked.json())
    elif (said := command.hint(asked, "ortdoctor")) is not None:
        typer.echo(said, err=True)
    raise typer.Exit(checked.exit_code)
