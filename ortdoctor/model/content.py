"""What a file is, from its first bytes and its framing: what people have when "the model does not load"."""

from __future__ import annotations

import re

_EXPORT = "Export it to ONNX and name that file."

#: (offset, bytes, what it is and what to do); the numbers are those of each format's own specification.
_MAGIC = (
    (0, b"PK\x03\x04", f"is a ZIP archive: a PyTorch checkpoint (.pt, .pth) or a packed model. {_EXPORT}"),
    (0, b"PK\x05\x06", "is an empty ZIP archive, not an ONNX file."),
    (0, b"\x1f\x8b", "is gzip-compressed. Unpack it first, and name the .onnx file."),
    (0, b"BZh", "is bzip2-compressed. Unpack it first, and name the .onnx file."),
    (0, b"\xfd7zXZ\x00", "is xz-compressed. Unpack it first, and name the .onnx file."),
    (0, b"7z\xbc\xaf\x27\x1c", "is a 7z archive. Unpack it first, and name the .onnx file."),
    (0, b"Rar!\x1a\x07", "is a RAR archive. Unpack it first, and name the .onnx file."),
    (257, b"ustar", "is a tar archive. Unpack it first, and name the .onnx file."),
    (0, b"\x89HDF\r\n\x1a\n", f"is an HDF5 file (a Keras model). {_EXPORT}"),
    (4, b"TFL3", f"is a TensorFlow Lite model. {_EXPORT}"),
    (4, b"ORTM", "is in ONNX Runtime's own format (.ort). Name the ONNX file that it was made from."),
    (0, b"ptrt", f"is a TensorRT engine, good for one GPU and one release only. {_EXPORT}"),
    (0, b"ftrt", f"is a TensorRT engine, good for one GPU and one release only. {_EXPORT}"),
    (0, b"7767517\n", f"is an ncnn model. {_EXPORT}"),
    (0, b"\x93NUMPY", "is a NumPy array, not a model."),
    (0, b"GGUF", f"is a GGUF model of llama.cpp. {_EXPORT}"),
    (0, b"\x89PNG\r\n\x1a\n", "is a PNG picture, not a model."),
    (0, b"\xff\xd8\xff", "is a JPEG picture, not a model."),
    (0, b"%PDF-", "is a PDF document, not a model."),
)

#: Pickle protocols 2 to 5 begin with PROTO; what follows is a dictionary, an object or (from 4 on) a frame.
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x95}c(\x8a\x58X]", re.DOTALL)
_HTML = re.compile(rb"\s*(<!doctype\s+html|<html|<\?xml|<head|<body|<!--)", re.IGNORECASE)
_LFS_SIZE = re.compile(rb"^size ([0-9]{1,18})\s*$", re.MULTILINE)

#: Field numbers of ModelProto and the wire type of each (onnx.proto): 0 is a varint, 2 has a length.
_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}


def not_a_model(data: bytes) -> str | None:
    """Return what ``data`` is instead of an ONNX model, as the end of a sentence; None where nothing is known."""
    if not data:
        return "is empty (0 bytes). The download or copy failed; fetch it again."
    if data.startswith(b"version https://git-lfs"):
        size = _LFS_SIZE.search(data[:1024])
        stands_for = f" of {int(size.group(1))} bytes" if size else ""
        return (
            f"is a Git LFS pointer, a text of {len(data)} bytes that stands for a model{stands_for}. "
            "Run 'git lfs pull' in its repository, or download the file itself."
        )
    if _HTML.match(data[:1024]):
        return (
            "is a web page (HTML), not an ONNX file: the link led to a page about the model or to a login. "
            "Download the file itself."
        )
    for offset, magic, reason in _MAGIC:
        if data[offset : offset + len(magic)] == magic:
            return reason
    if _PICKLE.match(data):
        return f"is a Python pickle, such as an old PyTorch checkpoint. {_EXPORT}"
    if not data.strip(b"\0"):
        return f"is {len(data)} zero bytes: the disk or the download failed. Fetch it again."
    return None


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
