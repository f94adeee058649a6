"""Parsers of what commands and files really print: pure functions, one module a kind.

Each takes the text as captured or pasted (with colours, prompts, a log's prefixes, Windows line ends) and
returns a dictionary whose keys its docstring lists. None means that the text says there is no such value; an
absent key, that it does not say. A text that tells of a failure gives ``{"error": cause}``, one that the
parser does not know at all ``{"error": "unreadable"}``. No parser raises, whatever the text.
"""

from importlib import import_module
from typing import Any, Callable, Dict, Iterator, Mapping

Parser = Callable[[str], Dict[str, Any]]

#: Each is a module of this name, with ``_`` for ``-``.
_KINDS = (
    "collect-env",
    "cuda-version-file",
    "cudnn-header",
    "device-tree",
    "dpkg",
    "jetson-release",
    "ldconfig",
    "ldd",
    "nvcc",
    "nvidia-smi",
    "nvidia-smi-query",
    "ort-debug",
    "os-release",
    "pip-list",
    "pip-version",
    "proc-driver",
    "tegra-release",
    "windows-env",
)


class _Parsers(Mapping[str, Parser]):
    """The parsers by kind, each imported when it is asked for: a probe needs few, and their patterns take long."""

    def __getitem__(self, kind: str) -> Parser:
        if kind not in _KINDS:
            raise KeyError(kind)
        parser: Parser = import_module("." + kind.replace("-", "_"), __name__).parse
        return parser

    def __iter__(self) -> Iterator[str]:
        return iter(_KINDS)

    def __len__(self) -> int:
        return len(_KINDS)


PARSERS = _Parsers()


def parse(kind: str, text: str) -> Dict[str, Any]:
    """Parse ``text`` as what ``kind`` prints; raises KeyError for a kind that is not in PARSERS."""
    return PARSERS[kind](text)
