"""``ortdoctor pyz``: write the zipapp, one file to be copied to a machine that has nothing but a Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ortdoctor.bundle.zipapp import write_zipapp


def pyz(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="What to write; an earlier one is replaced.")
    ] = Path("ortdoctor.pyz"),
    bytecode: Annotated[
        bool,
        typer.Option("--bytecode", help="Carry bytecode, too: it starts faster under the Python version of this one."),
    ] = False,
) -> None:
    """Write check, recommend and matrix as one file that needs nothing but a Python 3.6 or newer (docs/pyz.md)."""
    size = write_zipapp(output, bytecode=bytecode)
    typer.echo(f"Wrote {output} ({size / 1024:.0f} KiB). On the machine: python3 {output.name} check")
