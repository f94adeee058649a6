"""``ortdoctor matrix``: the compatibility table, and one release with its evidence."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ortdoctor import data
from ortdoctor.errors import UsageError
from ortdoctor.report import matrix as report


def matrix(
    action: Annotated[str | None, typer.Argument(metavar="explain", help="explain: show one release.")] = None,
    version: Annotated[str | None, typer.Argument(metavar="VERSION", help="The release, such as 1.22.0.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Show which release takes which opset, CUDA, cuDNN and Python, and whether it is still to be had.

    ``ortdoctor matrix explain VERSION`` shows one release, each row with its evidence.
    """
    if as_json + as_csv + as_markdown > 1:
        raise UsageError("--json, --csv and --markdown exclude each other: give one of them")
    if action is not None:
        typer.echo(_explained(action, version, as_json=as_json, tabular=as_csv or as_markdown), nl=False)
        return
    rows = data.matrix()
    if as_json:
        typer.echo(json.dumps(report.document(rows), indent=2))
    else:
        form = report.as_csv if as_csv else report.as_markdown if as_markdown else report.as_text
        typer.echo(form(rows), nl=False)


def _explained(action: str, version: str | None, *, as_json: bool, tabular: bool) -> str:
    if action != "explain" or version is None:
        raise UsageError(f"expected: ortdoctor matrix explain VERSION; found: {action} {version or ''}".rstrip())
    if tabular:
        raise UsageError("a release is explained as text or with --json; --csv and --markdown are for the table")
    known = data.matrix()
    whole = report.explained(known, version)
    if whole is None:
        newest = known.releases()[-1].version
        raise UsageError(f"the matrix knows no release {version!r}; ortdoctor matrix lists those up to {newest}")
    return json.dumps(whole, indent=2) + "\n" if as_json else report.explanation(whole)
