"""The table of all patients: printed at the end, and written beside the tests' temporary files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.ward.bed import Bed, home
from tests.ward.table import Row, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = pytest.StashKey[list[Row]]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Row]]:
    """The patients seen so far."""
    rows: list[Row] = []
    request.config.stash[TABLE] = rows
    yield rows
    path = tmp_path_factory.getbasetemp() / "ward.json"
    path.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n", encoding="utf-8")


@pytest.fixture
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    """A folder of the patient's own, removed afterwards (kept with ORTDOCTOR_WARD_KEEP=1)."""
    name = re.sub(r"[^\w.-]+", "-", request.node.callspec.id if hasattr(request.node, "callspec") else "bed")
    made = Bed(home() / "beds" / name)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(TABLE, [])
    if rows:
        terminalreporter.section("the ward")
        for line in lines(rows):
            terminalreporter.line(line)
