"""Write the compatibility matrix (docs/matrix.md) from a collection of facts: same input, same bytes.

    python -m tools.import_facts FACTS.json -o compat

``opset-support.json`` is read from the folder of FACTS.json, the listing of the index from
tools/index_listing.json (tools/read_index.py writes it), what was measured here from compat/limits.json
(tools/measure_limits.py writes it). What the facts say in words is turned into rows by
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
LIMITS = Path(__file__).resolve().parents[1] / "compat" / "limits.json"


def matrix(
    facts: dict[str, Any], opsets: dict[str, Any], listing: dict[str, Any], limits: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the files of the matrix by stem."""
    when = facts["meta"]["collected"]
    wheels = listing["projects"]
    known = {name for name in (*wheels[CPU], *wheels[GPU], *GPU_ONLY) if not Version(name).is_prerelease}
    releases, disagreements = prefer(rows.releases(facts, opsets, sorted(known, key=Version), when), limits)
    return {
        "releases": releases,
        "builds": builds(Sources(facts, wheels, listing["read"], when)),
        "drivers": rows.drivers(facts, when),
        "gpus": rows.gpus(facts, when),
        "jetpack": rows.jetpacks(facts, when),
        "distributions": rows.distributions(facts, when),
        "python_api": rows.python_api(facts, when),
        "onnx": rows.onnx_releases(facts, when),
        "conflicts": sorted([*conflicts(facts, when), *disagreements], key=lambda row: str(row["topic"])),
    }


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
    facts = json.loads(arguments.facts.read_text(encoding="utf-8"))
    opsets = json.loads(arguments.facts.with_name("opset-support.json").read_text(encoding="utf-8"))
    listing = json.loads(LISTING.read_text(encoding="utf-8"))
    limits = json.loads(LIMITS.read_text(encoding="utf-8"))
    arguments.output.mkdir(parents=True, exist_ok=True)
    for stem, content in matrix(facts, opsets, listing, limits).items():
        (arguments.output / f"{stem}.json").write_text(as_text(content), encoding="utf-8")


if __name__ == "__main__":
    main()
