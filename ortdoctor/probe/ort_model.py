"""The tiny model that sessions are tried with, built byte by byte, so that only onnxruntime is needed.

``y = MatMul(Relu(Conv(x, w)), m)`` with x float[1,1,4,4], w = ones[1,1,3,3], m = [[1,2],[3,4]] and
y float[1,1,2,2]; opset 9 and IR 4, which any release since 1.0 takes. The operators are chosen for what
they call on a GPU: Conv goes to cuDNN, MatMul to cuBLAS, Relu to a kernel of onnxruntime itself, which
must hold code for that GPU.

Wire format: https://protobuf.dev/programming-guides/encoding ; field numbers: onnx/onnx.proto.
"""

import struct
from typing import List

#: Values of ``x`` in row-major order, and the ``y`` that belongs to them: the four 3x3 windows of
#: 0..15 add up to 45, 54, 81 and 90; all numbers are exact in float32 and in TF32.
INPUT = [float(value) for value in range(16)]
INPUT_SHAPE = [1, 1, 4, 4]
OUTPUT = [207.0, 306.0, 351.0, 522.0]

_FLOAT = 1  # TensorProto.DataType


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _block(field: int, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return bytes([field << 3 | 2]) + _varint(len(payload)) + payload


def _node(kind: bytes, inputs: List[bytes], output: bytes) -> bytes:
    """GraphProto.node: input 1, output 2, op_type 4."""
    return _block(1, b"".join(_block(1, name) for name in inputs), _block(2, output), _block(4, kind))


def _tensor(name: bytes, dims: List[int], values: List[float]) -> bytes:
    """GraphProto.initializer: dims 1, data_type 2, name 8, raw_data 9 (little-endian)."""
    shape = b"".join(_number(1, size) for size in dims)
    return _block(5, shape, _number(2, _FLOAT), _block(8, name), _block(9, struct.pack("<%df" % len(values), *values)))


def _value(field: int, name: bytes, dims: List[int]) -> bytes:
    """GraphProto.input 11 or output 12: name 1, type 2 {tensor_type 1 {elem_type 1, shape 2 {dim 1}}}."""
    shape = b"".join(_block(1, _number(1, size)) for size in dims)
    return _block(field, _block(1, name), _block(2, _block(1, _number(1, _FLOAT), _block(2, shape))))


#: ModelProto: ir_version 1, producer_name 2, opset_import 8 {version 2}, and graph 7
#: {node 1, name 2, initializer 5, input 11, output 12}.
MODEL = (
    _number(1, 4)
    + _block(2, b"ortdoctor")
    + _block(
        7,
        _node(b"Conv", [b"x", b"w"], b"c"),
        _node(b"Relu", [b"c"], b"r"),
        _node(b"MatMul", [b"r", b"m"], b"y"),
        _block(2, b"probe"),
        _tensor(b"w", [1, 1, 3, 3], [1.0] * 9),
        _tensor(b"m", [2, 2], [1.0, 2.0, 3.0, 4.0]),
        _value(11, b"x", INPUT_SHAPE),
        _value(12, b"y", [1, 1, 2, 2]),
    )
    + _block(8, _number(2, 9))
)
