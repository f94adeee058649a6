"""Check that a bundle, folder or archive, is whole, unchanged and harmless to unpack. Nothing is extracted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ortdoctor.bundle.manifest import NAME
from ortdoctor.bundle.manifest_check import manifest_problems, members_of
from ortdoctor.bundle.members import LARGEST_MANIFEST, Entry, Reader, name_problem, printable
from ortdoctor.bundle.members_open import open_reader
from ortdoctor.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What running a bundle leaves in its folder (docs/bundle.md); it is never part of an archive.
LEFTOVERS = ("__pycache__", "smoke_report.json")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; ``file`` is its name in the bundle, None where it is the bundle as a whole.

    ``kind`` is a stable word: ``unreadable``, ``manifest``, ``newer``, ``missing``, ``extra``, ``changed``,
    ``unsafe``, ``duplicate``, ``too-large``.
    """

    kind: str
    file: str | None
    text: str


@dataclass(frozen=True)
class VerifyReport:
    """What :func:`verify` found; ``checked`` files agree with the manifest, ``tolerated`` are not part of it."""

    path: Path
    problems: tuple[Problem, ...]
    checked: int
    manifest: dict[str, Any] | None
    tolerated: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON types."""
        return {
            "schema": "ortdoctor.verify/1",
            "ok": self.ok,
            "checked": self.checked,
            "problems": [{"kind": found.kind, "file": found.file, "text": found.text} for found in self.problems],
            "tolerated": list(self.tolerated),
        }


def verify(path: str | Path) -> VerifyReport:
    """Check the bundle at ``path`` and return what is wrong with it.

    :class:`BundleError` only where there is nothing to check: no such path, or neither a folder nor an archive.
    A digest finds accidents and clumsy changes; it cannot tell who wrote the bundle.
    """
    path = Path(path)
    if not path.exists():
        raise BundleError(f"{path} does not exist; name the folder or the archive of a bundle.")
    try:
        with open_reader(path) as reader:
            return _verify(path, reader)
    except (OSError, ValueError, EOFError) as error:
        return VerifyReport(path, (Problem("unreadable", None, f"it cannot be read: {error}"),), 0, None)


def _verify(path: Path, reader: Reader) -> VerifyReport:
    entries = list(reader.entries())
    unsafe = _unsafe(entries)
    problems = [*(_problem("unsafe", name, reason) for name, reason in unsafe.items()), *_duplicates(entries)]
    names = {entry.name for entry in entries if entry.kind == "file"} - unsafe.keys()
    if NAME not in names:
        problems.append(Problem("missing", NAME, "it has no manifest.json, so it is no bundle or not all of one"))
        return VerifyReport(path, tuple(problems), 0, None)
    data, error = _read_manifest(reader)
    if error is not None:
        return VerifyReport(path, (*problems, error), 0, None)
    document, found = _parse(data)
    problems += found
    if document is None:
        return VerifyReport(path, tuple(problems), 0, None)
    listed = members_of(document)
    problems += [_problem("missing", name, "it is not there") for name in sorted(set(listed) - names - unsafe.keys())]
    extra = sorted(names - set(listed) - {NAME})
    tolerated = [name for name in extra if not reader.packed and _is_leftover(name)]
    problems += [_problem("extra", name, "the manifest does not list it") for name in extra if name not in tolerated]
    changed = list(_changed(reader, listed, names))
    problems += changed
    checked = len(set(listed) & names) - len(changed)
    return VerifyReport(path, tuple(problems), checked, document, tuple(tolerated))


def _problem(kind: str, name: str, text: str) -> Problem:
    return Problem(kind, printable(name), text)


def _unsafe(entries: Iterable[Entry]) -> dict[str, str]:
    """Return why members cannot be unpacked without harm, by their names."""
    reasons = {}
    for entry in entries:
        reason = name_problem(entry.name)
        if reason is None and entry.kind not in ("file", "folder"):
            reason = f"it is a {entry.kind}; a bundle holds plain files only"
        if reason is not None:
            reasons[entry.name] = reason
    return reasons


def _duplicates(entries: Iterable[Entry]) -> list[Problem]:
    """Names that are one file on some system: the same twice, or different only in case."""
    seen: dict[str, str] = {}
    problems = []
    for entry in entries:
        if entry.kind == "folder":
            continue
        key = entry.name.casefold()
        if key in seen:
            problems.append(_problem("duplicate", entry.name, f"it is there twice (also as {seen[key]!r})"))
        seen[key] = entry.name
    return problems


def _read_manifest(reader: Reader) -> tuple[bytes, Problem | None]:
    data = reader.read(NAME, LARGEST_MANIFEST + 1)
    if len(data) > LARGEST_MANIFEST:
        return b"", Problem("too-large", NAME, f"it has more than {LARGEST_MANIFEST} bytes, which no manifest has")
    return data, None


def _parse(data: bytes) -> tuple[dict[str, Any] | None, list[Problem]]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        return None, [Problem("manifest", NAME, f"it is not JSON: {error}")]
    fatal, found = manifest_problems(document, data)
    problems = [Problem(kind, NAME, text) for kind, text in found]
    return (None if fatal else document), problems


def _is_leftover(name: str) -> bool:
    parts = name.split("/")
    if set(parts) & set(LEFTOVERS):
        return parts[-1] == LEFTOVERS[1] or parts[-2:-1] == [LEFTOVERS[0]]
    return len(parts) == 1 and name.lower().endswith(PICTURES)


def _changed(reader: Reader, listed: dict[str, tuple[str, int]], present: set[str]) -> Iterable[Problem]:
    for found in reader.measure({name: size for name, (_, size) in listed.items() if name in present}):
        digest, size = listed[found.name]
        if found.error is not None:
            yield _problem("unreadable", found.name, f"it cannot be read: {found.error}")
        elif found.size > size:
            yield _problem("too-large", found.name, f"it has more than the {size} bytes that the manifest says")
        elif found.size != size:
            yield _problem("changed", found.name, f"it has {found.size} bytes, the manifest says {size}")
        elif found.sha256 != digest:
            yield _problem("changed", found.name, f"its SHA-256 is {found.sha256}, the manifest says {digest}")
