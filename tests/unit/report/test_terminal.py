import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ortdoctor.diagnose.judge import judge
from ortdoctor.report.screen import printer
from tests import recorded

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("arguments", [["check"], ["check", "--facts", "box.json"], ["matrix"]])
def test_a_reader_that_has_enough_is_no_failure(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "box.json").write_text(json.dumps(recorded.machine("linux-no-cuda-libraries")["document"]))
    reader, writer = os.pipe()
    os.close(reader)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ortdoctor", *arguments]
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path, env=env, timeout=120, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("force", "coloured"), [(None, False), ("1", True)])
def test_a_pipe_gets_plain_text_unless_colour_is_asked_for(
    force: str | None, coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if force:
        monkeypatch.setenv("FORCE_COLOR", force)
    document = recorded.machine("linux-no-cuda-libraries")["document"]
    printer()(judge(document, recorded.matrix()), document, recorded.causes())
    out = capsys.readouterr().out
    assert ("\x1b[" in out) is coloured
    assert "CUDA libraries that the build needs are not installed" in out


def test_without_standard_output_nothing_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout", None)
    document = recorded.machine("linux-cpu-only")["document"]
    printer()(judge(document, recorded.matrix()), document, recorded.causes())
