"""The report in colour, by rich; the same content as :mod:`ortdoctor.report.text`. NO_COLOR is rich's to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from ortdoctor.diagnose.findings import ERROR, INFO, WARNING
from ortdoctor.report.sections import OK, OPEN, sheet
from ortdoctor.report.text import ASCII_BULLETS, ASCII_MARKS, BULLETS, MARKS, encodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ortdoctor.diagnose.judge import Report
    from ortdoctor.report.recommend import Text as Written
    from ortdoctor.report.sections import Line

_STYLES = {OK: "green", WARNING: "yellow", ERROR: "bold red", OPEN: "magenta", INFO: "cyan"}


def print_report(
    console: Console,
    report: Report,
    document: dict[str, Any],
    causes: Sequence[dict[str, Any]],
    *,
    verbose: bool = False,
    ascii_only: bool = False,
) -> None:
    """Print the report on ``console``; in ASCII where asked for, or where its encoding has no marks."""
    ascii_only = ascii_only or not encodes(console.encoding)
    marks, bullets = (ASCII_MARKS, ASCII_BULLETS) if ascii_only else (MARKS, BULLETS)
    whole = sheet(report, document, causes, verbose)

    def show(text: Text, indent: int = 0, *, wrap: bool = True) -> None:
        if ascii_only:
            text = Text(text.plain.encode("ascii", "backslashreplace").decode("ascii"), spans=text.spans)
        console.print(
            Padding(text, (0, 0, 0, indent), expand=False) if wrap else text,
            soft_wrap=not wrap,
            highlight=False,
        )

    def body(line: Line, indent: int) -> None:
        for detail in filter(None, [*line.details, line.remedy]):
            show(Text(detail), indent)
        for command in line.commands:
            # Not wrapped: a command has to survive being copied.
            show(Text(" " * (indent + 2) + command, style="bold"), wrap=False)
        for entry in line.table:
            show(Text(f"- {entry}", style="dim"), indent)

    for finding in whole.findings:
        show(Text.assemble((marks[finding.mark], _STYLES[finding.mark]), " ", (finding.text, "bold")))
        body(finding, 4)
        for below in finding.below:
            show(Text.assemble((bullets[below.mark], _STYLES[below.mark]), " ", below.text), 4)
            body(below, 6)
        console.print()
    for section in whole.sections:
        head = Text.assemble((marks[section.mark], _STYLES[section.mark]), " ", (section.title, "bold"))
        show(head.append(f" ({section.summary})"))
        for line in section.lines:
            show(Text.assemble((bullets[line.mark], _STYLES[line.mark]), " ", line.text), 4)
            body(line, 6)
        for fact in section.facts:
            show(Text(f"- {fact}", style="dim"), 4)
    if whole.plan is not None:
        console.print()
        show(Text.assemble("What fits this machine: ", (whole.plan.text, "bold")))
        body(whole.plan, 4)
    console.print()
    show(Text.assemble((marks[whole.mark], _STYLES[whole.mark]), " ", whole.verdict))


def print_page(console: Console, lines: Sequence[Written]) -> None:
    """Print what ``recommend`` says: :func:`ortdoctor.report.recommend.page`."""
    for line in lines:
        style = "bold" if line.strong else None
        # Not wrapped: a command has to survive being copied.
        console.print(line.text, style=style, highlight=False, markup=False, soft_wrap=True)
