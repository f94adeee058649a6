"""A matrix, a small model and a picture, and one bundle of them that tests copy before they change it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ortdoctor.bundle.write import write_bundle
from ortdoctor.data import compat_json
from ortdoctor.diagnose.matrix import STEMS, Matrix
from tests.unit.model.made import scrfd_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    return Matrix({stem: compat_json(stem) for stem in STEMS})


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scrfd_file(tmp_path_factory.mktemp("model"), opset=12, ir=7)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import cv2

    path = tmp_path_factory.mktemp("picture") / "picture.png"
    pixels = np.random.RandomState(1).randint(0, 256, (40, 60, 3)).astype(np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, model_file: Path, picture: Path, matrix: Matrix) -> Path:
    return write_bundle(model_file, "cpu", tmp_path_factory.mktemp("bundle") / "out", image=picture, matrix=matrix).path


@pytest.fixture
def bundle(tmp_path: Path, written: Path) -> Path:
    """Return a bundle of one's own."""
    return shutil.copytree(written, tmp_path / "out")
