"""What a file is, from its first bytes and its framing: what people have when "the model does not load"."""

from __future__ import annotations

from ortdoctor.probe import onnx_kind

#: Field numbers of ModelProto and the wire type of each (onnx.proto): 0 is a varint, 2 has a length.
_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}


def not_a_model(data: bytes) -> str | None:
    """Return what ``data`` is instead of an ONNX model, as the end of a sentence; None where nothing is known."""
    if data and not data.strip(b"\0"):
        return f"is {len(data)} zero bytes: the disk or the download failed. Fetch it again."
    return onnx_kind.not_a_model(data[: onnx_kind.HEAD], len(data))


def truncation(data: bytes) -> int:
    """Return how many bytes at least are missing at the end of a ModelProto; 0 where it is not cut off.

    The outermost fields are walked: a file that is cut off ends inside the field that announces more bytes
    than there are. Bytes that are no fields of a ModelProto give 0: that file is something else.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        if key is None:
            return 1
        number, wire = key >> 3, key & 7
        if _FIELDS.get(number) != wire:
            return 0
        length, position = _varint(data, position)
        if length is None:
            return 1
        if wire == 2:
            position += length
    return position - len(data)


def _varint(data: bytes, position: int) -> tuple[int | None, int]:
    """Return a base-128 number and where it ends; None where the data end inside it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            return None, position
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    return value, position
