"""What onnxruntime says where it does not load a model: the cause that each form of text stands for."""

import re
from typing import NamedTuple, Optional


class Known(NamedTuple):
    """A form of error text and the cause that it stands for; its group ``op``, where it has one, is an operator.

    ``from_match``: what stands before it on its line (C++ signatures, a hundred words) is not told.
    """

    form: str
    cause: str
    variant: str = "default"
    from_match: bool = False


#: In order: a text may match several. The words are those of onnxruntime from 1.0 on.
_KNOWN = (
    Known(r"Unsupported model IR version|Unknown model file format version", "ir_version_too_new", from_match=True),
    Known(
        r"(?:ONNX Runtime only )?\*?guarantees\*? support for models stamped|Unsupported model opset|is till opset \d+",
        "opset_too_new",
        from_match=True,
    ),
    Known(r"No Op registered for (?P<op>\S+) with domain_version of", "op_not_registered"),
    Known(r"No [Ss]chema registered for (?P<op>\S+)", "op_not_registered"),
    Known(r"(?P<op>\S+) is not a registered function/op", "op_not_registered", "custom"),
    Known(r"Could not find an implementation for (?:the node )?(?P<op>\S+?)(?: node|\s|$)", "kernel_not_implemented"),
    Known(r"NOT_IMPLEMENTED", "kernel_not_implemented"),
    Known(r"maximum protobuf size|2GiB limit|exceeds? .{0,40}2 ?GB", "model_over_2gb"),
    Known(
        r"(?i)external[ _](?:data|initializer)|SystemError : 2$|Deserialize tensor .* failed|GetFile(?:Length|SizeEx)",
        "external_data_missing",
    ),
    Known(r"INVALID_PROTOBUF|Protobuf parsing failed|Error parsing message with type", "corrupt_or_lfs_model"),
    Known(r"NO_SUCHFILE|File doesn't exist", "model_file_not_found"),
    Known(r"(?i)permission denied", "model_file_permission"),
    Known(
        r"(?i)bad[ _]?alloc|out of memory|Failed to allocate memory|Cannot allocate memory|std::length_error",
        "model_needs_memory",
    ),
    Known(r"INVALID_GRAPH|This is an invalid model|(?:Shape|Type)InferenceError", "model_not_loaded", "graph"),
)


class Told(NamedTuple):
    """The cause that a text names, the line that names it and the operator in it."""

    cause: str
    variant: str
    line: str
    operator: Optional[str]


def told(text: str) -> Optional[Told]:
    """Return the first cause that ``text`` names; None where it names none."""
    for entry in _KNOWN:
        match = re.search(entry.form, text)
        if match:
            operator = match.groupdict().get("op")
            line = text[match.start() :].splitlines()[0] if entry.from_match else _line(text, match.start())
            return Told(entry.cause, entry.variant, line.strip(), operator)
    return None


def _line(text: str, position: int) -> str:
    """Return the line of ``text`` that ``position`` is on."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else len(text)]
