"""Fixtures for the scripts that go into a bundle; without their libraries these tests are skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.templates import bundles

if TYPE_CHECKING:
    from pathlib import Path

for needed in ("numpy", "onnx", "onnxruntime", "cv2"):
    pytest.importorskip(needed, reason=f"the runner's tests need {needed}: pip install -e '.[cpu,dev]'")


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle with three faces; tests copy it before they change it."""
    network = bundles.Network(faces=bundles.FACES, gain=0.05)
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    return bundles.write_bundle(folder, network.model(), network.spec(), bundles.picture())
