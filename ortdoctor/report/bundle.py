"""The words for a bundle: what ``ortdoctor bundle`` and ``ortdoctor verify`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from ortdoctor.report.words import clean

if TYPE_CHECKING:
    from rich.console import Console

    from ortdoctor.bundle.verify import VerifyReport
    from ortdoctor.bundle.write import BundleResult


def print_written(console: Console, result: BundleResult) -> None:
    """Print what was packed, for what, and how it is proved on the target."""
    plan = result.plan
    kind = f"the archive {result.path}" if result.archive else f"the folder {result.path}"
    size = sum(entry["size"] for entry in result.manifest["files"].values())
    console.print(Text(f"Wrote {kind} ({len(result.manifest['files']) + 1} files, {size / (1 << 20):.2f} MiB)."))
    _item(console, f"Target {plan.target.id}: {plan.target.title}")
    _item(console, f"Runs on {plan.distribution} {plan.version} ({plan.availability}), {plan.expected_providers[0]}")
    for reason in plan.because:
        _item(console, reason, indent=4)
    for change in result.changes:
        _item(console, f"Model changed: {change}")
    if result.difference is not None:
        _item(console, f"Largest difference of its outputs from the original's: {result.difference:.3g}")
    if not result.changes:
        _item(console, "Model unchanged")
    _item(console, f"Golden picture: {result.detections} faces")
    if not result.detections:
        _item(console, "With no face in it, the smoke test compares raw outputs only; --image gives another picture")
    first = "unpack it, " if result.archive else ""
    console.print(Text(f"On the target: {first}install requirements.txt, then run smoke_test.py in it"))


def print_verified(console: Console, report: VerifyReport) -> None:
    """Print whether a bundle is whole, and every problem by the name of its file."""
    if report.ok:
        console.print(Text(f"{report.path} is whole: {report.checked} files agree with its manifest."))
        return
    console.print(Text(f"{report.path} is not whole:"))
    for problem in report.problems:
        where = "the bundle" if problem.file is None else clean(problem.file)
        _item(console, f"{where}: {clean(problem.text)} ({problem.kind})")


def _item(console: Console, text: str, indent: int = 2) -> None:
    console.print(Padding(Text(f"- {text}"), (0, 0, 0, indent), expand=False), highlight=False)
