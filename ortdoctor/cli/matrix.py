"""``ortdoctor matrix``: the compatibility table, and one release with its evidence."""

from __future__ import annotations

from typing import Annotated

import typer

from ortdoctor.commands import matrix as command


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
    said = command.matrix(action, version, as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
    typer.echo(said, nl=False)
