"""A remedy that fails leaves every file as it was, whichever step fails and however."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ortdoctor.treat import kept, loader_path, run, snapshot, steps, tree
from ortdoctor.treat import round as rounds
from ortdoctor.treat.round import Environment
from ortdoctor.treat.signals import stopping
from ortdoctor.treat.treatment import DONE, FAILED, INTERRUPTED, REFUSED

from .fakes import WORKS, Fake

if TYPE_CHECKING:
    from ortdoctor.treat.steps import Step

FAILS = """
if verb == {verb!r}:
    {before}
    print("ERROR: the reason")
    {end}
"""
HALF = 'import shutil; shutil.rmtree(site + "/onnxruntime", ignore_errors=True); open(os.path.join(site, "new"), "w")'


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def told(fake: Fake, *more: str) -> list[Step]:
    return steps.steps([*fake.commands(), *more], str(fake.python), {"uv": None})


def apply(fake: Fake, *more: str, pip: str | None = "20.3") -> rounds.Changed:
    return rounds.apply("a_cause", told(fake, *more), Environment(fake.place, pip), print)


def verbs(fake: Fake) -> list[str]:
    return [words.split()[1] for words in fake.asked]


def test_what_works_is_kept_and_leaves_no_copy(fake: Fake) -> None:
    changed = apply(fake)
    assert changed.round.outcome == DONE
    assert changed.settle() == []
    assert (fake.site / "onnxruntime" / "__init__.py").read_text() == "new"
    assert not (fake.site / tree.HOME).exists()


def test_everything_is_fetched_before_anything_is_removed(fake: Fake) -> None:
    apply(fake)
    assert verbs(fake) == ["download", "uninstall", "install"]
    assert "--no-index --find-links" in fake.asked[2]


def test_what_works_can_be_undone(fake: Fake) -> None:
    before = fake.now
    assert apply(fake).undo() == []
    assert fake.now == before


@pytest.mark.parametrize("verb", ["download", "uninstall", "install"])
@pytest.mark.parametrize("end", ["sys.exit(2)", "os.kill(os.getpid(), 9)", "raise OSError(28, 'No space left')"])
def test_whatever_fails_is_put_back(fake: Fake, verb: str, end: str) -> None:
    before = fake.now
    fake.behave(FAILS.format(verb=verb, before=HALF if verb != "download" else "pass", end=end) + WORKS)
    row = apply(fake).round
    assert (row.outcome, row.differs) == (FAILED, [])
    assert row.did[-1].tail[0] == "ERROR: the reason"
    assert not row.did[-1].ok
    assert fake.now == before
    assert (fake.site / "onnxruntime" / "__init__.py").read_text() == "old"
    assert not (fake.site / tree.HOME).exists()


def test_no_network_shows_before_anything_is_removed(fake: Fake) -> None:
    fake.behave(FAILS.format(verb="download", before="pass", end="sys.exit(1)") + WORKS)
    row = apply(fake).round
    assert verbs(fake) == ["download"]
    assert "nothing was removed" in str(row.error)


def test_a_command_that_hangs_is_stopped_and_put_back(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fake.now
    monkeypatch.setattr(run.run, "__defaults__", (1.0,))
    fake.behave(FAILS.format(verb="install", before=HALF, end="import time; time.sleep(60)") + WORKS)
    row = apply(fake).round
    assert (row.outcome, row.differs) == (FAILED, [])
    assert "stopped after 1 s" in str(row.error)
    assert fake.now == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_remedy_is_put_back(fake: Fake, number: int) -> None:
    before = fake.now
    fake.behave(FAILS.format(verb="install", before="pass", end="import time; time.sleep(60)") + WORKS)

    def send() -> None:
        while not any("pip install" in words for words in fake.asked):
            time.sleep(0.02)
        time.sleep(0.1)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    with stopping():
        row = apply(fake).round
    thread.join()
    assert (row.outcome, row.differs) == (INTERRUPTED, [])
    assert fake.now == before


def test_a_write_of_ours_that_fails_is_put_back(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fake.now

    def refuse(*_: object) -> list[str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loader_path, "write", refuse)
    row = apply(fake, 'export LD_LIBRARY_PATH="/x${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"').round
    assert (row.outcome, row.differs) == (FAILED, [])
    assert "No space left" in str(row.error)
    assert fake.now == before


def test_where_no_copy_can_be_made_nothing_is_run(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(snapshot, "take", refuse)
    row = apply(fake).round
    assert (row.outcome, row.differs, fake.asked) == (REFUSED, None, [])
    assert "Read-only file system" in str(row.error)


def test_where_nothing_can_be_written_nothing_is_run(fake: Fake) -> None:
    where = fake.place._replace(refusal="it cannot be written by this user")
    row = rounds.apply("a_cause", told(fake), Environment(where, "20.3"), print).round
    assert (row.outcome, row.error, fake.asked) == (REFUSED, "it cannot be written by this user", [])


def test_a_second_treatment_at_the_same_time_is_refused(fake: Fake) -> None:
    first = apply(fake)
    row = apply(fake).round
    assert row.outcome == REFUSED
    assert "another treatment" in str(row.error)
    first.settle()


def test_what_cannot_be_put_back_is_named_and_its_copy_kept(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.behave(FAILS.format(verb="install", before="pass", end="sys.exit(2)") + WORKS)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    row = apply(fake).round
    assert row.differs is not None
    assert f"gone: onnxruntime/__init__.py (in {fake.site})" in row.differs
    assert (fake.site / tree.HOME / snapshot.JOURNAL).exists()


def test_a_leftover_folder_goes_and_what_is_the_users_is_kept(fake: Fake) -> None:
    (fake.site / "onnxruntime" / "mine.py").write_text("my work")
    (fake.site / "onnxruntime" / "old.so").write_text("native")
    (fake.site / "onnxruntime" / "empty.py").touch()
    shutil.rmtree(fake.site / "onnxruntime_gpu-1.dist-info")
    remove = f"rm -rf -- {fake.site}/onnxruntime"
    changed = rounds.apply(
        "a_cause", steps.steps([remove, fake.commands()[1]], str(fake.python), {}), Environment(fake.place, None), print
    )
    assert changed.round.outcome == DONE
    aside = [Path(path) for path in changed.settle()]
    assert sorted(path.name for path in aside) == ["__init__.py", "mine.py"]
    assert {path.read_text() for path in aside} == {"my work", "old"}
    assert all(fake.site not in path.parents for path in aside)
    assert not (fake.site / "onnxruntime" / "old.so").exists()


def test_a_folder_elsewhere_is_never_removed(fake: Fake, tmp_path: Path) -> None:
    mine = tmp_path / "project" / "onnxruntime"
    mine.mkdir(parents=True)
    row = rounds.apply(
        "a_cause", steps.steps([f"rm -rf -- {mine}"], str(fake.python), {}), Environment(fake.place, None), print
    ).round
    assert row.outcome == FAILED
    assert "is left alone" in str(row.error)
    assert mine.is_dir()


def test_files_as_a_distribution_recorded_them_are_nobodys_own(fake: Fake) -> None:
    digest = "sha256=y2ctuc1Pxx5rw3ARp4t1HxGnwLNWzBpQ0lKzGqExFlc"
    record = fake.site / "onnxruntime_gpu-1.dist-info" / "RECORD"
    record.write_text(f"onnxruntime/__init__.py,,\nonnxruntime/gone.py,{digest},3\n")
    assert kept.own_files([str(fake.site)]) == []
    record.write_text(f"onnxruntime/__init__.py,{digest},4\n")
    assert [path for _, path in kept.own_files([str(fake.site)])] == ["onnxruntime/__init__.py"]


def test_a_new_environment_is_made_and_removed_where_that_fails(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "ort-env"
    commands = [f"{fake.python} -m venv ort-env", "ort-env/bin/python -m pip install onnxruntime==9"]
    before = fake.now

    def attempt(pip: str) -> rounds.Changed:
        fake.behave(pip)
        environment = Environment(fake.place._replace(refusal="not writable"), "20.3")
        return rounds.apply("a_cause", steps.steps(commands, str(fake.python), {}), environment, print)

    copy = f"import shutil; shutil.copytree({str(fake.prefix)!r}, words[2]) if module == 'venv' else None\n"
    changed = attempt(copy + "if verb == 'download': open(rest[1] + '/x.whl', 'w')")
    assert (changed.round.outcome, changed.python) == (DONE, str(made / "bin" / "python"))
    again = attempt(copy).round
    assert again.outcome == REFUSED
    assert "is there already" in str(again.error)
    assert changed.undo() == []
    failed = attempt(copy + "if module == 'pip': sys.exit(3)").round
    assert (failed.outcome, failed.differs) == (FAILED, [])
    assert not made.exists()
    assert fake.now == before


def test_a_local_patch_survives_an_installation_that_replaces_it(fake: Fake) -> None:
    record = "onnxruntime/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
    (fake.site / "onnxruntime_gpu-1.dist-info" / "RECORD").write_text(record)
    (aside,) = apply(fake).settle()
    assert Path(aside).read_text() == "old"
