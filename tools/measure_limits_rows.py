"""What tools/measure_limits.py tries, and how the results become a row of compat/limits.json (docs/matrix.md)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tools.measure_limits_child import ML_OPERATORS, OLD_OPSET, OLDEST_IR, OPERATORS

Row = dict[str, Any]
Trial = tuple[str, int, str]

#: Releases promise opset 7 and newer, so that is where a gap counts.
FIRST = {"opset": OLD_OPSET, "ir": OLDEST_IR, "ml_opset": 1}

#: How far beyond the newest of any known release of ONNX a model is tried: a release that takes all of these
#: enforces nothing.
BEYOND = 4

KINDS = ("opset", "ir", "ml_opset")
_LONGEST_REFUSAL = 240


class Wheel(NamedTuple):
    """A wheel as pip downloaded it; ``python`` is the interpreter's version (``3.8.18``)."""

    distribution: str
    version: str
    file: str
    sha256: str
    python: str


def bounds(onnx_rows: list[Row]) -> dict[str, int]:
    """Return the newest opset, IR version and ai.onnx.ml opset to try, given the rows of compat/onnx.json."""
    return {kind: max(row[kind] for row in onnx_rows) + BEYOND for kind in KINDS}


def trials(newest: dict[str, int]) -> list[Trial]:
    """Return every trial in order: each number with each operator, so that a gap of one does not mislead."""
    plain = [name for name in OPERATORS if name not in ML_OPERATORS]
    operators = {"opset": plain, "ir": plain, "ml_opset": list(ML_OPERATORS)}
    return [
        (kind, number, operator)
        for kind in KINDS
        for number in range(FIRST[kind], newest[kind] + 1)
        for operator in operators[kind]
    ]


def shortened(refusal: str) -> str:
    """Return the words of a refusal: no error code, no path and signature of the source, no middle sentences."""
    text = re.sub(r"\s+", " ", refusal).strip()
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"Load model from \S+ failed: ?", "", text)
    # /onnxruntime_src/onnxruntime/core/graph/model.cc:129 onnxruntime::Model::Model(onnx::ModelProto&&, bool) Words
    text = re.sub(r"(?:/|[A-Za-z]:\\)\S+:\d+ [^()]*\([^()]*\)(?: const)? ?", "", text)
    text = re.sub(r"(?:/|[A-Za-z]:\\)[^\s:]*[/\\]([^\s/\\]+)", r"\1", text)
    if len(text) <= _LONGEST_REFUSAL:
        return text
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
    ends = text if len(sentences) < 3 else f"{sentences[0]} ... {sentences[-1]}"
    return ends if len(ends) <= _LONGEST_REFUSAL else ends[: _LONGEST_REFUSAL - 4] + " ..."


def measured(wheel: Wheel, results: dict[Trial, str | None], newest: dict[str, int], when: str) -> Row:
    """Return the row of a release from its results: None for a model that ran right, else the refusal.

    ``ValueError`` where not even the oldest models ran: then the installation is broken, not the limit low.
    """
    row: Row = {
        "id": wheel.version,
        "version": wheel.version,
        "measured": True,
        "distribution": wheel.distribution,
        "wheel": wheel.file,
        "sha256": wheel.sha256,
        "python": wheel.python,
    }
    limits = {kind: _limit(kind, results, newest) for kind in KINDS}
    row["enforced"] = limits["opset"] is not None and limits["ir"] is not None
    row.update({f"max_{kind}": limits[kind] for kind in KINDS})
    row["tried"] = dict(newest)
    refusals = {kind: _refusal(kind, limit + 1, results) for kind, limit in limits.items() if limit is not None}
    if refusals:
        row["refusal"] = refusals
    gaps = {kind: _gaps(kind, limits[kind] or newest[kind], results) for kind in KINDS}
    if any(gaps.values()):
        row["gaps"] = {kind: found for kind, found in gaps.items() if found}
    where = f"{wheel.file} under Python {wheel.python} loads and runs, or refuses, one-node models"
    row["evidence"] = [{"kind": "measurement", "where": where, "when": when, "confidence": "measured"}]
    return row


def unmeasured(version: str, reason: str, when: str) -> Row:
    """Return the row of a release that could not be measured, with the reason."""
    where = "tools/measure_limits.py, which found no limits"
    entry = {"kind": "measurement", "where": where, "when": when, "confidence": "measured", "fields": ["reason"]}
    return {"id": version, "version": version, "measured": False, "reason": reason, "evidence": [entry]}


def _limit(kind: str, results: dict[Trial, str | None], newest: dict[str, int]) -> int | None:
    """Return the newest number up to which some operator always ran; None where all that was tried did."""
    ran = {number for (of, number, _), refusal in results.items() if of == kind and refusal is None}
    number = FIRST[kind] - 1
    while number + 1 in ran:
        number += 1
    if number < FIRST[kind]:
        first = next(refusal for (of, _, _), refusal in results.items() if of == kind and refusal is not None)
        raise ValueError(f"not even {kind} {FIRST[kind]} ran: {shortened(first)}")
    if max(ran) != number:
        raise ValueError(f"{kind} {number + 1} is refused and {max(ran)} runs: there is no one limit")
    return None if number == newest[kind] else number


def _refusal(kind: str, number: int, results: dict[Trial, str | None]) -> str:
    return shortened(next(text for (of, at, _), text in results.items() if (of, at) == (kind, number) and text))


def _gaps(kind: str, limit: int, results: dict[Trial, str | None]) -> dict[str, list[int]]:
    """Return the numbers within the limit that an operator does not run at, by operator."""
    found: dict[str, list[int]] = {}
    for (of, number, operator), refusal in results.items():
        if of == kind and number <= limit and refusal is not None:
            found.setdefault(operator, []).append(number)
    return found
