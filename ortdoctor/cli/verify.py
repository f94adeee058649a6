"""``ortdoctor verify``: is a bundle whole, and does nothing in it leave its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ortdoctor.bundle.verify import verify as check_bundle
from ortdoctor.report.bundle import print_verified
from ortdoctor.report.terminal import Terminal


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle: its folder, or a .zip or .tar.gz of it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check that no file of a bundle was changed, added or lost and that nothing in it escapes its folder.

    Exit codes: 0 whole, 1 not whole, 2 wrong usage.
    """
    report = check_bundle(bundle)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2, sort_keys=True))
    else:
        print_verified(Terminal(), report)
    raise typer.Exit(0 if report.ok else 1)
