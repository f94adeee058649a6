"""The command line: one file per command. A command parses, calls, prints and exits; it decides nothing."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
import typer.core

from ortdoctor import __version__
from ortdoctor.cli.failures import guarded

#: In the order of the help. Each is a function of this name in a module of this name.
COMMANDS = ("check", "recommend", "matrix", "inspect", "bundle", "verify", "demo", "pyz")

_SETTINGS = {"help_option_names": ["-h", "--help"]}


class _OnDemand(typer.core.TyperGroup):
    """The commands, each imported when it is asked for: one does not wait for what the others need."""

    # The context and the command are click's, which typer has brought along under two names so far.
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - the group's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - the group's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ortdoctor.cli.{cmd_name}")
        single = typer.Typer(
            add_completion=False,
            rich_markup_mode="rich",
            pretty_exceptions_enable=False,
            context_settings=_SETTINGS,
        )
        single.command(cmd_name)(guarded(getattr(module, cmd_name)))
        return typer.main.get_command(single)


app = typer.Typer(
    name="ortdoctor",
    cls=_OnDemand,
    help="Find out why ONNX Runtime does not use the GPU, and pack a model for a machine that is not yours.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
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
    """Diagnose, recommend, inspect, bundle and verify."""


def main() -> None:
    """Run the command line; the entry point of the ``ortdoctor`` program."""
    app()
