"""Write the compatibility matrix (docs/matrix.md) from a collection of facts: same input, same bytes.

    python -m tools.import_facts FACTS.json -o compat

``opset-support.json`` is read from the folder of FACTS.json, the listing of the index from
tools/index_listing.json (tools/read_index.py writes it), what is in the wheels from compat/wheels.json
(tools/refresh_matrix.py writes it), what was measured here from compat/limits.json (tools/measure_limits.py writes
it). What the facts say in words is turned into rows by
the commented tables of the modules ``import_facts_*``; a word that no table knows stops the program.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from packaging.version import Version

from tools import import_facts_rows as rows
from tools.import_facts_builds import builds
from tools.import_facts_common import CPU, GPU, GPU_ONLY, Sources
from tools.import_facts_conflicts import conflicts
from tools.import_facts_limits import prefer

LISTING = Path(__file__).with_name("index_listing.json")
COMPAT = Path(__file__).resolve().parents[1] / "compat"
WHEELS, LIMITS = COMPAT / "wheels.json", COMPAT / "limits.json"


def matrix(
    facts: dict[str, Any],
    opsets: dict[str, Any],
    listing: dict[str, Any],
    read: list[dict[str, Any]],
    limits: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the files of the matrix by stem; ``read`` are the rows of wheels.json, ``limits`` of limits.json."""
    when = facts["meta"]["collected"]
    wheels = listing["projects"]
    known = {name for name in (*wheels[CPU], *wheels[GPU], *GPU_ONLY) if not Version(name).is_prerelease}
    rows_of_builds, differ = builds(Sources(facts, wheels, listing["read"], when, read))
    releases, disagreements = prefer(rows.releases(facts, opsets, sorted(known, key=Version), when), limits)
    told = [*conflicts(facts, when, differ), *disagreements]
    return {
        "releases": releases,
        "builds": rows_of_builds,
        "drivers": rows.drivers(facts, when),
        "gpus": rows.gpus(facts, when),
        "jetpack": rows.jetpacks(facts, when),
        "distributions": rows.distributions(facts, when),
        "python_api": rows.python_api(facts, when),
        "onnx": rows.onnx_releases(facts, when),
        "conflicts": sorted(told, key=lambda row: str(row["topic"])),
    }


def from_files(facts: Path, wheels: Path, limits: Path = LIMITS) -> dict[str, Any]:
    """Return the files of the matrix by stem, made of the facts, the listing, wheels.json and limits.json."""
    sources = (facts, facts.with_name("opset-support.json"), LISTING, wheels, limits)
    return matrix(*(json.loads(path.read_text(encoding="utf-8")) for path in sources))


def as_text(content: Any) -> str:  # noqa: ANN401 - JSON is any
    """Return JSON with a field per line and an entry of evidence per line, so that a change reads as one."""
    if isinstance(content, dict):
        parts = [f"{json.dumps(name)}: {as_text(rows).rstrip()}" for name, rows in content.items()]
        return "{\n" + ",\n".join(parts) + "\n}\n"
    return "[\n" + ",\n".join(map(_row_text, content)) + "\n]\n"


def _row_text(row: dict[str, Any]) -> str:
    lines = []
    for name, value in sorted(row.items(), key=lambda item: item[0] == "evidence"):
        text = json.dumps(value, ensure_ascii=False)
        if name == "evidence":
            text = "[\n" + ",\n".join(f"   {json.dumps(entry, ensure_ascii=False)}" for entry in value) + "\n  ]"
        lines.append(f"  {json.dumps(name)}: {text}")
    return " {\n" + ",\n".join(lines) + "\n }"


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path, help="facts.json")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder compat")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for stem, content in from_files(arguments.facts, WHEELS).items():
        (arguments.output / f"{stem}.json").write_text(as_text(content), encoding="utf-8")


if __name__ == "__main__":
    main()
