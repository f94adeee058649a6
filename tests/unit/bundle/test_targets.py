from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from packaging.specifiers import SpecifierSet

from ortdoctor.bundle.targets import ceilings, find, target_ids
from ortdoctor.data import compat_json, folder
from ortdoctor.diagnose.matrix_rows import read_evidence
from ortdoctor.errors import MatrixError, UsageError

if TYPE_CHECKING:
    from ortdoctor.diagnose.matrix import Matrix


@pytest.fixture(scope="module")
def rows() -> Any:
    return compat_json("targets")


def test_the_file_keeps_its_schema_and_has_evidence(rows: Any) -> None:
    schema = json.loads((folder("compat") / "schema" / "targets.schema.json").read_text("utf-8"))
    jsonschema.validate(rows, schema)
    for row in rows:
        assert read_evidence(row["id"], row)
    assert target_ids(rows) == ["cpu", "host", "cuda10"]


def test_an_unknown_target_is_a_sentence_with_those_there_are(rows: Any) -> None:
    with pytest.raises(UsageError, match="'tpu' is not known; there are: cpu, cuda10, host"):
        find("tpu", rows)


def test_a_row_that_is_not_complete_is_refused() -> None:
    with pytest.raises(MatrixError, match="'x' is not complete"):
        find("x", [{"id": "x", "title": "t"}])


def test_cpu_is_the_newest_release_of_the_matrix_for_each_python(rows: Any, matrix: Matrix) -> None:
    target = find("cpu", rows)
    builds = [row for row in matrix.builds("onnxruntime", os="linux", arch="x86_64") if row.availability == "index"]
    if not builds:
        pytest.skip("the matrix has no builds of the CPU distribution")
    assert target.ort[0] == builds[-1].version
    for pin in target.pins:
        minor = pin.python.split()[1].split(".")[1]
        fitting = [row for row in builds if any(tag.startswith(f"cp3{minor}") for tag in row.python)]
        assert fitting[-1].version == pin.packages["onnxruntime"], pin.python


def test_every_python_has_exactly_one_pin(rows: Any) -> None:
    for row in rows:
        target = find(row["id"], rows)
        for minor in range(6, 15 if target.cuda is None else 9):
            fits = [pin for pin in target.pins if SpecifierSet(pin.python).contains(f"3.{minor}")]
            assert len(fits) == 1, (target.id, minor)


def test_cuda10_stays_within_what_every_release_of_its_age_takes(rows: Any, matrix: Matrix) -> None:
    target = find("cuda10", rows)
    assert (target.opset, target.ir) == (11, 6)
    age = ("1.0.0", "1.1.2", "1.2.0", "1.3.0", "1.4.0", "1.5.2", "1.6.0")
    known = [limits for limits in map(matrix.limits, age) if limits is not None]
    assert min(limits.opset for limits in known) == target.opset
    assert min(limits.ir for limits in known) == target.ir
    assert ceilings(target, target.ort, matrix) == (11, 6)


def test_the_choices_agree_with_the_builds_that_the_matrix_knows(rows: Any, matrix: Matrix) -> None:
    for choice in find("cuda10", rows).choices:
        builds = matrix.builds("onnxruntime-gpu", choice.version)
        assert {row.cuda for row in builds if row.cuda and row.channel != "jetson"} <= {choice.cuda}
