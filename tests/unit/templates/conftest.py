"""Fixtures for the scripts that go into a bundle; without their libraries these tests are left out."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LACKING = [name for name in ("numpy", "onnx", "onnxruntime", "cv2") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if LACKING else []


def pytest_report_header() -> str | None:
    """Say what is left out."""
    if LACKING:
        return f"tests/unit/templates is left out, {', '.join(LACKING)} not here: pip install -e '.[cpu,dev]'"
    return None


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a whole bundle with three faces; tests copy it before they change it."""
    from tests.unit.templates import bundles

    network = bundles.Network(faces=bundles.FACES, gain=0.05)
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    return bundles.write_bundle(folder, network.model(), network.spec(), bundles.picture())
