"""Read again what every released wheel of ONNX Runtime says, and write it into the matrix (docs/matrix.md).

    python -m tools.refresh_matrix --facts FACTS.json

1. tools/index_listing.json: which wheels the index holds.
2. compat/wheels.json: one wheel per release and platform. The index announces each file's digest; a wheel that
   is known by it is not downloaded. Every other one is downloaded, read and deleted, and the file is written
   after each, so an interrupted run goes on where it was.
3. With ``--facts``: the files of compat/ that tools/import_facts.py makes of the facts, the listing and the wheels.

Everything comes through pip (26.3 was used: its dry run reads the metadata beside a wheel, not the wheel). What
changed is printed. The same wheels make the same bytes: the date in the evidence is the one of the first reading.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from tools import import_facts, read_index
from tools.refresh_diff import changes
from tools.refresh_pip import Announced, PipError, Target, announced, download
from tools.refresh_plan import in_order, row_id, row_of, targets
from tools.refresh_wheel import read_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPAT = Path(__file__).resolve().parents[1] / "compat"

#: How many wheels are asked for, downloaded and read at once.
_AT_ONCE = 3

Row = dict[str, Any]


class Wheels:
    """compat/wheels.json: rows by id, written whole and at once after every wheel."""

    def __init__(self, path: Path, today: str) -> None:
        self.path = path
        self.today = today
        self.rows: dict[str, Row] = {row["id"]: row for row in _rows(path)}

    def knows(self, target: Target, found: Announced) -> bool:
        """Tell whether this very file was read."""
        return self.rows.get(row_id(target), {}).get("sha256") == found.sha256

    def keep(self, target: Target, file: str, facts: Mapping[str, Any]) -> None:
        """Add or replace a row and write the file; a file that was read before keeps its date."""
        known = self.rows.get(row_id(target), {})
        same = known.get("sha256") == facts["sha256"]
        row = row_of(target, file, facts, known["evidence"][0]["when"] if same else self.today)
        if row != known:
            self.rows[row["id"]] = row
            write(self.path, import_facts.as_text(in_order(self.rows)))


class Count:
    """What one run did."""

    def __init__(self, total: int) -> None:
        self.started = time.monotonic()
        self.total = total
        self.done = self.read = self.bytes = 0
        self.failed: list[str] = []

    def say(self, target: Target, what: str) -> None:
        """Print a line of progress."""
        self.done += 1
        print(f"[{self.done}/{self.total}] {target}: {what}", flush=True)


def refresh_wheels(wanted: list[Target], wheels: Wheels, scratch: Path) -> Count:
    """Read every wheel of ``wanted`` that is not known; what fails is counted and does not stop the others."""
    count = Count(len(wanted))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        jobs = {pool.submit(_one, target, wheels, scratch): target for target in wanted}
        try:
            for job in as_completed(jobs):
                _take(jobs[job], job.result, wheels, count)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return count


def _take(target: Target, result: Any, wheels: Wheels, count: Count) -> None:  # noqa: ANN401 - a bound method
    try:
        found, facts, seconds = result()
    except (PipError, ValueError, KeyError, BadZipFile, OSError, StopIteration) as error:
        count.failed.append(f"{target}: {error}")
        count.say(target, f"failed: {error}")
        return
    if facts is None:
        known = wheels.rows[row_id(target)]
        # The tags are the listing's: they change when a release gets wheels for another Python.
        wheels.keep(target, found.file, {name: value for name, value in known.items() if name not in target._fields})
        count.say(target, "known")
        return
    wheels.keep(target, found.file, facts)
    count.read += 1
    count.bytes += facts["size"]
    count.say(target, f"{facts['size'] / 1e6:.0f} MB in {seconds:.0f} s")


def _one(target: Target, wheels: Wheels, scratch: Path) -> tuple[Announced, Row | None, float]:
    begun = time.monotonic()
    found = announced(target)
    if wheels.knows(target, found):
        return found, None, 0.0
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        facts = read_wheel(download(target, Path(folder)))
    if facts["sha256"] != found.sha256:
        raise ValueError(f"the index announced the digest {found.sha256}, the file has {facts['sha256']}")
    return found, facts, time.monotonic() - begun


def refresh_listing(path: Path) -> dict[str, Any]:
    """Ask for the listing of the index; it is written, with the date, where it has changed."""
    known = json.loads(path.read_text(encoding="utf-8"))
    projects = read_index.read_projects()
    if projects == known["projects"]:
        return dict(known["projects"])
    for project, versions in projects.items():
        before = known["projects"].get(project, {})
        rows = [[{"version": name, **tags} for name, tags in state.items()] for state in (before, versions)]
        _print_changes(f"{path.name}: {project}", changes(rows[0], rows[1], "version"))
    write(path, read_index.as_text(projects))
    return dict(projects)


def rebuild(facts: Path, compat: Path) -> None:
    """Write the files that tools/import_facts.py makes and print what changed in the builds."""
    for stem, content in import_facts.from_files(facts, compat / "wheels.json").items():
        path = compat / f"{stem}.json"
        if stem in ("builds", "conflicts"):
            key = "id" if stem == "builds" else "topic"
            _print_changes(path.name, changes(_rows(path), content, key))
        write(path, import_facts.as_text(content))


def write(path: Path, text: str) -> None:
    """Replace a file at once; one that already says ``text`` is left alone."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _rows(path: Path) -> list[Row]:
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def _print_changes(title: str, lines: list[str]) -> None:
    print(f"{title}: {len(lines)} changes", *lines, sep="\n  ", flush=True)


def main() -> None:
    """Parse the command line and refresh."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=Path, help="facts.json; without it only the listing and wheels.json are made")
    parser.add_argument("--compat", type=Path, default=COMPAT, help="the folder compat")
    parser.add_argument("--scratch", type=Path, help="where wheels lie while they are read (3 at once, 1 GB each)")
    parser.add_argument("--only", default="", help="read only releases whose id holds this text: gpu-1.31")
    arguments = parser.parse_args()
    projects = refresh_listing(import_facts.LISTING)
    wanted = [target for target in targets(projects) if arguments.only in row_id(target)]
    wheels = Wheels(arguments.compat / "wheels.json", read_index.today())
    before = in_order(wheels.rows)
    with tempfile.TemporaryDirectory(prefix="refresh-", dir=arguments.scratch) as scratch:
        count = refresh_wheels(wanted, wheels, Path(scratch))
    _print_changes("wheels.json", changes(before, in_order(wheels.rows), "id"))
    if arguments.facts:
        rebuild(arguments.facts, arguments.compat)
    seconds = time.monotonic() - count.started
    print(f"{count.read} of {count.total} wheels read, {count.bytes / 1e9:.2f} GB, {seconds:.0f} s")
    if count.failed:
        sys.exit("not read:\n  " + "\n  ".join(count.failed))


if __name__ == "__main__":
    main()
