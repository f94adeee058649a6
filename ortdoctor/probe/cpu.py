"""The processor: its model and the instruction sets that inference code is compiled for."""

from typing import Dict, List

from .context import Context
from .fact import Facts, absent, failed, found
from .reading import read_text

KEY = "system.cpu"

CPUINFO = "/proc/cpuinfo"

#: The flags that decide whether a build runs at all, or how fast, as the kernel spells them:
#: x86 ``flags`` (arch/x86/include/asm/cpufeatures.h), ARM ``Features`` (arch/arm64/kernel/cpuinfo.c).
FLAGS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "amx_tile",
    "neon",
    "asimd",
    "asimddp",
)

_FLAG_LINES = ("flags", "Features")
_MODEL_LINES = ("model name", "Model", "Hardware")


def collect(context: Context) -> Facts:
    """Return ``system.cpu`` from /proc/cpuinfo; elsewhere than on Linux there is no such file."""
    if context.os != "linux":
        return {KEY: absent("%s is read on Linux only; this is %s" % (CPUINFO, context.os))}
    cpuinfo = read_text(context, CPUINFO)
    if cpuinfo.text is None:
        return {KEY: failed(cpuinfo.error, CPUINFO) if cpuinfo.error else absent(CPUINFO)}
    lines = _first_lines(cpuinfo.text)
    have = set()
    for name in _FLAG_LINES:
        have.update(lines.get(name, "").split())
    flags: List[str] = [flag for flag in FLAGS if flag in have]
    model = next((lines[name] for name in _MODEL_LINES if lines.get(name)), None)
    return {KEY: found({"model": model, "flags": flags}, CPUINFO)}


def _first_lines(text: str) -> Dict[str, str]:
    """Return ``name : text`` of the first processor that has each name; all processors of a box agree."""
    lines: Dict[str, str] = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if colon:
            lines.setdefault(name.strip(), rest.strip())
    return lines
