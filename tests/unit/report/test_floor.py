"""The floor: Python 3.6 judges every recorded machine and prints it as this interpreter does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ortdoctor.diagnose.judge import judge
from ortdoctor.diagnose.matrix import STEMS, UNTYPED
from ortdoctor.report import json as json_report
from ortdoctor.report import text
from tests import recorded
from tests.interpreters import interpreter

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import io, json, os, sys
root = sys.argv[1]
sys.path.insert(0, root)
from ortdoctor.diagnose.judge import judge
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.report import json as json_report, text
def read(*parts):
    with io.open(os.path.join(root, *parts), encoding="utf-8") as stream:
        return json.load(stream)
matrix = Matrix({stem: read("compat", stem + ".json") for stem in sys.argv[2].split(",")})
causes = read("compat", "causes.json")
told = {}
for name in sys.argv[3].split(","):
    document = read("tests", "machines", name + ".json")["document"]
    report = judge(document, matrix)
    shown = [text.render(report, document, causes, verbose, ascii_only) for verbose in (False, True)
             for ascii_only in (False, True)]
    told[name] = [json_report.document(report, document, causes, "0"), shown]
print(json.dumps(told))
"""


def test_python_36_says_the_same() -> None:
    python = interpreter("3.6")
    arguments = [str(ROOT), ",".join((*STEMS, *UNTYPED)), ",".join(recorded.MACHINES)]
    done = subprocess.run(
        [python, "-I", "-c", PROGRAM, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    for name in recorded.MACHINES:
        document = recorded.machine(name)["document"]
        report = judge(document, recorded.matrix())
        shown = [
            text.render(report, document, recorded.causes(), verbose=verbose, ascii_only=ascii_only)
            for verbose in (False, True)
            for ascii_only in (False, True)
        ]
        here = json_report.document(report, document, recorded.causes(), "0")
        assert told[name] == [json.loads(json_report.dumps(here)), shown], name
