"""What a file is, from its first bytes: what people have when "the model does not load"."""

import re
import struct
from typing import Optional

#: Bytes of the beginning that tell.
HEAD = 1024

_EXPORT = "Export it to ONNX and name that file."

#: (offset, bytes, what it is and what to do); the numbers are those of each format's own specification.
_MAGIC = (
    (0, b"PK\x03\x04", "is a ZIP archive: a PyTorch checkpoint (.pt, .pth) or a packed model. " + _EXPORT),
    (0, b"PK\x05\x06", "is an empty ZIP archive, not an ONNX file."),
    (0, b"\x1f\x8b", "is gzip-compressed. Unpack it first, and name the .onnx file."),
    (0, b"BZh", "is bzip2-compressed. Unpack it first, and name the .onnx file."),
    (0, b"\xfd7zXZ\x00", "is xz-compressed. Unpack it first, and name the .onnx file."),
    (0, b"7z\xbc\xaf\x27\x1c", "is a 7z archive. Unpack it first, and name the .onnx file."),
    (0, b"Rar!\x1a\x07", "is a RAR archive. Unpack it first, and name the .onnx file."),
    (257, b"ustar", "is a tar archive. Unpack it first, and name the .onnx file."),
    (0, b"\x89HDF\r\n\x1a\n", "is an HDF5 file (a Keras model). " + _EXPORT),
    (4, b"TFL3", "is a TensorFlow Lite model. " + _EXPORT),
    (4, b"ORTM", "is in ONNX Runtime's own format (.ort). Name the ONNX file that it was made from."),
    (0, b"ptrt", "is a TensorRT engine, good for one GPU and one release only. " + _EXPORT),
    (0, b"ftrt", "is a TensorRT engine, good for one GPU and one release only. " + _EXPORT),
    (0, b"7767517\n", "is an ncnn model. " + _EXPORT),
    (0, b"\x93NUMPY", "is a NumPy array, not a model."),
    (0, b"GGUF", "is a GGUF model of llama.cpp. " + _EXPORT),
    (0, b"\x89PNG\r\n\x1a\n", "is a PNG picture, not a model."),
    (0, b"\xff\xd8\xff", "is a JPEG picture, not a model."),
    (0, b"%PDF-", "is a PDF document, not a model."),
)

#: Pickle protocols 2 to 5 begin with PROTO; what follows is a dictionary, an object or (from 4 on) a frame.
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x95}c(\x8a\x58X]", re.DOTALL)
_HTML = re.compile(rb"\s*(<!doctype\s+html|<html|<\?xml|<head|<body|<!--)", re.IGNORECASE)
_LFS_SIZE = re.compile(rb"^size ([0-9]{1,18})\s*$", re.MULTILINE)

_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]{16}[\t\n\r\x20-\x7e]*$")


def not_a_model(head: bytes, size: int) -> Optional[str]:
    """Return what a file is instead of an ONNX model, as the end of a sentence; None where nothing is known.

    ``head`` are its first :data:`HEAD` bytes (all, where there are fewer), ``size`` is the number of its bytes.
    """
    if not head:
        return "is empty (0 bytes). The download or copy failed; fetch it again."
    if head.startswith(b"version https://git-lfs"):
        found = _LFS_SIZE.search(head)
        stands_for = " of %d bytes" % int(found.group(1)) if found else ""
        return (
            "is a Git LFS pointer, a text of %d bytes that stands for a model%s. "
            "Run 'git lfs pull' in its repository, or download the file itself." % (size, stands_for)
        )
    if b"<net " in head and head.lstrip().startswith(b"<?xml"):
        return "is an OpenVINO model (.xml). " + _EXPORT
    if _HTML.match(head):
        return (
            "is a web page (HTML), not an ONNX file: the link led to a page about the model or to a login. "
            "Download the file itself."
        )
    for offset, magic, reason in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return reason
    if _PICKLE.match(head):
        return "is a Python pickle, such as an old PyTorch checkpoint. " + _EXPORT
    # safetensors: the length of the header as u64, then the header, a JSON object.
    if head[8:10] == b'{"' and struct.unpack("<Q", head[:8])[0] <= size - 8:
        return "is a safetensors file: weights without a graph. " + _EXPORT
    if not head.strip(b"\0"):
        return "begins with %d zero bytes: the disk or the download failed. Fetch it again." % len(head)
    return None


def text_instead(head: bytes) -> Optional[str]:
    """Return the kind of text that ``head`` is, as the end of a sentence; None for what is no text.

    Asked only where the bytes do not read as a model: text may, by chance.
    """
    if not _TEXT.match(head):
        return None
    kind = "JSON" if head.lstrip()[:1] in (b"{", b"[") else "plain text, such as YAML, a script or a message"
    shown = head.decode("ascii").split("\n")[0].strip()[:40]
    return "is %s, not an ONNX file; it begins with %r. Name the .onnx file itself." % (kind, shown)
