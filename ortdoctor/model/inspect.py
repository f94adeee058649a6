"""The facts of a model: what ``ortdoctor inspect`` prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ortdoctor.errors import ModelError
from ortdoctor.model.extras import require
from ortdoctor.model.graphs import nodes, opsets, real_inputs, shape_of, tensors
from ortdoctor.model.restamp import complaint_of
from ortdoctor.model.scrfd import Recognition, recognise

if TYPE_CHECKING:
    from ortdoctor.diagnose.matrix import Matrix
    from ortdoctor.model.load import Model

SCHEMA = "ortdoctor.model/1"

#: Values of a tensor up to which the readable graph shows them: shapes, axes and scales, no weights.
_SHOWN_VALUES = 8


@dataclass(frozen=True)
class Tensor:
    """An input or output: ``dtype`` as NumPy names it, ``shape`` with names or None where it is open."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class Checker:
    """The verdict of ``onnx.checker`` and what it complained about."""

    ok: bool
    message: str | None


@dataclass(frozen=True)
class Runtimes:
    """The ONNX Runtime releases that load this opset and IR version; empty where the matrix knows none.

    ``unenforced`` are old releases that load anything and compute wrongly beyond their own opset.
    """

    first: str | None
    newest: str | None
    count: int
    unenforced: tuple[str, ...]


@dataclass(frozen=True)
class ModelFacts:
    """Everything that is told of a model; ``size`` in bytes, ``operators`` count sub-graphs and functions too."""

    file: str
    sha256: str
    size: int
    external: tuple[str, ...]
    producer: str
    ir: int
    opsets: dict[str, int]
    doc: str
    metadata: dict[str, str]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    nodes: int
    parameters: int
    operators: dict[str, int]
    functions: tuple[str, ...]
    checker: Checker
    runtimes: Runtimes
    scrfd: Recognition

    def to_json(self) -> dict[str, Any]:
        """Return the facts as JSON types, with a ``schema``."""
        return {"schema": SCHEMA, **asdict(self)}


def inspect(model: Model, matrix: Matrix, *, run: bool | None = None) -> ModelFacts:
    """Return the facts of ``model``; ``run`` as in :func:`ortdoctor.model.scrfd.recognise`."""
    proto = model.proto
    graph = proto.graph
    complaint = complaint_of(proto)
    operators = Counter(_operator(node) for node in nodes(proto))
    return ModelFacts(
        file=model.path.name,
        sha256=model.sha256,
        size=model.size,
        external=model.external,
        producer=" ".join(filter(None, (proto.producer_name, proto.producer_version))),
        ir=proto.ir_version,
        opsets=opsets(proto.opset_import),
        doc=proto.doc_string or graph.doc_string,
        metadata={entry.key: entry.value for entry in proto.metadata_props},
        inputs=tuple(_tensor(entry) for entry in real_inputs(graph)),
        outputs=tuple(_tensor(entry) for entry in graph.output),
        nodes=sum(operators.values()),
        parameters=sum(_count(tensor.dims) for tensor in graph.initializer),
        operators=dict(sorted(operators.items(), key=lambda pair: (-pair[1], pair[0]))),
        functions=tuple(f"{function.domain}.{function.name}" for function in proto.functions),
        checker=Checker(complaint is None, complaint),
        runtimes=runtimes(model, matrix),
        scrfd=recognise(model, run=run),
    )


def runtimes(model: Model, matrix: Matrix) -> Runtimes:
    """Return the releases that load the model's opset and IR version.

    Only the numbers are compared: that a release has a kernel for every operator is proved by running it there.
    """
    versions = opsets(model.proto.opset_import)
    opset, ml = versions.get("ai.onnx", 1), versions.get("ai.onnx.ml")
    rows = matrix.releases_for(opset, model.proto.ir_version, ml)
    known = [row.version for row in rows]
    unenforced = tuple(row.version for row in matrix.releases() if not row.enforced and row.version not in known)
    return Runtimes(known[0] if known else None, known[-1] if known else None, len(known), unenforced)


def graph_text(model: Model) -> str:
    """Return the model as readable text: the syntax of onnx.printer, long tensors told by their number of values."""
    printer = require("onnx.printer", "printing the graph")
    copy = type(model.proto)()
    copy.CopyFrom(model.proto)
    for tensor in tensors(copy):
        values = _count(tensor.dims)
        if values > _SHOWN_VALUES:
            kept = (tensor.name, tensor.data_type, list(tensor.dims))
            tensor.Clear()
            tensor.name, tensor.data_type, tensor.data_location = kept[0], kept[1], tensor.EXTERNAL
            tensor.dims.extend(kept[2])
            tensor.external_data.add(key="location", value=f"{values} values, not shown")
    try:
        return str(printer.to_text(copy))
    except (ValueError, RuntimeError, TypeError) as error:
        raise ModelError(f"the graph of {model.path} cannot be printed: {error}") from error


def _operator(node: Any) -> str:  # noqa: ANN401 - a NodeProto
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _tensor(entry: Any) -> Tensor:  # noqa: ANN401 - a ValueInfoProto
    helper = require("onnx.helper", "reading the model's inputs and outputs")
    kind = entry.type.WhichOneof("value")
    if kind != "tensor_type":
        return Tensor(entry.name, str(kind or "unknown").removesuffix("_type"), None)
    try:
        dtype = str(helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type))
    except (KeyError, ValueError):
        dtype = f"type {entry.type.tensor_type.elem_type}"
    return Tensor(entry.name, dtype, shape_of(entry))


def _count(dims: Any) -> int:  # noqa: ANN401 - repeated int64
    total = 1
    for size in dims:
        total *= size
    return total
