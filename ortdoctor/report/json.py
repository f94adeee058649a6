"""The report for programs: the document of docs/report.md."""

import json
import math
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from ortdoctor.diagnose.facts import FAILED, FOUND, UNCOLLECTED, Facts
from ortdoctor.diagnose.findings import Finding, Needed
from ortdoctor.diagnose.judge import Report
from ortdoctor.diagnose.plans import Plan
from ortdoctor.report import summary, words

if TYPE_CHECKING:
    from ortdoctor.treat.treatment import Treatment

SCHEMA = "ortdoctor.report/1"


def document(
    report: Report,
    facts_document: Dict[str, Any],
    causes: Sequence[Dict[str, Any]],
    version: str,
    treated: "Optional[Treatment]" = None,
) -> Dict[str, Any]:
    """Return the report as JSON values; the schema is compat/schema/report.schema.json.

    ``version`` is the release of the tool, ``causes`` are the rows of compat/causes.json; ``treated`` is what
    ``--fix`` did before.
    """
    facts = Facts(facts_document)
    known = words.by_id(causes)
    whole = {
        "schema": SCHEMA,
        "ortdoctor": version,
        "verdict": report.verdict,
        "mode": "static" if facts.static else "full",
        "facts": _finite(facts.raw),
        "findings": [_finding(row, facts, known, report.plan) for row in report.findings],
        "undetermined": [
            {"question": row.question, "missing": row.missing, "text": words.undetermined(row)}
            for row in report.undetermined
        ],
        "plan": _plan(report),
    }
    if treated is not None:
        from ortdoctor.treat import treatment  # noqa: PLC0415 - few reports tell of one

        whole["treatment"] = treatment.document(treated)
    return whole


def dumps(report: Dict[str, Any]) -> str:
    """Return the document as text; every character beyond ASCII is escaped, so that any terminal takes it."""
    return json.dumps(report, indent=2, ensure_ascii=True, allow_nan=False)


def _finite(value: Any) -> Any:
    """Return ``value`` without NaN and infinities, which a recorded file may hold and JSON has no words for."""
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _finding(row: Finding, facts: Facts, causes: Dict[str, Dict[str, Any]], plan: Plan) -> Dict[str, Any]:
    said = words.finding(row, causes, plan)
    return {
        "id": row.cause,
        "severity": row.severity,
        "title": said.title,
        "detail": said.detail,
        "evidence": [_evidence(key, facts) for key in dict.fromkeys(row.evidence)],
        "remedy": {"text": said.remedy, "commands": row.commands},
        "under": row.under,
        "libraries": [_library(needed) for needed in row.libraries],
    }


def _library(row: Needed) -> Dict[str, Any]:
    whole = row._asdict()
    whole["provided_by"] = [dict(supplier._asdict()) for supplier in row.provided_by]
    whole["copies"] = [dict(copy._asdict()) for copy in row.copies]
    return dict(whole)


def _evidence(key: str, facts: Facts) -> Dict[str, str]:
    stem, colon, row_id = key.partition(":")
    if colon:
        return {"kind": "matrix", "key": key, "text": "row %s of compat/%s.json" % (row_id, stem)}
    state = facts.state(key)
    if state == FOUND:
        text = summary.short(facts.value(key))
    elif state == FAILED:
        text = "not known: %s" % words.shortened(facts.error(key))
    else:
        text = "not asked" if state == UNCOLLECTED else "none"
    source = words.shortened(facts.source(key))
    return {"kind": "fact", "key": key, "text": "%s (%s)" % (text, source) if source else text}


def _plan(report: Report) -> Dict[str, Any]:
    plan = report.plan
    because: List[str] = words.because(plan)
    return {
        "kind": plan.kind,
        "distribution": plan.distribution,
        "version": plan.version,
        "build": plan.build.row_id if plan.build else None,
        "supply": plan.supply,
        "commands": plan.commands,
        "because": because,
        "rejected": words.rejections(plan),
    }
