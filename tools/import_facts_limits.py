"""What was measured here (compat/limits.json) goes before documents: it sets the limits of compat/releases.json.

A document that agrees stays as evidence; what it says otherwise is no longer its field and goes to conflicts.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.import_facts_evidence import Row

#: Fields of a release that are measured, and what conflicts.json calls them.
_NAMES = {"opset": "opset", "ir": "IR version", "ml_opset": "ai.onnx.ml opset", "enforced": "enforced limits"}


def prefer(releases: list[Row], limits: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the releases with what was measured, and a row of conflicts.json for each field that it changed."""
    measured = {row["version"]: row for row in limits}
    done, disagreements = [], []
    for row in releases:
        limit = measured.get(row["version"])
        if limit is None:
            done.append(row)
        elif not limit["measured"]:
            done.append(_unmeasured(row, limit["reason"]))
        else:
            better, found = _preferred(row, limit)
            done.append(better)
            disagreements += found
    return done, disagreements


def _unmeasured(row: Row, reason: str) -> Row:
    """Return ``row`` with the reason why its evidence is no measurement of this release."""
    entries = [{**entry, "where": f"not measured ({reason}); {entry['where']}"} for entry in row["evidence"]]
    return {**row, "evidence": entries}


def _preferred(row: Row, limit: Row) -> tuple[Row, list[Row]]:
    found: dict[str, Any] = {"enforced": limit["enforced"]}
    # A field without a limit takes anything that was tried: what documents say stays.
    found.update({name: limit[f"max_{name}"] for name in ("opset", "ir", "ml_opset") if limit[f"max_{name}"]})
    (source,) = limit["evidence"]
    entry = {**source, "where": f"limits:{row['version']}: {source['where']}", "fields": sorted(found)}
    changed = {name for name, value in found.items() if row.get(name, value) != value}
    disagreements = [
        {
            "topic": f"{_NAMES[name]} of {row['version']}",
            "a": str(row[name]),
            "b": str(found[name]),
            "chosen": "b",
            "evidence": [_without_fields(old) for old in _speaking_for(name, row)] + [_without_fields(entry)],
        }
        for name in sorted(changed)
    ]
    # A neighbour's measurement says nothing once there is this release's own.
    kept = [old for old in row["evidence"] if (old["kind"], old["confidence"]) != ("measurement", "derived")]
    narrowed = [{**old, "fields": [name for name in old["fields"] if name not in changed]} for old in kept]
    evidence = [entry, *(old for old in narrowed if old["fields"])]
    return {**row, **found, "evidence": evidence}, disagreements


def _speaking_for(name: str, row: Row) -> list[Row]:
    return [entry for entry in row["evidence"] if name in entry["fields"]]


def _without_fields(entry: Row) -> Row:
    return {name: value for name, value in entry.items() if name != "fields"}
