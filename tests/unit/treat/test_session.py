"""What is treated, in which order, and when it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from ortdoctor import data
from ortdoctor.diagnose.findings import ERROR, INFO, WARNING, Finding
from ortdoctor.report import json as json_report
from ortdoctor.report import treatment as words
from ortdoctor.treat import choose, session, snapshot, tree
from ortdoctor.treat.session import Proposal, Talk, treat
from ortdoctor.treat.treatment import Treatment, document
from tests import recorded

from .fakes import WORKS, Fake

if TYPE_CHECKING:
    from pathlib import Path

BOTH = "linux-both-packages-cpu-won"
HEALTHY = "linux-gpu-healthy-cuda12-wheels"
NOT_INSTALLED = "linux-no-onnxruntime"
SCHEMA = json.loads((data.folder("compat") / "schema" / "report.schema.json").read_text())


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


class Told:
    """A talk that agrees, and finds the machines of ``after`` one by one when it looks again."""

    def __init__(self, fake: Fake, *after: str | BaseException, agrees: bool = True) -> None:
        self.asked: list[Proposal] = []
        self.lines: list[str] = []
        self.after = list(after)
        self.fake, self.agrees = fake, agrees

    def talk(self) -> Talk:
        return Talk(self.ask, self.lines.append, self.recheck)

    def ask(self, proposal: Proposal) -> bool:
        self.asked.append(proposal)
        assert words.proposal(proposal, recorded.causes())
        return self.agrees

    def recheck(self, python: str) -> dict[str, Any]:
        assert python == str(self.fake.python)
        found = self.after.pop(0)
        if isinstance(found, BaseException):
            raise found
        return self.fake.document(found)


def treated(fake: Fake, told: Told, before: str = BOTH, *, strict: bool = False) -> Treatment:
    done = treat(fake.document(before), recorded.matrix(), told.talk(), strict=strict)
    whole = json_report.document(done.after.report, done.after.document, recorded.causes(), "0", done)
    jsonschema.validate(json.loads(json_report.dumps(whole)), SCHEMA)
    assert words.lines(done, recorded.causes())
    assert not list(fake.site.glob(tree.HOME))
    return done


def test_cured(fake: Fake) -> None:
    told = Told(fake, HEALTHY)
    done = treated(fake, told)
    assert done.outcome == "cured"
    assert [row.cause for row in done.rounds] == ["both_cpu_and_gpu_packages"]
    assert (done.before.report.verdict, done.after.report.verdict) == ("problems", "healthy")
    assert "$ " in "".join(told.lines)
    changes = {row["name"]: (row["before"], row["after"]) for row in document(done)["changes"]}
    assert changes == {"onnxruntime-gpu": ("1", None), "onnxruntime": (None, "9")}


def test_nothing_is_done_without_consent(fake: Fake) -> None:
    before = fake.now
    done = treated(fake, Told(fake, agrees=False))
    assert (done.outcome, fake.asked, fake.now) == ("declined", [], before)


def test_a_healthy_environment_is_left_alone(fake: Fake) -> None:
    told = Told(fake)
    done = treated(fake, told, HEALTHY)
    assert (done.outcome, told.asked, fake.asked) == ("nothing_to_do", [], [])


def test_one_cause_after_the_other(fake: Fake) -> None:
    done = treated(fake, Told(fake, "linux-cuda12-wheels-not-on-path", HEALTHY))
    assert [row.cause for row in done.rounds] == ["both_cpu_and_gpu_packages", "cuda_libs_not_on_loader_path"]
    assert done.outcome == "cured"
    assert (fake.site / "onnxruntime_cuda_path.pth").exists()


def test_what_did_not_help_is_undone(fake: Fake) -> None:
    before = fake.now
    done = treated(fake, Told(fake, BOTH))
    assert (done.outcome, done.rounds[-1].differs) == ("no better", [])
    assert fake.now == before


def test_what_did_harm_is_undone(fake: Fake) -> None:
    before = fake.now
    done = treated(fake, Told(fake, NOT_INSTALLED))
    assert (done.outcome, done.rounds[-1].differs) == ("worse", [])
    assert fake.now == before


@pytest.mark.parametrize(("error", "outcome"), [(OSError("gone"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_what_cannot_be_looked_at_is_undone(fake: Fake, error: Any, outcome: str) -> None:
    before = fake.now
    done = treated(fake, Told(fake, error))
    assert (done.outcome, done.rounds[-1].differs) == (outcome, [])
    assert fake.now == before


def test_a_failure_ends_it(fake: Fake) -> None:
    before = fake.now
    fake.behave("print('no network')\nif verb == 'download': sys.exit(1)\n" + WORKS)
    done = treated(fake, Told(fake))
    assert (done.outcome, fake.now) == ("failed", before)
    assert document(done)["rounds"][0]["ran"][0]["output"] == ["no network"]
    assert "no network" in "\n".join(words.lines(done, recorded.causes()))


def test_what_is_the_users_is_said(fake: Fake) -> None:
    told = Told(fake)
    done = treated(fake, told, "linux-gpu-hidden-by-variable")
    assert (told.asked, fake.asked) == ([], [])
    assert done.outcome == "nothing_to_do"
    assert "Cannot be done from here" in "\n".join(words.lines(done, recorded.causes()))


def test_an_interrupted_treatment_is_put_back_first(fake: Fake) -> None:
    before = fake.now
    snapshot.keep(snapshot.take(str(fake.site), [str(fake.site)], []))
    (fake.site / "onnxruntime" / "__init__.py").unlink()
    told = Told(fake, HEALTHY)
    done = treated(fake, told)
    assert (done.recovered, done.outcome) == ([], "nothing_to_do")
    assert told.asked[0].left_over is not None
    assert fake.now == before


def test_an_environment_that_does_not_answer_is_left_alone(fake: Fake) -> None:
    fake.python.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    done = treated(fake, Told(fake))
    assert done.outcome == "refused"
    assert "broken" in str(done.rounds[0].error)


def finding(cause: str, severity: str, *commands: str) -> Finding:
    return Finding(cause, "default", severity, {}, [], list(commands))


def test_errors_first_and_of_warnings_only_what_nobody_meant() -> None:
    rows = [finding("a", ERROR), finding("b", ERROR, "x"), finding("c", WARNING, "y"), finding("d", INFO, "z")]
    both = finding("both_cpu_and_gpu_packages", WARNING, "w")

    def root(rows: list[Finding], *done: str, strict: bool = False) -> str | None:
        row = choose.root(rows, {(command,) for command in done}, strict)
        return row.cause if row else None

    assert root(rows) == "b"
    assert root(rows, "x") is None
    assert root(rows, "x", strict=True) == "c"
    assert root([*rows, both], "x") == both.cause
    assert root(rows, "x", "y", strict=True) is None


def test_uv_is_found_beside_this_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert session.find_uv() == str(uv)
