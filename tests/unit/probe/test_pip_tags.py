import os
import subprocess
import sys
from pathlib import Path

import pytest

from ortdoctor.probe import pip_tags
from ortdoctor.probe.context import Context

from .boxes import Box

OLD_HOME = "_internal/pep425tags.py"
NEW_HOME = "_internal/utils/compatibility_tags.py"
TUPLES = "def get_supported():\n    return [('cp36', 'cp36m', name) for name in {}] + [('py3', 'none', 'any')]\n"
TAGS = (
    "class Tag:\n    def __init__(self, name): self.platform = name\n"
    "def get_supported():\n    return [Tag(name) for name in {}] + [Tag('any')]\n"
)


def _pip(box: Box, folder: Path, home: str, tags: str, says: str = "pip 19.3.1 from /x/pip (python 3.6)") -> Context:
    """Put a package ``pip`` before the real one: it prints ``says`` and keeps ``tags`` at ``home``."""
    pip = folder / "pip"
    for part in (pip, pip / "_internal", pip / "_internal" / "utils"):
        part.mkdir(parents=True)
        (part / "__init__.py").touch()
    (pip / "__main__.py").write_text(f"print({says!r})\n")
    (pip / home).write_text(tags)
    return box(env={**os.environ, "PYTHONPATH": str(folder)})._replace(root="")


@pytest.mark.parametrize(
    ("home", "tags", "platforms", "families"),
    [
        ("pep425tags.py", TUPLES, ["manylinux1_x86_64", "linux_x86_64"], set()),
        (OLD_HOME, TUPLES, ["manylinux2014_x86_64", "manylinux1_x86_64"], {"manylinux2014"}),
        (NEW_HOME, TAGS, ["manylinux_2_31_x86_64", "manylinux_2_17_x86_64"], {"manylinux2014"}),
        (NEW_HOME, TAGS, ["manylinux_2_28_aarch64", "manylinux2014_aarch64"], {"manylinux2014", "manylinux_2_28"}),
        (NEW_HOME, TAGS, ["musllinux_1_2_x86_64", "linux_x86_64"], {"musllinux"}),
        (NEW_HOME, TAGS, ["win_amd64"], set()),
    ],
)
def test_pips_own_list_is_asked(
    box: Box, tmp_path: Path, *, home: str, tags: str, platforms: list[str], families: set[str]
) -> None:
    facts = pip_tags.collect(_pip(box, tmp_path / "site", home, tags.format(platforms)))
    assert facts["python.pip"]["value"] == {"version": "19.3.1", "path": "/x/pip"}
    assert facts["python.wheel_tags"]["value"] == {
        "platforms": platforms,
        **{name: name in families for name in ("manylinux2014", "manylinux_2_28", "musllinux")},
    }
    assert facts["python.wheel_tags"]["source"].endswith("get_supported()")


def test_a_pip_that_keeps_its_list_elsewhere(box: Box, tmp_path: Path) -> None:
    facts = pip_tags.collect(_pip(box, tmp_path / "site", "_internal/moved.py", TAGS.format([])))
    assert "keeps its list of tags where no known release does" in facts["python.wheel_tags"]["error"]
    assert facts["python.pip"]["value"]["version"] == "19.3.1"


def test_a_pip_that_breaks_down(box: Box, tmp_path: Path) -> None:
    facts = pip_tags.collect(_pip(box, tmp_path / "site", NEW_HOME, "raise RuntimeError('broken')", says=""))
    assert "RuntimeError: broken" in facts["python.wheel_tags"]["error"]
    assert "exit code 0" in facts["python.pip"]["error"]


def test_a_pip_that_hangs(box: Box, tmp_path: Path) -> None:
    context = _pip(box, tmp_path / "site", NEW_HOME, "import time; time.sleep(60)")
    facts = pip_tags.collect(context, limit=1.5)
    assert "gave no answer within 1.5 s" in facts["python.wheel_tags"]["error"]


def test_an_environment_without_pip(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True, timeout=60)
    python = tmp_path / "env" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs a POSIX layout")
    monkeypatch.setattr(sys, "executable", str(python))
    facts = pip_tags.collect(box(env={"PATH": os.defpath}))
    for fact in facts.values():
        assert (fact["value"], fact["error"]) == (None, None)
        assert "-m pip --version" in fact["source"]


def test_a_module_in_the_current_folder_does_not_stand_for_ours(box: Box, tmp_path: Path) -> None:
    context = _pip(box, tmp_path / "site", NEW_HOME, TAGS.format(["win_amd64"]))
    (Path(context.cwd) / "json.py").write_text("raise SystemExit('the wrong json')\n")
    facts = pip_tags.collect(context)
    assert facts["python.wheel_tags"]["value"]["platforms"] == ["win_amd64"]
