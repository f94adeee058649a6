"""What real releases of pip say that they can install."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from ortdoctor.probe.script import source_of

PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"

#: Release of pip -> the newest family of Linux wheels that it takes on a present-day glibc.
RELEASES = {
    "9.0.3": "manylinux1_",
    "10.0.1": "manylinux1_",
    "19.0.3": "manylinux2010_",
    "19.3.1": "manylinux2014_",
    "20.0.2": "manylinux2014_",
    "20.1.1": "manylinux2014_",
    "20.2.4": "manylinux2014_",
    "20.3.4": "manylinux_2_",
    "21.3.1": "manylinux_2_",
}


@pytest.mark.heavy
@pytest.mark.parametrize(("release", "family"), RELEASES.items())
def test_each_release_is_asked_in_its_own_way(release: str, family: str, tmp_path: Path) -> None:
    python = PYENV / "3.6.15" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs {python}")
    download = [
        str(python),
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(tmp_path),
        f"pip=={release}",
    ]
    subprocess.run(download, check=True, timeout=300, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))  # pip runs from its wheel
    ran = subprocess.run(
        [python, "-c", source_of("wheel_tags")],
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answer = [json.loads(line) for line in ran.stdout.splitlines()]
    assert answer[-1]["platforms"][0].startswith(family)
