"""``ortdoctor demo``: the main job, end to end, with a sample model of our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from ortdoctor import data
from ortdoctor.bundle.write import write_bundle
from ortdoctor.commands import machine
from ortdoctor.diagnose.judge import judge
from ortdoctor.errors import OrtDoctorError
from ortdoctor.report.bundle import print_written
from ortdoctor.report.console import print_report
from ortdoctor.report.terminal import Terminal

#: Seconds that one of the bundle's own programs may take; the sample needs about two.
_LIMIT = 300


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where the bundle and the picture go.")
    ] = Path("ortdoctor-demo"),
) -> None:
    """Check this machine, pack a sample detector for the CPU, run its smoke test, draw the faces it finds."""
    console = Terminal()
    folder = output / "bundle"
    picture = output / "faces.png"

    console.rule("1/4  This machine")
    with console.status("probing the machine"):
        document = machine.facts_document(None, None)
    print_report(console, judge(document, data.matrix()), document, data.compat_json("causes"))

    console.rule("2/4  A bundle of the sample model for the CPU")
    output.mkdir(parents=True, exist_ok=True)
    with console.status("validating and packing the model"):
        sample = data.template_path("sample/sample.onnx")
        result = write_bundle(sample, "cpu", folder, archive=False, facts=None, image=None, matrix=data.matrix())
    print_written(console, result)

    console.rule("3/4  Its smoke test")
    _run([str(folder / "smoke_test.py")], "the smoke test")

    console.rule("4/4  Faces on a picture")
    _run([str(folder / "scrfd.py"), str(folder / "golden" / "input.png"), "-o", str(picture)], "the runner")
    console.print(f"\nThe picture with the faces: {picture}", highlight=False)


def _run(script: list[str], what: str) -> None:
    """Run a program of the bundle under this interpreter, its output shown as it comes."""
    sys.stdout.flush()
    try:
        done = subprocess.run([sys.executable, *script], timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise OrtDoctorError(f"{what} of the sample bundle gave no answer within {_LIMIT} s") from None
    if done.returncode != 0:
        raise OrtDoctorError(
            f"{what} of the sample bundle was expected to end with exit code 0 and ended with {done.returncode}; "
            "what it printed above says why"
        )
