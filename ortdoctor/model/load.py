"""Read an ONNX file into a typed :class:`Model`; each way in which it can be broken has a sentence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ortdoctor.errors import ModelError
from ortdoctor.model.content import not_a_model, truncation
from ortdoctor.model.extras import require
from ortdoctor.model.graphs import external_tensors

if TYPE_CHECKING:
    from onnx import ModelProto

#: Protocol Buffers refuse a message of 2 GiB or more; such models keep their weights in external files.
LARGEST = (1 << 31) - 1


@dataclass(frozen=True)
class Model:
    """A model that was read: ``data`` are the bytes of the file, ``proto`` what they say.

    ``proto`` holds the weights of external files too; ``external`` names those files, relative to the model.
    ``size`` is that of the file in bytes. Treat ``proto`` as read-only: it is shared.
    """

    path: Path
    proto: ModelProto
    data: bytes
    sha256: str
    size: int
    external: tuple[str, ...] = ()


def load(path: str | Path) -> Model:
    """Read and validate the file at ``path``; :class:`ModelError` says what is wrong and what to do."""
    path = Path(path)
    data = _read(path)
    reason = not_a_model(data)
    if reason:
        raise ModelError(f"{path} {reason}")
    proto = _parse(path, data)
    external = _read_external(path, proto)
    return Model(path, proto, data, hashlib.sha256(data).hexdigest(), len(data), external)


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            inside = sorted(entry.name for entry in path.glob("*.onnx"))
            hint = f"; it holds {', '.join(inside[:5])}" if inside else ""
            raise ModelError(f"{path} is a folder, not an ONNX file{hint}. Name the .onnx file itself.")
        size = path.stat().st_size
        if size > LARGEST:
            raise ModelError(
                f"{path} has {size} bytes; an ONNX file cannot exceed {LARGEST}, the limit of Protocol Buffers. "
                "Save its weights as external data: onnx.save_model(model, path, save_as_external_data=True)."
            )
        if not path.is_file():
            raise ModelError(f"{path} is neither a file nor a folder; name an ONNX file.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist. Check the path; relative ones start at {Path.cwd()}.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}. Check its permissions and the disk.") from error


def _parse(path: Path, data: bytes) -> ModelProto:
    onnx = require("onnx", "reading an ONNX model")
    message = require("google.protobuf.message", "reading an ONNX model")
    missing = truncation(data)
    if missing:
        raise ModelError(
            f"{path} is cut off: it has {len(data)} bytes, and what it begins needs {missing} more at least. "
            "The download or copy was interrupted; fetch it again and compare the size."
        )
    try:
        proto: ModelProto = onnx.ModelProto.FromString(data)
    except message.DecodeError as error:
        raise ModelError(
            f"{path} is not a readable ONNX model ({error}): the file is damaged or of another format. "
            "Fetch it again, or export it to ONNX."
        ) from error
    if not proto.HasField("graph"):
        raise ModelError(f"{path} holds no graph: expected an ONNX model, found {_found_instead(proto)}.")
    if not proto.graph.output:
        raise ModelError(f"{path} holds a graph without outputs, which computes nothing. Export it again.")
    if proto.ir_version < 1 or not proto.opset_import:
        raise ModelError(f"{path} names no IR version or no opset, which every ONNX model does. Export it again.")
    return proto


def _found_instead(proto: Any) -> str:  # noqa: ANN401 - a ModelProto
    known = ", ".join(field.name for field, _ in proto.ListFields())
    return f"only {known}" if known else "nothing that ONNX knows"


def _read_external(path: Path, proto: ModelProto) -> tuple[str, ...]:
    """Read the external files that tensors name into ``proto`` and return their names."""
    names = sorted({location for _, location in external_tensors(proto)})
    if not names:
        return ()
    for name in names:
        _check_external(path, name)
    helper = require("onnx.external_data_helper", "reading external data")
    try:
        helper.load_external_data_for_model(proto, str(path.parent))
    except Exception as error:  # onnx raises ValidationError, ValueError or OSError by release
        raise ModelError(
            f"the external data of {path} ({', '.join(names)}) cannot be read: {error}. "
            "Copy the model again together with all its files."
        ) from error
    if proto.ByteSize() > LARGEST:
        raise ModelError(
            f"{path} with its external data has more than {LARGEST} bytes, more than one file can hold. "
            "A model of that size is not supported."
        )
    return tuple(names)


def _check_external(path: Path, name: str) -> None:
    folder = path.parent.resolve()
    target = (folder / name).resolve()
    if not name or not target.is_relative_to(folder):
        raise ModelError(
            f"{path} keeps weights in {name!r}, which is outside the folder of the model. "
            "Such a model is not read; save it again with its data beside it."
        )
    if not target.is_file():
        raise ModelError(
            f"{path} keeps weights in the file {name!r}, which is not beside it in {folder}. Copy that file there too."
        )
