"""``ortdoctor bundle``: pack a model, its runner and a smoke test for a target."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ortdoctor import data
from ortdoctor.bundle.write import write_bundle
from ortdoctor.commands import machine
from ortdoctor.report.bundle import print_written
from ortdoctor.report.terminal import Terminal


def bundle(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An SCRFD face detector, an ONNX file.")],
    target: Annotated[str, typer.Option("--target", "-t", metavar="ID", help="It is to run on cpu, host or cuda10.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="What to write; default MODEL-TARGET. A name that ends in .zip or .tar.gz is an archive.",
        ),
    ] = None,
    archive: Annotated[bool, typer.Option("--archive", help="Write one file, DIR.zip, instead of a folder.")] = False,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="The picture to take the golden data from; default: a drawing."),
    ] = None,
) -> None:
    """Validate a model and pack it with a runner, golden data and a smoke test that runs on the target."""
    folder = output if output is not None else Path(f"{model.stem}-{target}")
    facts = machine.facts_document(None, None) if target == "host" else None
    result = write_bundle(model, target, folder, archive=archive, facts=facts, image=image, matrix=data.matrix())
    print_written(Terminal(), result)
