from functools import partial
from pathlib import Path

import pytest

from .boxes import Box, lay_out


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Lay out a machine's files below a fresh folder: ``box(files, env=.., system=.., arch=..)``."""
    return partial(lay_out, tmp_path / "box")
