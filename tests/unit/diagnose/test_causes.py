"""The vocabulary of causes: of its schema, without repeats, with every label of the taxonomy."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jsonschema
import pytest

from ortdoctor import data
from tests import recorded

ROOT = Path(__file__).resolve().parents[3]
RULES = sorted((ROOT / "ortdoctor" / "diagnose" / "rules").glob("*.py"))


def test_the_file_is_of_its_schema() -> None:
    jsonschema.validate(recorded.causes(), data.compat_json("schema/causes.schema"))
    ids = [row["id"] for row in recorded.causes()]
    assert len(ids) == len(set(ids))


def test_every_label_of_the_taxonomy_is_a_cause() -> None:
    taxonomy = ROOT.parent / "shared" / "errors" / "README.md"
    if not taxonomy.is_file():
        pytest.skip(f"the taxonomy is not at {taxonomy}")
    labels = dict(
        re.findall(r"^\| \w+ \| (\w+) \| (\d+) \|", taxonomy.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert len(labels) > 60
    assert not set(labels) - {row["id"] for row in recorded.causes()}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_name_causes_of_the_vocabulary_only(path: Path) -> None:
    known = {row["id"] for row in recorded.causes()}
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("Finding", "Known")
        ):
            causes = [node.args[0 if node.func.id == "Finding" else 1]] if node.args else []
            causes += [keyword.value for keyword in node.keywords if keyword.arg == "cause"]
            for cause in causes:
                named |= {item.value for item in ast.walk(cause) if isinstance(item, ast.Constant)}
    assert {
        name for name in named if isinstance(name, str) and "_" in name and not name.startswith("SIG")
    } <= known
