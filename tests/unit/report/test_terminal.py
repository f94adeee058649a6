import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
