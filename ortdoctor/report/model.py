"""The words for a model: what ``ortdoctor inspect`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ortdoctor.model.inspect import ModelFacts, Tensor

#: Operators and lines of text beyond which the rest is only counted.
_MOST = 12


def print_model(console: Console, facts: ModelFacts) -> None:
    """Print the facts of a model as a list of names and values."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(facts):
        # A model's names and texts are data: Text carries no markup, and control characters are shown, not sent.
        table.add_row(name, Text(_printable(value)))
    console.print(table)


def _rows(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    yield "file", f"{facts.file} ({_size(facts.size)}, sha256 {facts.sha256[:16]}..)"
    if facts.external:
        yield "external data", ", ".join(facts.external)
    yield "producer", facts.producer or "not stated"
    yield "IR version", str(facts.ir)
    yield "opsets", ", ".join(f"{domain} {version}" for domain, version in facts.opsets.items())
    for name, tensors in (("inputs", facts.inputs), ("outputs", facts.outputs)):
        for index, tensor in enumerate(tensors):
            yield ("" if index else name), _tensor(tensor)
    yield "nodes", f"{facts.nodes}, with {facts.parameters:,} parameters"
    yield "operators", _histogram(facts.operators)
    if facts.functions:
        yield "functions", ", ".join(facts.functions)
    if facts.doc:
        yield "doc string", facts.doc
    for key, value in facts.metadata.items():
        yield "metadata", f"{key} = {value}"
    yield "checker", "passes" if facts.checker.ok else f"fails: {facts.checker.message}"
    yield "loads in", _loads_in(facts)
    yield "SCRFD", _scrfd(facts)
    for note in facts.scrfd.notes:
        yield "", note


def _loads_in(facts: ModelFacts) -> str:
    runtimes = facts.runtimes
    if runtimes.first is None:
        return "no ONNX Runtime release that the matrix knows: the opset or the IR version is too new"
    said = f"ONNX Runtime {runtimes.first} to {runtimes.newest} ({runtimes.count} releases)"
    if runtimes.unenforced:
        said += f"; {', '.join(runtimes.unenforced)} load anything and compute wrongly beyond their own opset"
    return said


def _scrfd(facts: ModelFacts) -> str:
    spec = facts.scrfd.spec
    if spec is None:
        return f"no: {facts.scrfd.reason}"
    strides = "/".join(str(stride) for stride in spec["strides"])
    heads = "boxes and keypoints" if spec["keypoints"] else "boxes, no keypoints"
    width, height = spec["input"]["size"]
    how = "measured by running it" if facts.scrfd.measured else "by declared shapes; install onnxruntime to measure"
    return (
        f"yes, {spec['form']} form: {heads}, strides {strides}, {spec['anchors']} anchors a cell, scores as "
        f"{spec['scores']}, {'dynamic size' if spec['input']['dynamic'] else f'{width}x{height}'} ({how})"
    )


def _tensor(tensor: Tensor) -> str:
    if tensor.shape is None:
        return f"{tensor.name}: {tensor.dtype}"
    shape = ", ".join("?" if size is None else str(size) for size in tensor.shape)
    return f"{tensor.name}: {tensor.dtype} [{shape}]"


def _histogram(operators: dict[str, int]) -> str:
    named = [f"{name} {count}" for name, count in list(operators.items())[:_MOST]]
    rest = len(operators) - len(named)
    return ", ".join(named) + (f" and {rest} more kinds" if rest > 0 else "")


def _size(count: int) -> str:
    if count < 1 << 20:
        return f"{count / 1024:.1f} KiB"
    return f"{count / (1 << 20):.2f} MiB"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == " " else repr(char)[1:-1] for char in text)
