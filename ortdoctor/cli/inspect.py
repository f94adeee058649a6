"""``ortdoctor inspect``: what an ONNX file is and which releases run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ortdoctor import data
from ortdoctor.model.inspect import graph_text
from ortdoctor.model.inspect import inspect as facts_of
from ortdoctor.model.load import load
from ortdoctor.report.model import print_model
from ortdoctor.report.terminal import Terminal


def inspect(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
    graph: Annotated[bool, typer.Option("--graph", help="Print the graph, readable, instead of the facts.")] = False,
) -> None:
    """Say what an ONNX file is: opsets, inputs and outputs, operators, releases that load it, SCRFD form."""
    loaded = load(model)
    if graph:
        typer.echo(graph_text(loaded))
        return
    facts = facts_of(loaded, data.matrix())
    if as_json:
        typer.echo(json.dumps(facts.to_json(), indent=2, sort_keys=True))
    else:
        print_model(Terminal(), facts)
