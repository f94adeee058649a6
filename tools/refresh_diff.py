"""What changed between two states of a file of the matrix, for people to read before they commit it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Rows = list[dict[str, Any]]


def changes(before: Rows, after: Rows, key: str) -> list[str]:
    """Return a line per row that came or went and per field that changed; ``key`` names a row."""
    old, new = ({row[key]: row for row in rows} for rows in (before, after))
    lines = [f"+ {name}" for name in new if name not in old]
    lines += [f"- {name}" for name in old if name not in new]
    for name in new:
        if name in old and old[name] != new[name]:
            lines += [f"~ {name}: {line}" for line in _fields(old[name], new[name])]
    return lines


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for field in sorted({*old, *new} - {"evidence"}):
        a, b = old.get(field), new.get(field)
        if a == b:
            continue
        if isinstance(a, list) and isinstance(b, list):
            parts = [f"+{_text(item)}" for item in _without(b, a)] + [f"-{_text(item)}" for item in _without(a, b)]
            yield f"{field} {' '.join(parts) or 'in another order'}"
        else:
            yield f"{field} {'(none)' if a is None else _text(a)} -> {'(none)' if b is None else _text(b)}"
    if old.get("evidence") != new.get("evidence"):
        yield "evidence"


def _without(items: Iterable[Any], others: list[Any]) -> list[Any]:
    return [item for item in items if item not in others]


def _text(value: Any) -> str:  # noqa: ANN401 - JSON is any
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
