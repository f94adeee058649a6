"""Walk an ONNX model: the main graph, the sub-graphs of control flow, the model's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

#: TensorProto.DataLocation.EXTERNAL and the attribute types that hold what is walked (onnx.proto).
_EXTERNAL = 1
_TENSOR, _GRAPH, _TENSORS, _GRAPHS = 4, 5, 9, 10


def domain_of(name: str) -> str:
    """Return a domain by its long name: the empty one is ``ai.onnx``."""
    return name or "ai.onnx"


def opsets(imports: Any) -> dict[str, int]:  # noqa: ANN401 - repeated OperatorSetIdProto
    """Return the opset of each domain that a model or a function imports."""
    return {domain_of(entry.domain): entry.version for entry in imports}


def nodes(model: ModelProto) -> Iterator[NodeProto]:
    """Yield every node: of the main graph, of sub-graphs at any depth, and of the model's own functions."""
    yield from _walk(model.graph.node)
    for function in model.functions:
        yield from _walk(function.node)


def graphs(model: ModelProto) -> Iterator[GraphProto]:
    """Yield the main graph and every sub-graph, those of functions too."""
    yield model.graph
    for node in nodes(model):
        for attribute in node.attribute:
            yield from _graphs_of(attribute)


def tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Yield every stored tensor: initializers and the tensors of attributes."""
    for graph in graphs(model):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in nodes(model):
        for attribute in node.attribute:
            if attribute.type == _TENSOR:
                yield attribute.t
            elif attribute.type == _TENSORS:
                yield from attribute.tensors


def external_tensors(model: ModelProto) -> Iterator[tuple[str, str]]:
    """Yield (tensor name, file name) of every tensor whose data are in another file."""
    for tensor in tensors(model):
        if tensor.data_location == _EXTERNAL:
            yield tensor.name, next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def real_inputs(graph: GraphProto) -> list[Any]:
    """Return the inputs that a caller must give: those that no initializer fills (IR 3 lists both)."""
    filled = {tensor.name for tensor in graph.initializer} | {sparse.values.name for sparse in graph.sparse_initializer}
    return [entry for entry in graph.input if entry.name not in filled]


def shape_of(info: Any) -> tuple[int | str | None, ...] | None:  # noqa: ANN401 - a ValueInfoProto
    """Return a declared shape: a size, a name or None for each dimension; None where no shape is declared.

    Exporters write a dimension that they do not know as 0, -1, ``"?"`` or not at all: all are dynamic.
    """
    kind = info.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(_dimension(entry) for entry in kind.shape.dim)


def _dimension(entry: Any) -> int | str | None:  # noqa: ANN401 - a Dimension
    if entry.HasField("dim_value") and entry.dim_value > 0:
        return int(entry.dim_value)
    return entry.dim_param if entry.dim_param not in {"", "?"} else None


def _walk(entries: Any) -> Iterator[NodeProto]:  # noqa: ANN401 - repeated NodeProto
    for node in entries:
        yield node
        for attribute in node.attribute:
            for graph in _graphs_of(attribute):
                yield from _walk(graph.node)


def _graphs_of(attribute: AttributeProto) -> list[GraphProto]:
    if attribute.type == _GRAPH:
        return [attribute.g]
    return list(attribute.graphs) if attribute.type == _GRAPHS else []
