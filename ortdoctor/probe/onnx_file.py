"""An ONNX file read as it lies on the disk: what it needs of a runtime, without the weights and without onnx.

Field numbers: onnx/onnx.proto and onnx-ml.proto. Sub-graphs (attributes of If, Loop, Scan) and model-local
functions are read like the main graph. Everything is a walk over offsets (onnx_wire), with a list of what is left to
read instead of recursion, so that a hostile file costs time that is bounded and no stack.
"""

import re
from typing import Dict, List, NamedTuple, Optional, Set, Sized, Tuple

from .onnx_wire import BYTES, Field, Reader, WireError

GRAPH, SUBGRAPH, FUNCTION = "graph", "subgraph", "function"

#: ModelProto: fields that tell an ONNX file from other messages, and their wire types.
_MODEL = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}

#: TensorProto.DataType by number.
_TYPES = dict(
    enumerate(
        "undefined float uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 uint64 complex64 "
        "complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1 "
        "float8e8m0 uint2 int2".split()
    )
)

_EXTERNAL = 1  # TensorProto.DataLocation

#: Different operators, functions or external files that are kept; no model comes near.
_MOST_KINDS = 4096


class Operator(NamedTuple):
    """An operator and where it is used; ``domain`` is "" for ONNX's own (``ai.onnx``)."""

    domain: str
    name: str
    where: str


class External(NamedTuple):
    """A file with weights as a tensor names it, the bytes that it must have at least, and how many name it."""

    location: str
    needs: int
    tensors: int


class Content(NamedTuple):
    """What one file says; ``functions`` are the (domain, name) that it defines itself."""

    ir_version: int
    opsets: Dict[str, int]
    producer: str
    producer_version: str
    graphs: int
    outputs: int
    nodes: int
    operators: Dict[Operator, int]
    functions: Set[Tuple[str, str]]
    types: Set[str]
    external: List[External]


class _Walk:
    """What was seen so far, and the messages that are left to read: (kind, start, end, where)."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.left: List[Tuple[str, Field, str]] = []
        self.operators: Dict[Operator, int] = {}
        self.functions: Set[Tuple[str, str]] = set()
        self.types: Set[str] = set()
        self.external: Dict[str, External] = {}
        self.nodes = 0
        self.outputs = 0
        self.graphs = 0

    def run(self) -> None:
        """Read everything that is left; what a graph holds is read at once, only graphs and types wait."""
        steps = {"graph": self.graph, "type": self.type, "function": self.function}
        while self.left:
            kind, field, where = self.left.pop()
            steps[kind](field, where)

    def later(self, kind: str, field: Field, where: str) -> None:
        """Put a message on the list."""
        if len(self.left) > _MOST_KINDS:
            raise WireError("holds more than %d graphs in one place, more than any model" % _MOST_KINDS)
        self.left.append((kind, field, where))

    def graph(self, field: Field, where: str) -> None:
        """GraphProto: node 1, initializer 5, input 11, output 12, value_info 13, sparse_initializer 15."""
        self.graphs += 1
        for inner in self.reader.fields(field.start, field.end):
            if inner.wire != BYTES:
                continue
            if inner.number == 12 and where == GRAPH:
                self.outputs += 1
            if inner.number == 1:
                self.node(inner, where)
            elif inner.number == 5:
                self.tensor(inner)
            elif inner.number == 15:
                self.sparse(inner)
            elif inner.number in (11, 12, 13):
                self.value(inner, where)

    def function(self, field: Field, _: str) -> None:
        """FunctionProto: name 1, node 7, domain 10, attribute_proto 11, value_info 12."""
        name = domain = ""
        for inner in self.reader.fields(field.start, field.end):
            if inner.wire == BYTES and inner.number == 1:
                name = self.reader.text(inner)
            elif inner.wire == BYTES and inner.number == 10:
                domain = self.reader.text(inner)
        self.functions.add((_own(domain), name))
        self.check(self.functions)
        for inner in self.reader.fields(field.start, field.end):
            step = {7: self.node, 11: self.attribute, 12: self.value}.get(inner.number)
            if step and inner.wire == BYTES:
                step(inner, FUNCTION)

    def node(self, field: Field, where: str) -> None:
        """NodeProto: op_type 4, attribute 5, domain 7."""
        name = domain = ""
        for inner in self.reader.fields(field.start, field.end):
            if inner.wire != BYTES:
                continue
            if inner.number == 4:
                name = self.reader.text(inner)
            elif inner.number == 7:
                domain = self.reader.text(inner)
            elif inner.number == 5:
                self.attribute(inner, where)
        key = Operator(_own(domain), name, where)
        self.operators[key] = self.operators.get(key, 0) + 1
        self.nodes += 1
        self.check(self.operators)

    def check(self, kept: Sized) -> None:
        """Stop at a file that would fill the memory with names."""
        if len(kept) > _MOST_KINDS:
            raise WireError("names more than %d operators, functions or files, more than any model" % _MOST_KINDS)

    def attribute(self, field: Field, where: str) -> None:
        """AttributeProto: t 5, g 6, tensors 10, graphs 11, tp 14, type_protos 15, sparse_tensor(s) 22 and 23."""
        for inner in self.reader.fields(field.start, field.end):
            if inner.wire != BYTES:
                continue
            if inner.number in (5, 10):
                self.tensor(inner)
            elif inner.number in (22, 23):
                self.sparse(inner)
            elif inner.number in (14, 15):
                self.later("type", inner, where)
            elif inner.number in (6, 11):
                self.later("graph", inner, SUBGRAPH if where == GRAPH else where)

    def sparse(self, field: Field) -> None:
        """SparseTensorProto: values 1, indices 2."""
        for inner in self.reader.fields(field.start, field.end):
            if inner.number in (1, 2) and inner.wire == BYTES:
                self.tensor(inner)

    def value(self, field: Field, where: str) -> None:
        """ValueInfoProto: type 2."""
        for inner in self.reader.fields(field.start, field.end):
            if inner.number == 2 and inner.wire == BYTES:
                self.type(inner, where)

    def type(self, field: Field, where: str) -> None:
        """TypeProto: tensor_type 1, sequence_type 4, map_type 5, sparse_tensor_type 8, optional_type 9."""
        for inner in self.reader.fields(field.start, field.end):
            if inner.wire != BYTES or inner.number not in (1, 4, 5, 8, 9):
                continue
            for part in self.reader.fields(inner.start, inner.end):
                if part.wire == BYTES and part.number == (2 if inner.number == 5 else 1) and inner.number in (4, 5, 9):
                    self.later("type", part, where)
                elif part.wire != BYTES and part.number == 1:
                    self.typed(part.value)

    def tensor(self, field: Field) -> None:
        """TensorProto: data_type 2, external_data 13 {key 1, value 2}, data_location 14."""
        external = False
        entries: Dict[str, str] = {}
        for inner in self.reader.fields(field.start, field.end):
            if inner.number == 2 and inner.wire != BYTES:
                self.typed(inner.value)
            elif inner.number == 14 and inner.wire != BYTES:
                external = inner.value == _EXTERNAL
            elif inner.number == 13 and inner.wire == BYTES:
                key, value = (self.reader.first(inner, number) for number in (1, 2))
                entries[self.reader.text(key) if key else ""] = self.reader.text(value) if value else ""
        if external:
            location = entries.get("location", "")
            needs = _number(entries.get("offset")) + _number(entries.get("length"))
            known = self.external.get(location, External(location, 0, 0))
            self.external[location] = External(location, max(known.needs, needs), known.tensors + 1)
            self.check(self.external)

    def typed(self, number: int) -> None:
        """Remember the element type ``number``."""
        self.types.add(_TYPES.get(number, "type %d" % number))


def read(reader: Reader) -> Content:
    """Read the file behind ``reader``; :class:`WireError` says what is wrong with it."""
    walk = _Walk(reader)
    head: Dict[int, int] = {}
    producer = version = ""
    opsets: Dict[str, int] = {}
    graph: Optional[Field] = None
    for field in reader.fields(0, reader.size):
        if _MODEL.get(field.number, field.wire) != field.wire:
            raise WireError("is damaged, or of another format: field %d is not ONNX's" % field.number)
        if field.number in (1, 5):
            head[field.number] = field.value
        elif field.number == 2:
            producer = reader.text(field)
        elif field.number == 3:
            version = reader.text(field)
        elif field.number == 7:
            graph = field
            walk.later("graph", field, GRAPH)
        elif field.number == 8:
            _opset(reader, field, opsets)
        elif field.number == 25:
            walk.later("function", field, FUNCTION)
    if graph is None:
        raise WireError("holds no graph: it is not an ONNX model, or one that is cut off. Fetch it again")
    walk.run()
    if not walk.outputs:
        raise WireError("holds a graph without outputs, which computes nothing. Export it again")
    if not head.get(1) or not opsets:
        raise WireError("names no IR version or no opset, which every ONNX model does. Export it again")
    return Content(
        ir_version=head[1],
        opsets=opsets,
        producer=producer,
        producer_version=version,
        graphs=walk.graphs,
        outputs=walk.outputs,
        nodes=walk.nodes,
        operators=walk.operators,
        functions=walk.functions,
        types=walk.types - {"undefined"},
        external=[walk.external[name] for name in sorted(walk.external)],
    )


def _opset(reader: Reader, field: Field, opsets: Dict[str, int]) -> None:
    """OperatorSetIdProto: domain 1, version 2."""
    domain, version = "", 0
    for inner in reader.fields(field.start, field.end):
        if inner.number == 1 and inner.wire == BYTES:
            domain = reader.text(inner)
        elif inner.number == 2 and inner.wire != BYTES:
            version = inner.value
    if len(opsets) < _MOST_KINDS:
        opsets[_own(domain) or "ai.onnx"] = version


def _own(domain: str) -> str:
    """ONNX's own domain has two spellings."""
    return "" if domain == "ai.onnx" else domain


def _number(text: Optional[str]) -> int:
    return int(text) if text and re.match(r"[0-9]{1,19}$", text) else 0
