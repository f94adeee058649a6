"""What became of each patient, as a table for people and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Row(NamedTuple):
    """``diagnosed``: the cause came first (a control: no false alarm). ``cured`` is None where nothing was to cure."""

    name: str
    expected: tuple[str, ...]
    found: tuple[str, ...]
    verdict: str
    diagnosed: bool
    cured: bool | None
    how: str
    after: str
    build: float
    check: float
    fix: float
    note: str

    @property
    def control(self) -> bool:
        return not self.expected


class Table(NamedTuple):
    """The patients seen so far; ``path`` holds them as JSON, whole after each."""

    path: Path
    rows: list[Row]

    def add(self, row: Row) -> None:
        self.rows.append(row)
        text = json.dumps([row._asdict() for row in self.rows], indent=1, ensure_ascii=False)
        self.path.write_text(text + "\n", encoding="utf-8")

    def lines(self) -> list[str]:
        """Return the table for people."""
        return _lines(self.rows)


def _lines(rows: list[Row]) -> list[str]:
    """Return a line per patient, and the rates."""
    told = [f"{'patient':44} {'first finding':34} {'diagnosed':9} {'cured':6} {'how':8} build check   fix  note"]
    for row in rows:
        healed = {True: "yes", False: "NO", None: "-"}[row.cured]
        first = row.found[0] if row.found else row.verdict
        seconds = f"{row.build:5.1f} {row.check:5.1f} {row.fix:5.1f}"
        diagnosed = "yes" if row.diagnosed else "NO"
        line = f"{row.name:44} {first:34} {diagnosed:9} {healed:6} {row.how:8} {seconds}  {row.note[:100]}"
        told.append(line.rstrip())
    sick = [row for row in rows if not row.control]
    controls = [row for row in rows if row.control]
    curable = [row for row in sick if row.cured is not None]
    told.append(f"diagnosed, cause first: {sum(row.diagnosed for row in sick)} of {len(sick)}")
    cured = sum(bool(row.cured) for row in curable)
    told.append(f"cured: {cured} of {len(curable)}; by the tool alone: {_alone(curable)}")
    told.append(f"controls without a false alarm: {sum(row.diagnosed for row in controls)} of {len(controls)}")
    return told


def _alone(rows: list[Row]) -> int:
    return sum(bool(row.cured) and row.how == "fix" for row in rows)
