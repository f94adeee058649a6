"""Other CPythons at hand, for tests on the floor; a test skips, with the reason, where one is absent."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest


@cache
def find(version: str) -> str | None:
    """Return an interpreter of ``version`` ("3.6"): on PATH, or among pyenv's; None where there is none."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python{version}")]
    candidates += [str(path / "bin" / "python") for path in sorted(root.glob(f"{version}.*"), reverse=True)]
    for candidate in filter(None, candidates):
        program = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            done = subprocess.run([candidate, "-c", program], capture_output=True, text=True, timeout=30, check=False)
        except OSError:
            continue
        if done.stdout.strip() == version:
            return candidate
    return None


def interpreter(version: str) -> str:
    """Return an interpreter of ``version``, or skip the test that asks."""
    found = find(version)
    if found is None:
        pytest.skip(f"no Python {version} on PATH or under the pyenv root")
    return found
