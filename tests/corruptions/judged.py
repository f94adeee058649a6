"""What must hold of every judgement, whatever the facts are."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema

from ortdoctor import data
from ortdoctor.diagnose import needed
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.judge import judge
from ortdoctor.report import json as json_report
from ortdoctor.report import text
from tests import recorded


@cache
def _validator() -> jsonschema.Draft202012Validator:
    path = data.folder("compat") / "schema" / "report.schema.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def verdict_of(document: dict[str, Any]) -> str:
    """Judge the facts, print them in both ways, check the law of healthy and return the verdict."""
    report = judge(document, recorded.matrix())
    shown = text.render(report, document, recorded.causes(), verbose=True)
    assert all(line.isprintable() for line in shown.split("\n"))
    told = json.loads(json_report.dumps(json_report.document(report, document, recorded.causes(), "0")))
    _validator().validate(told)
    if report.verdict == "healthy":
        assert needed.missing(Facts(document)) == []
    return report.verdict
