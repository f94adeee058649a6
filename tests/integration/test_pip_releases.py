"""What real releases of pip say that they can install."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ortdoctor.probe.pip_tags import platforms_by_rule
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


#: Releases that are not asked but known by rule, up to what each Python can run.
BY_RULE = ("21.2.4", "21.3.1", "22.3.1", "23.3.2", "24.0", "24.3.1", "25.3", "26.0")


@pytest.mark.heavy
@pytest.mark.parametrize("release", BY_RULE)
def test_the_rule_says_what_each_release_says_under_each_python(release: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path)]
    command += ["--python-version", "3.12", "--only-binary", ":all:", f"pip=={release}"]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    env = {**os.environ, "PYTHONPATH": str(next(tmp_path.glob("*.whl")))}
    rule = platforms_by_rule(release, sysconfig.get_platform(), str(os.confstr("CS_GNU_LIBC_VERSION")).split()[-1])
    if rule is None:
        pytest.skip("needs a platform of the rule")
    compared = 0
    for python in sorted(PYENV.glob("3.*/bin/python")):
        ran = subprocess.run(
            [python, "-c", source_of("wheel_tags")], env=env, capture_output=True, text=True, check=False, timeout=120
        )
        if ran.returncode == 0:  # a release that does not run under this Python says so
            assert json.loads(ran.stdout.splitlines()[-1])["platforms"] == rule, python
            compared += 1
    assert compared or not list(PYENV.glob("3.*"))
