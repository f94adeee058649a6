import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ortdoctor.probe import pip_tags
from ortdoctor.probe.context import Context
from ortdoctor.probe.pip_tags import platforms_by_rule

from .boxes import Box

OLD_HOME = "_internal/pep425tags.py"
NEW_HOME = "_internal/utils/compatibility_tags.py"
TUPLES = "def get_supported():\n    return [('cp36', 'cp36m', name) for name in {}] + [('py3', 'none', 'any')]\n"
TAGS = (
    "class Tag:\n    def __init__(self, name): self.platform = name\n"
    "def get_supported():\n    return [Tag(name) for name in {}] + [Tag('any')]\n"
)


def _pip(box: Box, folder: Path, home: str, tags: str, says: str = "__version__ = '19.3.1'") -> Context:
    """Put a package ``pip`` before the real one: it begins with ``says`` and keeps ``tags`` at ``home``."""
    pip = folder / "pip"
    for part in (pip, pip / "_internal", pip / "_internal" / "utils"):
        part.mkdir(parents=True)
        (part / "__init__.py").touch()
    (pip / "__init__.py").write_text(says + "\n")
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
    assert facts["python.pip"]["value"] == {"version": "19.3.1", "path": str(tmp_path / "site" / "pip")}
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
    assert facts["python.pip"]["error"] == f"the pip in {tmp_path / 'site' / 'pip'} states no version"


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
        assert "find_spec('pip')" in fact["source"]


def test_a_module_in_the_current_folder_does_not_stand_for_ours(box: Box, tmp_path: Path) -> None:
    context = _pip(box, tmp_path / "site", NEW_HOME, TAGS.format(["win_amd64"]))
    (Path(context.cwd) / "json.py").write_text("raise SystemExit('the wrong json')\n")
    facts = pip_tags.collect(context)
    assert facts["python.wheel_tags"]["value"]["platforms"] == ["win_amd64"]


RULE = ["manylinux_2_18_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_16_x86_64"]


def test_a_new_pip_is_not_asked_for_what_pep_600_says(box: Box, tmp_path: Path) -> None:
    says = "from __future__ import annotations\n__version__ = \"24.0\"\nraise SystemExit('imported')"
    context = _pip(box, tmp_path / "site", NEW_HOME, "raise SystemExit('asked')", says)
    names = platforms_by_rule("24.0", sysconfig.get_platform(), str(os.confstr("CS_GNU_LIBC_VERSION")).split()[-1])
    if names is None:
        pytest.skip("needs a platform of the rule")
    facts = pip_tags.collect(context)
    assert facts["python.pip"]["value"]["version"] == "24.0"
    assert facts["python.wheel_tags"]["value"]["platforms"] == names


def test_a_machine_with_rules_of_its_own_is_asked(box: Box, tmp_path: Path) -> None:
    context = _pip(box, tmp_path / "site", NEW_HOME, TAGS.format(["own_x86_64"]), "__version__ = '24.0'")
    (tmp_path / "site" / "_manylinux.py").write_text("manylinux2014_compatible = False\n")
    assert pip_tags.collect(context)["python.wheel_tags"]["value"]["platforms"] == ["own_x86_64"]


def test_the_rule() -> None:
    names = platforms_by_rule("21.2.4", "linux-x86_64", "2.18")
    assert names is not None
    assert names[:4] == RULE
    assert names[-4:] == ["manylinux_2_6_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    arm = platforms_by_rule("26.0", "linux-aarch64", "2.17")
    assert arm == ["manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"]


@pytest.mark.parametrize(
    ("pip", "platform", "glibc"),
    [
        (None, "linux-x86_64", "2.36"),
        ("21.1.3", "linux-x86_64", "2.36"),
        ("24.0", "macosx-11.0-arm64", "2.36"),
        ("24.0", "linux-x86_64", None),
        ("24.0", "linux-x86_64", "3.0"),
        ("9" * 5000, "linux-x86_64", "2.36"),
    ],
)
def test_where_pip_has_to_be_asked(pip: str | None, platform: str, glibc: str | None) -> None:
    assert platforms_by_rule(pip, platform, glibc) is None
