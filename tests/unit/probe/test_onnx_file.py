"""The reader of ONNX files against onnx itself, and against files that are broken in every way."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from ortdoctor.probe import onnx_file, onnx_wire
from ortdoctor.probe.onnx_file import External, Operator
from ortdoctor.probe.onnx_wire import Reader, WireError

if TYPE_CHECKING:
    from ortdoctor.probe.onnx_file import Content

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = (ROOT / "templates" / "sample" / "sample.onnx").read_bytes()
SHARED = ROOT.parent / "shared"


def read(data: bytes) -> Content:
    return onnx_file.read(Reader(io.BytesIO(data), len(data)))


def rich_model() -> onnx.ModelProto:
    """Return a model with a sub-graph, a function, a sequence, an external tensor and types from everywhere."""
    inner = helper.make_graph(
        [helper.make_node("Sqrt", ["x"], ["s"])], "then", [], [helper.make_tensor_value_info("s", 1, None)]
    )
    other = helper.make_graph(
        [helper.make_node("Twice", ["x"], ["s"], domain="local")],
        "else",
        [],
        [helper.make_tensor_value_info("s", 1, None)],
    )
    constant = helper.make_tensor("c", TensorProto.BFLOAT16, [1], [1.0])
    weights = helper.make_tensor("w", TensorProto.INT8, [2], [1, 2])
    weights.ClearField("int32_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "64"), ("length", "2")):
        weights.external_data.add(key=key, value=value)
    nodes = [
        helper.make_node("If", ["b"], ["y"], then_branch=inner, else_branch=other),
        helper.make_node("Constant", [], ["k"], value=constant),
        helper.make_node("Foo", ["w"], ["z"], domain="my.ops"),
    ]
    sequence = helper.make_tensor_sequence_value_info("q", TensorProto.STRING, None)
    graph = helper.make_graph(
        nodes,
        "main",
        [*(helper.make_tensor_value_info(name, kind, []) for name, kind in (("b", 9), ("x", 1))), sequence],
        [helper.make_tensor_value_info("y", 1, None)],
        [weights],
    )
    body = [helper.make_node("Add", ["a", "a"], ["r"])]
    function = helper.make_function("local", "Twice", ["a"], ["r"], body, [helper.make_opsetid("", 18)])
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1), helper.make_opsetid("my.ops", 3)]
    return helper.make_model(graph, opset_imports=imports, functions=[function], producer_name="tests", ir_version=9)


def test_everything_that_a_model_needs_is_seen() -> None:
    seen = read(rich_model().SerializeToString())
    assert (seen.ir_version, seen.opsets, seen.producer) == (9, {"ai.onnx": 18, "local": 1, "my.ops": 3}, "tests")
    assert seen.operators == {
        Operator("", "If", "graph"): 1,
        Operator("", "Constant", "graph"): 1,
        Operator("my.ops", "Foo", "graph"): 1,
        Operator("", "Sqrt", "subgraph"): 1,
        Operator("local", "Twice", "subgraph"): 1,
        Operator("", "Add", "function"): 1,
    }
    assert (seen.nodes, seen.graphs, seen.outputs, seen.functions) == (6, 3, 1, {("local", "Twice")})
    assert seen.types == {"bool", "float", "string", "bfloat16", "int8"}
    assert seen.external == [External("w.bin", 66, 1)]


def test_the_names_of_types_are_those_of_onnx() -> None:
    for name, number in TensorProto.DataType.items():
        assert onnx_file._TYPES.get(number, name.lower()) == name.lower()


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the models of ../shared")
def test_real_models_read_as_onnx_reads_them() -> None:
    paths = [*sorted((SHARED / "downgrade" / "models").glob("*.onnx"))[::5], *(SHARED / "models").glob("scrfd*.onnx")]
    assert len(paths) > 20
    for path in paths:
        proto = onnx.load(path, load_external_data=False)
        seen = read(path.read_bytes())
        assert seen.ir_version == proto.ir_version, path
        assert seen.opsets == {entry.domain or "ai.onnx": entry.version for entry in proto.opset_import}, path
        main = [key for key, count in seen.operators.items() if key.where == "graph" for _ in range(count)]
        named = sorted(("" if node.domain == "ai.onnx" else node.domain, node.op_type) for node in proto.graph.node)
        assert sorted((key.domain, key.name) for key in main) == named, path
        assert seen.outputs == len(proto.graph.output)
        assert seen.functions == {(function.domain, function.name) for function in proto.functions}


@given(length=st.integers(0, len(SAMPLE) - 1))
@settings(max_examples=60)
def test_a_model_that_is_cut_off_is_never_read_as_whole(length: int) -> None:
    with pytest.raises(WireError) as caught:
        read(SAMPLE[:length])
    graph = onnx.load_from_string(SAMPLE).graph.SerializeToString()
    begins = SAMPLE.index(graph)
    # Only inside the graph it is sure that something was cut: its key and length are the four bytes before it.
    assert caught.value.missing > 0 or not begins - 4 < length < begins + len(graph)


@given(data=st.data())
@settings(max_examples=300)
def test_a_corrupted_model_is_read_or_refused_and_never_raises_another_thing(data: st.DataObject) -> None:
    model = bytearray(rich_model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 8))):
        model[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(0, 255))
    try:
        seen = read(bytes(model))
    except WireError:
        return
    assert seen.ir_version
    assert seen.opsets


@given(data=st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_are_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(WireError):
        read(data)


def nested(depth: int) -> bytes:
    """Return a model whose graph has ``depth`` sub-graphs in one another; each level is field 1, 5, 6."""

    def block(number: int, payload: bytes) -> bytes:
        size, length = len(payload), b""
        while True:
            length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
            size >>= 7
            if not size:
                return bytes([number << 3 | 2]) + length + payload

    graph = block(12, b"")
    for _ in range(depth):
        graph = block(1, block(5, block(6, graph)) + block(4, b"If")) + block(12, b"")
    return b"\x08\x08" + block(7, graph) + block(8, b"\x10\x0b")


def test_sub_graphs_in_sub_graphs_cost_no_stack() -> None:
    seen = read(nested(3000))
    assert (seen.graphs, seen.nodes) == (3001, 3000)


def test_a_file_that_would_take_for_ever_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_wire, "MOST_FIELDS", 1000)
    with pytest.raises(WireError, match="more than 1000 parts"):
        read(b"\x08\x08" * 2000)
    many = b"".join(b"\x0a\x0a\x22\x08" + b"%08d" % at for at in range(5000))
    graph = many + b"\x62\x00"
    monkeypatch.setattr(onnx_wire, "MOST_FIELDS", 10**6)
    size = len(graph)
    length = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
    with pytest.raises(WireError, match="names more than 4096"):
        read(b"\x08\x08\x3a" + length + graph)


def test_weights_are_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    size = 900 << 20  # a hole of that size in the file, as the raw_data of one initializer
    with path.open("wb") as stream:

        def varint(value: int) -> bytes:
            low, rest = value & 0x7F, value >> 7
            return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])

        tensor = b"\x10\x01\x4a" + varint(size)
        initializer = b"\x2a" + varint(len(tensor) + size) + tensor
        output = b"\x62\x00"
        stream.write(b"\x08\x08\x42\x02\x10\x0b\x3a" + varint(len(output) + len(initializer) + size))
        stream.write(output + initializer)
        stream.truncate(stream.tell() + size)
    with path.open("rb") as opened:
        reader = Reader(opened, path.stat().st_size)
        seen = onnx_file.read(reader)
        assert len(reader._window) <= onnx_wire.WINDOW
    assert (seen.types, seen.outputs) == ({"float"}, 1)
    assert path.stat().st_blocks < 1000
