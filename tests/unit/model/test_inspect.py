from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto, helper

from ortdoctor.data import compat_json
from ortdoctor.diagnose.matrix import STEMS, Matrix
from ortdoctor.model.inspect import graph_text, inspect, runtimes
from ortdoctor.model.load import load
from tests.unit.model.made import constant_model, outputs_of, save, scrfd_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return Matrix({stem: compat_json(stem) for stem in STEMS})


def test_the_facts_of_a_model(tmp_path: Path, matrix: Matrix) -> None:
    proto = constant_model(outputs_of("batched"), shape=(1, 3, 64, 64))
    proto.producer_name, proto.producer_version, proto.doc_string = "made", "1", "a test"
    proto.metadata_props.add(key="licence", value="none")
    facts = inspect(load(save(proto, tmp_path)), matrix)
    assert (facts.file, facts.producer, facts.ir, facts.opsets) == ("model.onnx", "made 1", 6, {"ai.onnx": 11})
    assert (facts.nodes, facts.operators, facts.doc) == (9, {"Identity": 9}, "a test")
    assert facts.metadata == {"licence": "none"}
    assert (facts.inputs[0].name, facts.inputs[0].dtype, facts.inputs[0].shape) == (
        "input.1",
        "float32",
        (1, 3, 64, 64),
    )
    assert facts.checker.ok
    assert facts.scrfd.form == "batched"
    assert facts.runtimes.first is not None
    document = json.loads(json.dumps(facts.to_json()))
    assert document["schema"] == "ortdoctor.model/1"
    assert document["scrfd"]["spec"]["form"] == "batched"


def test_sub_graphs_and_other_domains_are_counted(tmp_path: Path, matrix: Matrix) -> None:
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("Relu", ["x"], ["z"])], "branch", [], [z])
    nodes = [
        helper.make_node("If", ["c"], ["t"], then_branch=branch, else_branch=branch),
        helper.make_node("Gelu", ["t"], ["y"], domain="com.microsoft"),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "n"])]
    inputs.append(helper.make_tensor_value_info("c", TensorProto.BOOL, []))
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    imports = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    path = save(helper.make_model(graph, opset_imports=imports, ir_version=7), tmp_path)
    facts = inspect(load(path), matrix)
    assert facts.operators == {"Relu": 2, "If": 1, "com.microsoft.Gelu": 1}
    assert facts.inputs[0].shape == (1, "n")
    assert facts.outputs[0].shape is None
    assert facts.scrfd.reason == "it takes 2 inputs, a detector takes one picture."


def test_the_releases_that_load_it_follow_the_matrix(tmp_path: Path, matrix: Matrix) -> None:
    old = runtimes(load(scrfd_file(tmp_path, opset=11, ir=6)), matrix)
    assert old.first == "1.0.0"
    newer = runtimes(load(scrfd_file(tmp_path, opset=13, ir=7)), matrix)
    assert newer.first == "1.6.0"
    assert "1.0.0" in newer.unenforced
    assert newer.newest == matrix.releases()[-1].version
    assert newer.count < old.count


def test_an_invalid_graph_is_told_by_the_checker(tmp_path: Path, matrix: Matrix) -> None:
    proto = constant_model(outputs_of("flat"))
    proto.graph.node[0].input[0] = "nowhere"
    facts = inspect(load(save(proto, tmp_path)), matrix, run=False)
    assert not facts.checker.ok
    assert "nowhere" in (facts.checker.message or "")


def test_the_graph_is_printed_without_weights(tmp_path: Path) -> None:
    text = graph_text(load(scrfd_file(tmp_path)))
    assert "score_8 = Identity (c0)" in text
    assert "128 values, not shown" in text
    assert len(text) < 5000
