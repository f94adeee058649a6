"""Measure the newest opset, IR version and ai.onnx.ml opset that each release loads: writes compat/limits.json.

    python -m tools.measure_limits [VERSION ..] [-o compat/limits.json] [--jobs 2] [--again]

Every release of tools/index_listing.json is installed through pip into a folder of its own, under the newest
interpreter at hand that it has a wheel for, and tries tiny models (tools/measure_limits_child.py). The file is
written after each release, so a run that was cut off goes on where it stopped; a release whose wheel was measured
before is left alone. What was installed is deleted. A release that cannot be measured gets a row that says why.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packaging.version import Version

from tools.import_facts import LISTING, as_text
from tools.import_facts_common import CPU, GPU, GPU_ONLY, Wheels
from tools.measure_limits_rows import Row, Trial, bounds, measured, shortened, trials, unmeasured
from tools.measure_limits_wheels import Choice, Environments, PipError, choose, install, interpreters

COMPAT = Path(__file__).resolve().parents[1] / "compat"
CHILD = Path(__file__).with_name("measure_limits_child.py")

#: Seconds for all models of a release, of which each takes milliseconds; and how many trials may crash or hang
#: before the release is given up.
_CHILD_LIMIT = 180
_MOST_LOST = 5

#: Turns the refusal of a too new opset into a warning.
_UNWANTED = ("ALLOW_RELEASED_ONNX_OPSET_ONLY",)


class BrokenRelease(Exception):  # noqa: N818 - a release that does not even import is no error of ours
    """A release was installed and cannot be measured: what it said."""


def known(projects: dict[str, Wheels]) -> list[str]:
    """Return every release of the listing, oldest first; of pre-releases those of the CPU distribution."""
    gpu = [name for name in projects[GPU] if not Version(name).is_prerelease]
    return sorted({*projects[CPU], *gpu, *GPU_ONLY}, key=Version)


def is_known(row: Row | None, projects: dict[str, Wheels], newest: dict[str, int]) -> bool:
    """Say whether ``row`` was measured with a wheel that the index still lists, and up to ``newest`` or to a limit."""
    if row is None or not row["measured"]:
        return False
    if any(row[f"max_{kind}"] is None and row["tried"][kind] < newest[kind] for kind in newest):
        return False
    python, abi, platform = row["wheel"].removesuffix(".whl").split("-")[-3:]
    listed = projects[row["distribution"]].get(row["version"], {}).get(platform, [])
    return python in listed or abi in listed


def try_all(python: Path, site: Path, folder: Path, wanted: list[Trial]) -> dict[Trial, str | None]:
    """Return each trial's refusal, None where the model ran right. A trial that ends the child counts as refused."""
    results: dict[Trial, str | None] = {}
    lost = 0
    while left := [trial for trial in wanted if trial not in results]:
        ended = _run_child(python, site, folder, left, results)
        left = [trial for trial in wanted if trial not in results]
        if not left:
            break
        lost += 1
        if lost > _MOST_LOST or not results:
            raise BrokenRelease(ended)
        results[left[0]] = ended
    return results


def _run_child(python: Path, site: Path, folder: Path, left: list[Trial], results: dict[Trial, str | None]) -> str:
    """Let a child try what is left, add what it came to, and return how it ended."""
    log = folder / "results"
    log.unlink(missing_ok=True)
    command = [str(python), "-I", str(CHILD), str(site), str(log)]
    environment = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(left),
            env=environment,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_CHILD_LIMIT,
            check=False,
        )
        last = (done.stderr.strip().splitlines() or [""])[-1]
        ended = f"the process ended with exit code {done.returncode}: {last}"
    except subprocess.TimeoutExpired:
        ended = f"the process ran past {_CHILD_LIMIT} seconds"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for line in map(json.loads, lines[1:]):
        kind, number, operator = line["trial"]
        results[kind, number, operator] = line["error"]
    return ended


def measure(choice: Choice, environments: Environments, newest: dict[str, int], today: str) -> Row:
    """Install a release, try its models and return its row; what was installed is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ortdoctor-limits-") as name:
        folder = Path(name)
        try:
            python = environments.python(choice.interpreter, choice.numpy)
            wheel = install(python, choice, folder)
            results = try_all(python, folder / "site", folder, trials(newest))
            return measured(wheel, results, newest, today)
        except (PipError, BrokenRelease, ValueError) as error:
            return unmeasured(choice.version, f"Python {choice.interpreter.version}: {shortened(str(error))}", today)


class LimitsFile:
    """compat/limits.json, written whole and at once after every row; safe to share among threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        self.rows: dict[str, Row] = {row["version"]: row for row in rows}

    def put(self, row: Row) -> bool:
        """Keep a row and say whether it changed anything: a failure never replaces a measurement."""
        with self._lock:
            old = self.rows.get(row["version"])
            if old is not None and (_undated(old) == _undated(row) or (old["measured"] and not row["measured"])):
                return False
            self.rows[row["version"]] = row
            ordered = [self.rows[version] for version in sorted(self.rows, key=Version)]
            beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            beside.write_text(as_text(ordered), encoding="utf-8")
            beside.replace(self._path)
            return True


def _undated(row: Row) -> Row:
    """Return ``row`` without its dates: measuring again what is known changes nothing."""
    return {**row, "evidence": [{**entry, "when": ""} for entry in row["evidence"]]}


def told(row: Row) -> str:
    """Return a row as one line for the log."""
    if not row["measured"]:
        return f"not measured: {row['reason']}"
    names = {"max_opset": "opset", "max_ir": "IR", "max_ml_opset": "ai.onnx.ml"}
    limits = ", ".join(f"{name} {row[field] or 'any'}" for field, name in names.items())
    return f"Python {row['python']}: {limits}" + (f"; gaps {row['gaps']}" if "gaps" in row else "")


def main() -> None:
    """Parse the command line, measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="releases to measure; all by default")
    parser.add_argument("-o", "--output", type=Path, default=COMPAT / "limits.json")
    parser.add_argument("--jobs", type=int, default=2, help="releases at once (default 2)")
    parser.add_argument("--again", action="store_true", help="measure what is known already, too")
    parser.add_argument("--environments", type=Path, help="keep the virtual environments here, for another run")
    arguments = parser.parse_args()
    listing = json.loads(LISTING.read_text(encoding="utf-8"))
    strangers = sorted(set(arguments.versions) - set(known(listing["projects"])))
    if strangers:
        parser.error(
            f"tools/index_listing.json has no release {', '.join(strangers)}; tools/read_index.py refreshes it"
        )
    with tempfile.TemporaryDirectory(prefix="ortdoctor-limits-") as temporary:
        run(arguments, listing["projects"], arguments.environments or Path(temporary))


def run(arguments: argparse.Namespace, projects: dict[str, Wheels], folder: Path) -> None:
    """Measure what the command line asks for, with environments under ``folder``, and tell how it went."""
    began = time.monotonic()
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    file = LimitsFile(arguments.output)
    newest = bounds(_compat("onnx"))
    numpy = {row["version"]: row.get("numpy", "") for row in _compat("builds") if row["channel"] == "index"}
    versions = arguments.versions or known(projects)
    left = [name for name in versions if arguments.again or not is_known(file.rows.get(name), projects, newest)]
    at_hand = interpreters() if left else []
    found = [(name, choose(name, projects, numpy.get(name, ""), at_hand)) for name in left]
    choices = [choice for _, choice in found if isinstance(choice, Choice)]
    print(f"{len(versions)} releases: {len(versions) - len(left)} known, {len(choices)} to measure", flush=True)
    environments = Environments(folder)

    def keep(row: Row, start: float) -> tuple[bool, bool]:
        changed = file.put(row)
        print(f"{row['version']}: {told(row)} ({time.monotonic() - start:.1f} s)", flush=True)
        return row["measured"], changed

    def one(choice: Choice) -> tuple[bool, bool]:
        start = time.monotonic()
        return keep(measure(choice, environments, newest, today), start)

    done = [keep(unmeasured(name, why, today), time.monotonic()) for name, why in found if isinstance(why, str)]
    with ThreadPoolExecutor(max_workers=arguments.jobs) as pool:
        done += pool.map(one, choices)
    print(
        f"{sum(ok for ok, _ in done)} measured, {sum(not ok for ok, _ in done)} not, "
        f"{sum(changed for _, changed in done)} rows changed, {time.monotonic() - began:.0f} s",
        flush=True,
    )


def _compat(stem: str) -> Any:  # noqa: ANN401 - JSON is any
    return json.loads((COMPAT / f"{stem}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
