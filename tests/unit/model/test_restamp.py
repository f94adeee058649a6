from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ortdoctor.errors import DowngradeError
from ortdoctor.model.load import load
from ortdoctor.model.restamp import restamp
from tests.unit.model.made import save, scrfd_file

if TYPE_CHECKING:
    from pathlib import Path


def _model(
    nodes: list[Any], *, opset: int = 12, ir: int = 7, tensors: list[Any] | None = None, **more: Any
) -> ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], tensors or [])
    imports = [helper.make_opsetid("", opset), *more.pop("imports", [])]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, **more)


def test_a_model_within_the_limits_keeps_its_very_bytes(tmp_path: Path) -> None:
    model = load(scrfd_file(tmp_path))
    result = restamp(model, opset=11, ir=6)
    assert result.data is model.data
    assert (result.changes, result.difference) == ((), None)


def test_opset_and_ir_are_lowered_and_both_are_said(tmp_path: Path) -> None:
    model = load(save(_model([helper.make_node("Relu", ["x"], ["y"])]), tmp_path))
    before = model.proto.SerializeToString()
    result = restamp(model, opset=11, ir=6)
    changed = onnx.ModelProto.FromString(result.data)
    assert (changed.opset_import[0].version, changed.ir_version) == (11, 6)
    assert (result.opsets, result.ir, result.difference) == ({"ai.onnx": 11}, 6, 0.0)
    assert "from 12 to 11" in result.changes[0]
    assert "from 7 to 6" in result.changes[1]
    assert model.proto.SerializeToString() == before


@pytest.mark.parametrize(
    ("attribute", "value", "kind"),
    [
        ("value_ints", [1, 3, 64], np.int64),
        ("value_int", 1, np.int64),
        ("value_float", 2.5, np.float32),
        ("value_floats", [2.5], np.float32),
    ],
)
def test_constant_shorthands_become_tensors(tmp_path: Path, attribute: str, value: Any, kind: Any) -> None:
    constant = helper.make_node("Constant", [], ["c"], **{attribute: value})
    use = (
        helper.make_node("Reshape", ["x", "c"], ["y"])
        if attribute == "value_ints"
        else helper.make_node("Mul", ["x", "f"], ["y"])
    )
    cast = [helper.make_node("Cast", ["c"], ["f"], to=TensorProto.FLOAT)]
    model = load(save(_model([constant, *cast, use]), tmp_path))
    changed = onnx.ModelProto.FromString(restamp(model, opset=11).data)
    attribute_now = changed.graph.node[0].attribute[0]
    assert attribute_now.name == "value"
    array = numpy_helper.to_array(attribute_now.t)
    assert array.dtype == kind
    assert array.tolist() == value


@pytest.mark.parametrize(
    ("node", "opset", "wanted", "words"),
    [
        (helper.make_node("Celu", ["x"], ["y"], name="last"), 12, 11, r"'last' \(Celu\).*12 to 11.*definition changed"),
        (helper.make_node("Softmax", ["x"], ["y"], axis=1), 13, 11, r"number 0 \(Softmax\)"),
        (
            helper.make_node("Gelu", ["x"], ["y"], name="own", domain="com.microsoft"),
            12,
            11,
            "'own' is 'Gelu' of the domain",
        ),
    ],
)
def test_what_changed_meaning_is_refused_by_name(
    tmp_path: Path, node: Any, opset: int, wanted: int, words: str
) -> None:
    imports = [helper.make_opsetid(node.domain, 1)] if node.domain else []
    model = load(save(_model([node], opset=opset, imports=imports), tmp_path))
    with pytest.raises(DowngradeError, match=words):
        restamp(model, opset=wanted)


def test_sub_graphs_are_looked_into(tmp_path: Path) -> None:
    inner = helper.make_node("Celu", ["x"], ["z"], name="deep")
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    branch = helper.make_graph([inner], "branch", [], [z])
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    condition = numpy_helper.from_array(np.ones((), np.bool_), "c")
    model = load(save(_model([choice], tensors=[condition]), tmp_path))
    with pytest.raises(DowngradeError, match=r"'deep' \(Celu\)"):
        restamp(model, opset=11)


def test_functions_are_inlined_below_ir_8(tmp_path: Path) -> None:
    function = helper.make_function(
        "own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 12)]
    )
    node = helper.make_node("Twice", ["x"], ["y"], domain="own")
    model = load(save(_model([node], ir=8, functions=[function], imports=[helper.make_opsetid("own", 1)]), tmp_path))
    result = restamp(model, opset=11, ir=6)
    changed = onnx.ModelProto.FromString(result.data)
    assert not changed.functions
    assert [node.op_type for node in changed.graph.node] == ["Add"]
    assert "the model's own functions were inlined" in result.changes
    assert result.difference == 0.0


def test_ir_3_lists_initializers_as_inputs(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "w")
    model = load(save(_model([helper.make_node("Mul", ["x", "w"], ["y"])], opset=11, tensors=[weight]), tmp_path))
    result = restamp(model, ir=3)
    changed = onnx.ModelProto.FromString(result.data)
    assert [entry.name for entry in changed.graph.input] == ["x", "w"]
    assert "1 initializers were listed as inputs" in result.changes[0]


def test_an_unused_import_is_dropped_and_said(tmp_path: Path) -> None:
    imports = [helper.make_opsetid("ai.onnx.ml", 3)]
    model = load(save(_model([helper.make_node("Relu", ["x"], ["y"])], imports=imports), tmp_path))
    result = restamp(model, opset=11)
    assert result.opsets == {"ai.onnx": 11}
    assert "'ai.onnx.ml' was dropped" in result.changes[0]


def test_a_newer_element_type_is_refused(tmp_path: Path) -> None:
    tensor = helper.make_tensor("e8", TensorProto.FLOAT8E4M3FN, [1], [1.0])
    node = helper.make_node("Relu", ["x"], ["y"])
    model = load(save(_model([node], opset=11, ir=9, tensors=[tensor]), tmp_path))
    with pytest.raises(DowngradeError, match="'e8' is of an element type that IR 6"):
        restamp(model, ir=6)


def test_external_weights_move_into_the_model(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.full((1, 3, 1, 1), 2, np.float32), "w")
    proto = _model([helper.make_node("Mul", ["x", "w"], ["y"])], opset=11, ir=6, tensors=[weight])
    onnx.save_model(proto, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    result = restamp(load(tmp_path / "m.onnx"), opset=11, ir=6)
    changed = onnx.ModelProto.FromString(result.data)
    assert numpy_helper.to_array(changed.graph.initializer[0]).ravel().tolist() == [2, 2, 2]
    assert result.changes == ("weights of external files were moved into the model",)
