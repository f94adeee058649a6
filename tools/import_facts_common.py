"""What the builders of builds.json share: platforms, an empty row, and what they read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tools.import_facts_evidence import Row

GPU = "onnxruntime-gpu"
CPU = "onnxruntime"

#: GPU releases with a document of their own and no CPU wheel of that number on the index.
GPU_ONLY = ("0.2.0",)

Wheels = dict[str, dict[str, list[str]]]
Platform = tuple[str, str]
LINUX: Platform = ("linux", "x86_64")
LINUX_ARM: Platform = ("linux", "aarch64")
WINDOWS: Platform = ("windows", "x86_64")


class Sources(NamedTuple):
    """What the rows are made of: ``wheels`` lists the index, ``read`` is its date, ``read_wheels`` is wheels.json."""

    facts: Row
    wheels: dict[str, Wheels]
    read: str
    when: str
    read_wheels: list[Row]


def toolkit(text: str) -> str:
    """Return the version that ``text`` begins with: ``12`` for ``"12.x (12.2)"``, ``8`` for ``"8.x"``."""
    return re.match(r"[0-9]+(?:\.[0-9]+)*", text)[0]  # type: ignore[index]


def new_row(
    distribution: str, version: str, platform: Platform, *, channel: str, availability: str, suffix: str = ""
) -> Row:
    """Return a row without contents; ``suffix`` tells builds of one release and platform apart."""
    row: Row = {
        "id": "-".join((distribution, version, *platform)) + (f"-{suffix}" if suffix else ""),
        "distribution": distribution,
        "version": version,
        "os": platform[0],
        "arch": platform[1],
        "channel": channel,
        "availability": availability,
    }
    return {**row, "sonames": [], "gpu_code": [], "python": [], "platform_tags": [], "evidence": []}
