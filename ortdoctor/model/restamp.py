"""Bring a model to an older opset and IR version where its operators did not change in between.

A node may keep its place where the schema of its operator is the same at both opsets. Anything else is refused
by name, but for rewrites that change no number: ``Constant`` shorthands become tensors, and the model's own
functions are inlined. The result is checked by onnx and run beside the original before it is handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortdoctor.errors import DowngradeError, ModelError
from ortdoctor.model.extras import require
from ortdoctor.model.graphs import domain_of, graphs, nodes, opsets, real_inputs, shape_of, tensors
from ortdoctor.model.running import Running, noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx import AttributeProto, ModelProto, NodeProto

    from ortdoctor.model.load import Model
    from ortdoctor.model.running import Feeds

ONNX = "ai.onnx"

#: Largest accepted difference, over max(1, the largest value of the original output).
TOLERANCE = 1e-4

#: IR versions from which something exists (onnx/onnx.proto, the comments at Version).
INITIALIZERS_APART, TRAINING, FUNCTIONS = 4, 7, 8
#: First IR version that knows an element type of TensorProto.DataType: 17-20 float8, 21-22 int4, 23 float4,
#: 24 float8e8m0, 25-26 int2.
_TYPES_SINCE = {17: 9, 18: 9, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13}

#: A size for a dimension that the model leaves open, when it is run to compare: divisible by every stride.
_OPEN = 64


@dataclass(frozen=True)
class Restamped:
    """A model within limits: ``data`` are the bytes to write, those of the original where ``changes`` is empty.

    ``difference`` is the largest absolute difference of any output from the original's on noise; None where
    nothing had to be changed.
    """

    data: bytes
    opsets: dict[str, int]
    ir: int
    changes: tuple[str, ...]
    difference: float | None


def restamp(model: Model, *, opset: int | None = None, ir: int | None = None, feeds: Feeds | None = None) -> Restamped:
    """Return ``model`` at ``opset`` and ``ir`` at most; None sets no limit.

    ``feeds`` are the inputs that both are run on, by default noise. :class:`DowngradeError` names the node,
    its operator and why it cannot be brought down; the model itself is never changed.
    """
    proto = _copy(model.proto)
    changes: list[str] = []
    if model.external:
        changes.append("weights of external files were moved into the model")
    if ir is not None and ir < FUNCTIONS and len(proto.functions):
        proto = _inline(proto)
        changes.append("the model's own functions were inlined")
    current = opsets(proto.opset_import).get(ONNX)
    if opset is not None and current is not None and current > opset:
        changes += _lower_opset(proto, current, opset)
    if ir is not None and proto.ir_version > ir:
        changes += _lower_ir(proto, ir)
    if not changes:
        return Restamped(model.data, opsets(proto.opset_import), proto.ir_version, (), None)
    data = proto.SerializeToString(deterministic=True)
    _check(model.proto, proto)
    difference = _compare(model, data, feeds)
    return Restamped(data, opsets(proto.opset_import), proto.ir_version, tuple(changes), difference)


def _copy(proto: ModelProto) -> ModelProto:
    copy = type(proto)()
    copy.CopyFrom(proto)
    return copy


def _inline(proto: ModelProto) -> ModelProto:
    inliner = require("onnx.inliner", "inlining the model's functions")
    inlined: ModelProto = inliner.inline_local_functions(proto)
    return inlined


def _lower_opset(proto: ModelProto, current: int, wanted: int) -> list[str]:
    changes = _drop_unused(proto)
    own = {(domain_of(function.domain), function.name) for function in proto.functions}
    for index, node in enumerate(nodes(proto)):
        # Many exporters name no node; its place in the file is what is left.
        name = repr(node.name) if node.name else f"number {index}"
        domain = domain_of(node.domain)
        if (domain, node.op_type) in own:
            continue
        if domain != ONNX:
            raise DowngradeError(
                f"node {name} is {node.op_type!r} of the domain {domain!r}: what it needs of the runtime "
                f"is not known, so the model cannot be brought from opset {current} to {wanted}."
            )
        if _same_schema(node.op_type, current, wanted):
            continue
        rewrite = _REWRITES.get(node.op_type)
        reason = rewrite(node) if rewrite else f"its definition changed between opset {wanted} and {current}"
        if reason:
            raise DowngradeError(
                f"node {name} ({node.op_type}) cannot be brought from opset {current} to {wanted}: "
                f"{reason}. Export the model again with opset_version={wanted}."
            )
    for imports in (proto.opset_import, *(function.opset_import for function in proto.functions)):
        for entry in imports:
            if domain_of(entry.domain) == ONNX and entry.version > wanted:
                entry.version = wanted
    changes.append(f"opset {ONNX} lowered from {current} to {wanted}; every operator means the same at both")
    return changes


def _drop_unused(proto: ModelProto) -> list[str]:
    used = {domain_of(node.domain) for node in nodes(proto)} | {ONNX}
    unused = [entry for entry in proto.opset_import if domain_of(entry.domain) not in used]
    dropped = [f"the unused opset import {entry.domain!r} was dropped" for entry in unused]
    for entry in unused:
        proto.opset_import.remove(entry)
    return dropped


def _same_schema(operator: str, current: int, wanted: int) -> bool:
    defs = require("onnx.defs", "comparing operator definitions")
    try:
        newer = defs.get_schema(operator, max_inclusive_version=current, domain="")
        older = defs.get_schema(operator, max_inclusive_version=wanted, domain="")
    except defs.SchemaError:
        return False  # it does not exist at the older opset, or this onnx does not know it
    return bool(newer.since_version == older.since_version)


def _constant(node: NodeProto) -> str | None:
    """Turn the shorthands that ``Constant`` took at opset 12 into a tensor; only ``value`` is older."""
    numpy = require("numpy", "rewriting a constant")
    helper = require("onnx.numpy_helper", "rewriting a constant")
    if len(node.attribute) != 1:
        return f"it has {len(node.attribute)} attributes, a constant has one"
    attribute = node.attribute[0]
    if attribute.name == "value":
        return None
    makers: dict[str, Callable[[AttributeProto], Any]] = {
        "value_int": lambda a: numpy.array(a.i, numpy.int64),
        "value_ints": lambda a: numpy.array(a.ints, numpy.int64),
        "value_float": lambda a: numpy.array(a.f, numpy.float32),
        "value_floats": lambda a: numpy.array(a.floats, numpy.float32),
    }
    maker = makers.get(attribute.name)
    if maker is None:
        return f"its attribute {attribute.name!r} has no older form"
    tensor = helper.from_array(maker(attribute))
    attribute.Clear()
    attribute.name, attribute.type = "value", 4
    attribute.t.CopyFrom(tensor)
    return None


#: Operator -> a function that rewrites the node in place and returns None, or why it cannot.
_REWRITES: dict[str, Callable[[NodeProto], str | None]] = {"Constant": _constant}


def _lower_ir(proto: ModelProto, wanted: int) -> list[str]:
    was = proto.ir_version
    changes = []
    if wanted < FUNCTIONS and len(proto.functions):
        raise DowngradeError(f"the model has functions of its own, which IR {wanted} does not know.")
    for tensor in tensors(proto):
        since = _TYPES_SINCE.get(tensor.data_type, 0)
        if since > wanted:
            raise DowngradeError(f"the tensor {tensor.name!r} is of an element type that IR {wanted} does not know.")
    if wanted < TRAINING and len(proto.training_info):
        del proto.training_info[:]
        changes.append("training information was dropped")
    if wanted < INITIALIZERS_APART:
        added = _initializers_as_inputs(proto)
        changes += [f"{added} initializers were listed as inputs, as IR {wanted} asks"] if added else []
    proto.ir_version = wanted
    return [*changes, f"IR version lowered from {was} to {wanted}"]


def _initializers_as_inputs(proto: ModelProto) -> int:
    """List every initializer as an input too: before IR 4 a graph says all its values that way."""
    helper = require("onnx.helper", "listing initializers as inputs")
    added = 0
    for depth, graph in enumerate(graphs(proto)):
        if len(graph.sparse_initializer):
            raise DowngradeError(f"the graph {graph.name!r} has sparse initializers, which IR 3 does not know.")
        listed = {entry.name for entry in graph.input}
        for tensor in graph.initializer:
            if depth:
                raise DowngradeError(f"a sub-graph stores the tensor {tensor.name!r}, which IR 3 does not allow.")
            if tensor.name not in listed:
                graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
                added += 1
    return added


def _check(original: ModelProto, changed: ModelProto) -> None:
    """Refuse what onnx.checker complains about in the changed model and not in the original."""
    complaint = complaint_of(changed)
    if complaint is not None and complaint_of(original) is None:
        raise DowngradeError(f"the changed model is refused by onnx.checker: {complaint}")


def complaint_of(proto: ModelProto) -> str | None:
    """Return what onnx.checker says against a model, None where it says nothing."""
    checker = require("onnx.checker", "checking the model")
    try:
        checker.check_model(proto)
    except (checker.ValidationError, ValueError) as error:
        return " ".join(str(error).split())
    return None


def _compare(model: Model, data: bytes, feeds: Feeds | None) -> float:
    """Run both models on the same input and return the largest absolute difference."""
    numpy = require("numpy", "comparing the changed model with the original")
    feeds = feeds or default_feeds(model.proto)
    original = Running(model.data if not model.external else model.proto.SerializeToString())
    pairs = zip(original.names, original.run(feeds), _run_changed(data, feeds), strict=True)
    worst = 0.0
    for name, before, after in pairs:
        same = before.shape == after.shape and before.dtype == after.dtype
        if not same or (before.dtype.kind != "f" and not numpy.array_equal(before, after)):
            raise DowngradeError(f"the changed model gives another output {name!r} than the original.")
        if before.dtype.kind != "f" or not before.size:
            continue
        difference = float(numpy.nanmax(numpy.abs(before - after), initial=0.0))
        limit = TOLERANCE * max(1.0, float(numpy.nanmax(numpy.abs(before), initial=0.0)))
        if difference > limit or not numpy.array_equal(numpy.isnan(before), numpy.isnan(after)):
            raise DowngradeError(
                f"the changed model differs from the original by {difference:g} in the output {name!r}; "
                f"{limit:g} is accepted."
            )
        worst = max(worst, difference)
    return worst


def _run_changed(data: bytes, feeds: Feeds) -> list[Any]:
    try:
        return Running(data).run(feeds)
    except ModelError as error:
        raise DowngradeError(f"the changed model does not run: {error}") from error


def default_feeds(proto: ModelProto) -> Feeds:
    """Return noise for every float input and zeros for the others; open dimensions are 1 (batch) or 64."""
    numpy = require("numpy", "running the model")
    helper = require("onnx.helper", "running the model")
    feeds = {}
    for entry in real_inputs(proto.graph):
        shape = shape_of(entry)
        if shape is None:
            raise DowngradeError(f"the input {entry.name!r} has no declared shape, so the model cannot be compared.")
        sizes = tuple(dim if isinstance(dim, int) else (_OPEN if axis else 1) for axis, dim in enumerate(shape))
        kind = helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)
        feeds[entry.name] = noise(sizes).astype(kind) if kind.kind == "f" else numpy.zeros(sizes, kind)
    return feeds
