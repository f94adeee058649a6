"""The table of everything that was measured: printed at the end, and written beside the tests' temporary files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.loader_truth.measure import Measured

TABLE = pytest.StashKey[list["Measured"]]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Measured]]:
    """The lines measured so far."""
    lines: list[Measured] = []
    request.config.stash[TABLE] = lines
    yield lines
    rows = [{**line._asdict(), "session": line.session._asdict(), "agree": line.agree} for line in lines]
    path = tmp_path_factory.getbasetemp() / "loader-truth.json"
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(TABLE, [])
    if not lines:
        return
    terminalreporter.section("missing: matrix / loader / probe")
    for line in lines:
        counts = "/".join(str(len(names)) for names in (line.predicted, line.loader, line.probe))
        verdict = "agree" if line.agree else "DIFFER"
        said = " ".join(line.session.short.split())[:90]
        terminalreporter.line(f"{line.version:8} {line.python:5} {line.case:10} {counts:9} {verdict:6} {said}")
        for name, library in line.inherited.items():
            terminalreporter.line(f"{'':42} {name} is needed by {library} of the wheels")
        if line.session.signal:
            terminalreporter.line(f"{'':42} crashed in {', called by '.join(line.crashed_in[:3])}")
