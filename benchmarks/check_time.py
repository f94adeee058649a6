"""How long ``ortdoctor check`` takes beside onnxruntime's own ``print_debug_info()``; see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

_DEBUG_INFO = "import onnxruntime; onnxruntime.print_debug_info()"


class Run(NamedTuple):
    """Seconds that one command took: on the wall, and of CPU in it and its children."""

    wall: float
    cpu: float


class Pair(NamedTuple):
    """A command and what it is compared with, run in turn."""

    name: str
    aim: float
    command: list[str]
    reference: list[str]


def environment(folder: Path, packages: list[str]) -> Path:
    """Make a virtual environment with ``packages`` (unless it is there) and return its interpreter."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    # Not editable: pip compiles what it installs, as it does for users.
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *packages, str(ROOT)], check=True)
    subprocess.run([*install, "--force-reinstall", "--no-deps", str(ROOT)], check=True)
    return python


def measured(command: list[str], cwd: Path) -> Run:
    """Run a command once; its output is thrown away and its exit code is a verdict, no failure."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd, check=False, timeout=300)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(pair: Pair, rounds: int, cwd: Path) -> dict[str, object]:
    """Run both sides in turn, first once to warm up the disk's cache, and return what was measured."""
    runs = [(measured(pair.reference, cwd), measured(pair.command, cwd)) for _ in range(rounds + 1)][1:]
    result: dict[str, object] = {"name": pair.name, "aim": pair.aim, "rounds": rounds}
    for field in Run._fields:
        theirs, ours = ([getattr(both[side], field) for both in runs] for side in (0, 1))
        ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
        result[field] = {
            "reference": {"min": min(theirs), "median": statistics.median(theirs), "max": max(theirs)},
            "command": {"min": min(ours), "median": statistics.median(ours), "max": max(ours)},
            "ratio": {
                "median": statistics.median(ratios),
                "low": ratios[len(ratios) // 4],
                "high": ratios[-1 - len(ratios) // 4],
                "of_minima": min(ours) / min(theirs),
            },
        }
    return result


def table(results: list[dict[str, object]]) -> str:
    """Return the results as text, a line for each command and kind of time; the spread is that of the middle half."""
    names = ("command", "time", "min s", "median s", "ratio", "middle half", "of minima", "aim")
    head = "{:<14}{:<6}{:>8}{:>10}{:>8}{:>16}{:>11}{:>7}".format(*names)
    lines = [head]
    for result in results:
        for field in Run._fields:
            told = result[field]
            assert isinstance(told, dict)  # noqa: S101 - made above
            command, ratio = told["command"], told["ratio"]
            spread = f"{ratio['low']:.2f} to {ratio['high']:.2f}"
            lines.append(
                f"{result['name']!s:<14}{field:<6}{command['min']:>8.3f}{command['median']:>10.3f}"
                f"{ratio['median']:>8.2f}{spread:>16}{ratio['of_minima']:>11.2f}{result['aim']!s:>7}"
            )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of runs for each command")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
    parser.add_argument("--keep", type=Path, help="folder of the environments, kept for the next run")
    parser.add_argument("--package", default="onnxruntime", help="what is installed to be compared with")
    parser.add_argument("--pyz", type=Path, help="also measure this zipapp")
    asked = parser.parse_args(arguments)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users' interpreters keep what they compile
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.keep or Path(scratch)).resolve()
        bare = environment(folder / "bare", [])
        full = environment(folder / asked.package, [asked.package])
        reference = [str(full), "-c", _DEBUG_INFO]
        pairs = [
            Pair("check", 2.0, [str(full.with_name("ortdoctor")), "check"], reference),
            Pair("check before", 1.0, [str(bare.with_name("ortdoctor")), "check"], reference),
        ]
        if asked.pyz is not None:
            pyz = str(asked.pyz.resolve())
            pairs += [
                Pair("pyz", 1.0, [str(full), pyz, "check"], reference),
                Pair("pyz before", 1.0, [str(bare), pyz, "check"], reference),
            ]
        results = [compare(pair, asked.rounds, Path(scratch)) for pair in pairs]
    print(json.dumps(results, indent=2) if asked.as_json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
