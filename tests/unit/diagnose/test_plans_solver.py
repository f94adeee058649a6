"""The parts of the solver that recommendations rest on."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from packaging import _manylinux, tags

from ortdoctor import data
from ortdoctor.diagnose import fits, plans, plans_ways
from ortdoctor.diagnose.facts import Facts, version_tuple
from ortdoctor.diagnose.plans_described import Described, DescriptionError, described, document
from ortdoctor.diagnose.plans_options import REJECTIONS
from ortdoctor.diagnose.plans_ways import KINDS
from ortdoctor.report import recommend as report
from ortdoctor.report import words
from tests import recorded
from tests.interpreters import interpreter
from tests.unit.diagnose.test_hostile import mutated

MATRIX = recorded.matrix()

#: Run by a Python 3.6: the solver is floor code.
ON_36 = """
import glob, json, os, sys
from ortdoctor.diagnose import plans
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.matrix import Matrix
names = glob.glob(os.path.join(sys.argv[2], "*.json"))
files = {os.path.basename(name)[:-5]: json.load(open(name, encoding="utf-8")) for name in names}
found = plans.recommend(Facts(json.loads(sys.argv[1])), Matrix(files))
print(json.dumps([[row.plan.version, row.supply, row.plan.commands] for row in found.plans]))
"""


def facts_of(**box: Any) -> Facts:
    return Facts(document(described(Described(**box), MATRIX)))


def of_machine(name: str, **facts: Any) -> Facts:
    return Facts(recorded.document({key.replace("__", "."): value for key, value in facts.items()}, name))


LINUX_TAGS = sorted({
    joined for build in MATRIX.builds(os="linux") for joined in build.platform_tags if "manylinux" in joined
})


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("minor", [5, 11, 12, 16, 17, 23, 26, 27, 28, 31, 33, 34, 35, 39])
def test_platform_tags_agree_with_packaging(arch: str, minor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_manylinux, "_get_glibc_version", lambda: (2, minor))
    monkeypatch.setattr(_manylinux, "_have_compatible_abi", lambda *_: True)
    monkeypatch.setattr(sysconfig, "get_platform", lambda: f"linux-{arch}")
    accepted = set(tags._linux_platforms(is_32bit=False))
    facts = facts_of(os="linux", arch=arch, glibc=f"2.{minor}")
    checked = 0
    for build in MATRIX.builds(os="linux", arch=arch):
        if build.platform_tags:
            wanted = {tag for joined in build.platform_tags for tag in joined.split(".")}
            assert fits.platform(facts, build).ok is bool(wanted & accepted), (build.id, minor)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("machine", recorded.MACHINES)
def test_what_check_plans_is_the_best_that_commands_carry_out(machine: str) -> None:
    facts = of_machine(machine)
    chosen, found = plans.plan(facts, MATRIX), plans.recommend(facts, MATRIX)
    easy = [row for row in found.plans if row.source in ("index", "jetson") and row.supply != "install"]
    names = [(row.plan.distribution, row.plan.version) for row in easy]
    assert (chosen.distribution, chosen.version) == (names[0] if names else ("onnxruntime", None))


@pytest.mark.parametrize("machine", recorded.MACHINES)
def test_every_answer_is_of_the_vocabulary_and_has_words(machine: str) -> None:
    found = plans.recommend(of_machine(machine), MATRIX)
    for row in found.rejected:
        assert row.reason.code in REJECTIONS
        assert words.refusal(row.reason)
    for plan in found.plans:
        assert plan.supply in KINDS
        assert {reason.code for reason in plan.plan.because + plan.unclear} <= set(words.REASONS)
    assert all(change.change in report.UNLOCKS for change in found.unlocks)


def test_every_rejection_and_loader_has_words() -> None:
    assert set(REJECTIONS) <= set(words.REASONS) | set(words.REFUSALS)
    assert set(report.LOADERS) == {"preload", "path", "torch"}


def windows_torch(*, loader: bool) -> list[dict[str, Any]]:
    build = MATRIX.build("onnxruntime-gpu", "1.26.0", "windows", "x86_64")
    assert build is not None
    return [
        {"name": "x", "soname": name, "path": "C:\\torch\\lib\\" + name, "supply": "torch", "loader": loader}
        for name in build.sonames
    ]


def test_torchs_copies_are_a_way_of_their_own() -> None:
    base: dict[str, Any] = {"os": "windows", "arch": "x86_64", "python": "3.12", "driver": "528.33", "gpu": "8.6"}
    values = described(Described(**base), MATRIX)
    values["cuda.libraries"] = windows_torch(loader=False)
    build = MATRIX.build("onnxruntime-gpu", "1.26.0", "windows", "x86_64")
    assert build is not None
    found = plans_ways.ways(Facts(document(values)), build)
    assert [(way.kind, way.loader) for way in found] == [("wheels", "preload"), ("torch", "preload")]
    values["cuda.libraries"] = windows_torch(loader=True)
    assert plans_ways.ways(Facts(document(values)), build)[0].kind == "found"


def test_a_toolkit_that_the_loader_does_not_find_gets_a_search_path() -> None:
    facts = of_machine(
        "linux-no-cuda-libraries",
        cuda__toolkits=[{"path": "/usr/local/cuda-12.4", "cuda": "12.4"}],
        cudnn__header=[{"path": "/usr/include/cudnn_version.h", "cudnn": "9.1.0"}],
    )
    rows = [row for row in plans.recommend(facts, MATRIX).plans if row.supply == "toolkit"]
    assert rows[0].plan.commands[-1].startswith("export LD_LIBRARY_PATH=/usr/local/cuda-12.4/lib64")
    assert rows[0].requirements == [f"onnxruntime-gpu=={rows[0].plan.version}"]


def test_a_relative_path_of_a_record_never_gets_into_a_command() -> None:
    facts = of_machine(
        "linux-no-cuda-libraries",
        cuda__toolkits=[{"path": "$(reboot)", "cuda": "12.4"}],
        cudnn__header=[{"path": "x", "cudnn": "9.1.0"}],
    )
    commands = [line for row in plans.recommend(facts, MATRIX).plans for line in row.plan.commands]
    assert commands
    assert not any("reboot" in line for line in commands)


@pytest.mark.parametrize(
    ("said", "tag"), [("3.6", "cp36m"), ("3.7.9", "cp37m"), ("3.8", "cp38"), ("3.12", "cp312"), ("3.13t", "cp313t")]
)
def test_a_described_python_has_its_tag(said: str, tag: str) -> None:
    assert facts_of(python=said).text("python.abi_tag") == tag


def test_on_a_system_that_is_not_known_the_commonest_build_comes_first() -> None:
    found = plans.recommend(facts_of(driver="580.95.05", python="3.12"), MATRIX)
    first, last = found.plans[0].plan.build, found.plans[-1].plan.build
    assert first is not None
    assert last is not None
    assert first.id == "onnxruntime-gpu-1.31.1-linux-x86_64"
    assert last.id == "onnxruntime-1.32.0-linux-x86_64"


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutated())
def test_whatever_a_recorded_file_holds_there_is_an_answer(facts_document: dict[str, Any]) -> None:
    found = plans.recommend(Facts(facts_document), MATRIX)
    told = report.document(found, "0")
    commands = [line for row in told["plans"] for line in row["commands"]]
    assert all(character.isprintable() for line in commands for character in line)
    assert all(row["reason"] in REJECTIONS for row in told["rejected"])


def test_python_36_gives_the_same_answer() -> None:
    python = interpreter("3.6")
    described_box = document(described(Described(os="linux", arch="x86_64", driver="470.57.02", python="3.6"), MATRIX))
    here = plans.recommend(Facts(described_box), MATRIX)
    done = subprocess.run(
        [python, "-c", ON_36, json.dumps(described_box), str(data.folder("compat"))],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert json.loads(done.stdout) == [[row.plan.version, row.supply, row.plan.commands] for row in here.plans]


def test_names_are_taken_as_people_write_them() -> None:
    facts = facts_of(os="Darwin", arch="ARM64", gpu="sm_86")
    assert (facts.text("system.os"), facts.text("system.arch")) == ("macos", "aarch64")
    assert facts.records("gpu.devices")[0]["compute_capability"] == "8.6"


@pytest.mark.parametrize("box", [{"gpu": "7"}, {"driver": "4x"}, {"python": "py3"}, {"jetpack": "0"}, {"glibc": "2.x"}])
def test_what_cannot_be_read_says_what_was_expected(box: dict[str, str]) -> None:
    with pytest.raises(DescriptionError, match=r"takes"):
        facts_of(**box)


def test_a_newer_driver_never_gets_less() -> None:
    drivers = ["418.39", "440.33", "450.80.02", "470.57.02", "525.60.13", "535.104.05", "570.26", "580.65.06"]
    best = []
    for driver in drivers:
        found = plans.recommend(facts_of(os="linux", arch="x86_64", glibc="2.35", python="3.12", driver=driver), MATRIX)
        rows = [row.plan for row in found.plans if row.plan.kind == "gpu" and row.supply == "wheels"]
        best.append(max((version_tuple(plan.version) for plan in rows), default=()))
    assert best == sorted(best)
    assert best[-1] > best[2] > best[1]
