"""The report as plain text, in the manner of ``flutter doctor``: standard library only, for any terminal."""

import textwrap
from typing import Any, Dict, List, Optional, Sequence

from ortdoctor.diagnose.findings import ERROR, INFO, WARNING
from ortdoctor.diagnose.judge import Report
from ortdoctor.report.sections import OK, OPEN, Line, Section, Sheet, sheet

MARKS = {OK: "[\u2713]", WARNING: "[!]", ERROR: "[\u2717]", OPEN: "[?]", INFO: "[i]"}
ASCII_MARKS = {OK: "[OK]", WARNING: "[!]", ERROR: "[X]", OPEN: "[?]", INFO: "[i]"}

BULLETS = {OK: "\u2713", WARNING: "!", ERROR: "\u2717", OPEN: "?", INFO: "i"}
ASCII_BULLETS = {OK: "+", WARNING: "!", ERROR: "X", OPEN: "?", INFO: "i"}

_WIDTH = 100
_INDENT = "    "


def render(
    report: Report,
    document: Dict[str, Any],
    causes: Sequence[Dict[str, Any]],
    verbose: bool = False,
    ascii_only: bool = False,
) -> str:
    """Return the report as text that ends in a line end.

    ``causes`` are the rows of compat/causes.json. With ``ascii_only`` nothing else is in it; see :func:`encodes`.
    """
    lines = _sheet(sheet(report, document, causes, verbose), ASCII_MARKS if ascii_only else MARKS, ascii_only)
    text = "\n".join(lines) + "\n"
    return text.encode("ascii", "backslashreplace").decode("ascii") if ascii_only else text


def encodes(encoding: Optional[str]) -> bool:
    """Return whether a stream of this encoding can show the marks."""
    try:
        "".join(MARKS.values()).encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def _sheet(whole: Sheet, marks: Dict[str, str], ascii_only: bool) -> List[str]:
    bullets = ASCII_BULLETS if ascii_only else BULLETS
    lines: List[str] = []
    for line in whole.findings:
        lines += [*_finding(line, marks, bullets), ""]
    for section in whole.sections:
        lines += _section(section, marks, bullets)
    if whole.plan is not None:
        lines += ["", "What fits this machine: " + whole.plan.text]
        lines += _body(whole.plan, _INDENT)
    return [*lines, "", "%s %s" % (marks[whole.mark], whole.verdict)]


def _finding(line: Line, marks: Dict[str, str], bullets: Dict[str, str]) -> List[str]:
    lines = _wrapped("%s %s" % (marks[line.mark], line.text), "", _INDENT) + _body(line, _INDENT)
    for below in line.below:
        lines += _wrapped("%s %s" % (bullets[below.mark], below.text), _INDENT, "  ")
        lines += _body(below, _INDENT + "  ")
    return lines


def _section(section: Section, marks: Dict[str, str], bullets: Dict[str, str]) -> List[str]:
    lines = ["%s %s (%s)" % (marks[section.mark], section.title, section.summary)]
    for line in section.lines:
        lines += _wrapped("%s %s" % (bullets[line.mark], line.text), _INDENT, "  ")
        lines += _body(line, _INDENT + "  ")
    for fact in section.facts:
        lines += _wrapped("- " + fact, _INDENT, "  ")
    return lines


def _body(line: Line, indent: str) -> List[str]:
    lines: List[str] = []
    for text in [*line.details, line.remedy]:
        lines += _wrapped(text, indent, "") if text else []
    # A command is never wrapped: it has to survive being pasted.
    lines += [indent + "  " + command for command in line.commands]
    for entry in line.table:
        lines += _wrapped("- " + entry, indent, "  ")
    return lines


def _wrapped(text: str, indent: str, hanging: str) -> List[str]:
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
