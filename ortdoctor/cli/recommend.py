"""``ortdoctor recommend``: which ONNX Runtime fits a machine, and why not another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ortdoctor import __version__
from ortdoctor.commands import recommend as command
from ortdoctor.diagnose.plans_described import Described
from ortdoctor.report import recommend as report

if TYPE_CHECKING:
    from ortdoctor.diagnose.plans import Recommendation


def _option(name: str, metavar: str, text: str) -> Any:  # noqa: ANN401 - typer.Option returns Any
    return typer.Option(name, metavar=metavar, help=text)


def recommend(
    as_json: Annotated[bool, typer.Option("--json", help="Print the plans as JSON (docs/recommend.md).")] = False,
    facts: Annotated[str | None, _option("--facts", "FILE", "Recommend for a recorded machine.")] = None,
    python: Annotated[
        str | None, _option("--python", "PATH", "Recommend for this interpreter; a version is taken as one.")
    ] = None,
    model: Annotated[str | None, _option("--model", "FILE", "The ONNX file that has to be loaded.")] = None,
    os: Annotated[str | None, _option("--os", "NAME", "linux, windows or macos.")] = None,
    arch: Annotated[str | None, _option("--arch", "NAME", "x86_64 or aarch64.")] = None,
    python_version: Annotated[str | None, _option("--python-version", "VERSION", "Such as 3.7 or 3.13t.")] = None,
    glibc: Annotated[str | None, _option("--glibc", "VERSION", "Such as 2.17; or musl (Alpine).")] = None,
    driver: Annotated[str | None, _option("--driver", "VERSION", "NVIDIA driver, such as 535.104.05; or none.")] = None,
    cuda: Annotated[str | None, _option("--cuda", "VERSION", "Installed CUDA toolkit, such as 10.0; or none.")] = None,
    cudnn: Annotated[str | None, _option("--cudnn", "VERSION", "Installed cuDNN, such as 7.6; or none.")] = None,
    gpu: Annotated[str | None, _option("--gpu", "CAPABILITY", "Compute capability, such as 7.5.")] = None,
    jetpack: Annotated[str | None, _option("--jetpack", "VERSION", "JetPack of a Jetson, such as 4.6.")] = None,
    wsl: Annotated[bool, typer.Option("--wsl", help="Linux under WSL 2: --driver is the one of Windows.")] = False,
) -> None:
    """Say which ONNX Runtime fits: this machine, a recorded one, or one that the options describe.

    With options, what they leave out is not known, and a plan says what it could not tell. With --facts they take
    the place of what was recorded. Exit codes: 0 a plan, 1 none, 2 wrong usage.
    """
    box = Described(os, arch, python_version, glibc, driver, cuda, cudnn, gpu, jetpack, wsl)
    found = command.recommend(box, facts, python, model)
    _print(found, as_json=as_json)
    raise typer.Exit(command.exit_code(found))


def _print(found: Recommendation, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.document(found, __version__), indent=2))
        return
    from ortdoctor.report.console import print_page  # noqa: PLC0415 - as above
    from ortdoctor.report.terminal import Terminal  # noqa: PLC0415 - JSON does not wait for it

    print_page(Terminal(), report.page(found))
