"""The table of all patients: printed at the end, and written beside the tests' temporary files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.ward.bed import Bed, home
from tests.ward.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = pytest.StashKey[Table]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Table:
    """The patients seen so far."""
    request.config.stash[TABLE] = Table(tmp_path_factory.getbasetemp() / "ward.json", [])
    return request.config.stash[TABLE]


@pytest.fixture
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    """A folder of the patient's own, removed afterwards (kept with ORTDOCTOR_WARD_KEEP=1)."""
    name = re.sub(r"[^\w.-]+", "-", request.node.callspec.id if hasattr(request.node, "callspec") else "bed")
    made = Bed(home() / "beds" / name)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash.get(TABLE, None)
    if table is not None and table.rows:
        terminalreporter.section("the ward")
        for line in table.lines():
            terminalreporter.line(line)
