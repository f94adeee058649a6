"""The command line: one file per command. A command parses, calls, prints and exits; it decides nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from ortdoctor import __version__
from ortdoctor.cli import bundle, check, demo, inspect, verify
from ortdoctor.cli.failures import guarded

app = typer.Typer(
    name="ortdoctor",
    help="Find out why ONNX Runtime does not use the GPU, and pack a model for a machine that is not yours.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ortdoctor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Diagnose, inspect, bundle and verify."""


for _command in (check, inspect, bundle, verify, demo):
    _name = _command.__name__.rpartition(".")[2]
    app.command(_name)(guarded(getattr(_command, _name)))


def main() -> None:
    """Run the command line; the entry point of the ``ortdoctor`` program."""
    app()
