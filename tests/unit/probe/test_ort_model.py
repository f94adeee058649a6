import pytest

from ortdoctor.probe import ort_model

onnx = pytest.importorskip("onnx", reason="the model is built again by the onnx package")


def test_the_bytes_are_what_the_onnx_package_makes_of_the_same_model() -> None:
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MatMul", ["r", "m"], ["y"]),
    ]
    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, [1, 1, 3, 3], b"\0\0\x80\x3f" * 9, raw=True),
        helper.make_tensor("m", TensorProto.FLOAT, [2, 2], bytes.fromhex("0000803f000000400000404000008040"), raw=True),
    ]
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ort_model.INPUT_SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 2, 2])],
        weights,
    )
    built = helper.make_model(
        graph, producer_name="ortdoctor", opset_imports=[helper.make_opsetid("", 9)], ir_version=4
    )
    read = onnx.load_from_string(ort_model.MODEL)
    read.opset_import[0].domain = ""  # the empty domain may be written or left out
    assert read == built
    onnx.checker.check_model(read, full_check=True)


def test_the_expected_output_is_what_the_operators_are_defined_to_give() -> None:
    def at(row: int, column: int) -> float:
        return ort_model.INPUT[row * 4 + column]

    windows = [
        [sum(at(row + i, column + j) for i in range(3) for j in range(3)) for column in range(2)] for row in range(2)
    ]
    product = [[row[0] * left + row[1] * right for left, right in zip([1, 2], [3, 4], strict=True)] for row in windows]
    assert [number for row in product for number in row] == ort_model.OUTPUT
