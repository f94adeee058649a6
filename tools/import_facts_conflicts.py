"""Where sources disagree: the facts' list in our words, who says what, and which one the matrix follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from tools.import_facts_common import GPU
from tools.import_facts_evidence import Row, evidence

if TYPE_CHECKING:
    from tools.import_facts_wheels import Disagreement


class Choice(NamedTuple):
    """``fact`` is the topic in the facts, None for one met here; ``sources``: where and confidence."""

    fact: str | None
    topic: str
    a: str
    b: str
    chosen: str
    sources: tuple[tuple[str, str], ...]


_COMPATIBILITY = ("gh-pages docs/reference/compatibility.md @d0ea319e", "doc")
_LOADER = ("measured: the loader of the CPU wheel with hand-made models", "measured")
_BUILD_INFO = ("measured: capi/build_and_package_info.py in wheels of the index", "measured")
_CONTAINERS = ("dusty-nv/jetson-containers jetson_containers/l4t_version.py @dd206bfe", "secondary")

CHOICES = [
    Choice("IR of ORT 1.15", "IR version of 1.15", "8", "9", "b", (_COMPATIBILITY, _LOADER)),
    Choice("ai.onnx.ml of ORT 1.11", "ai.onnx.ml opset of 1.11", "2", "3", "b", (_COMPATIBILITY, _LOADER)),
    Choice(
        "ORT 1.9/1.10 IR",
        "IR version of 1.9 and 1.10",
        "7 (an older copy of the document)",
        "8",
        "b",
        (_COMPATIBILITY, _LOADER),
    ),
    Choice(
        "ORT 1.28-1.31 opset",
        "opset of 1.28 to 1.31",
        "27, from ONNX 1.22",
        "26",
        "b",
        (("release notes v1.28.0", "doc"), _LOADER),
    ),
    Choice(
        "providers required since",
        "first release that requires providers",
        "1.9, in the error text",
        "1.10.0, until 1.16.0",
        "b",
        (
            ("measured: error text of 1.10.0", "measured"),
            ("measured: wheels 1.9.0 to 1.16.1 run", "measured"),
        ),
    ),
    Choice(
        "EP plugin Python API",
        "first release with plugin providers",
        "1.22, the C API",
        "1.23.0, the Python names",
        "b",
        (("OrtApi reference", "doc"), ("measured: attributes of the CPU wheels", "measured")),
    ),
    Choice(
        "CUDA 12 after 1.27",
        "CUDA 12 packages from 1.27 on",
        "removed",
        "deprecated, still made under names with cuda12",
        "b",
        (("release notes v1.26.0", "doc"), ("release notes v1.27.0", "doc")),
    ),
    Choice(
        "1.18.1 cuDNN",
        "cuDNN of 1.18.1",
        "9, on the feed onnxruntime-cuda-12",
        "8, on the index",
        "both",
        (("onnxruntime.ai CUDA execution provider", "doc"), ("measured: wheel of the index", "measured")),
    ),
    Choice(
        "JetPack 6.0 CUDA",
        "CUDA of JetPack 6.0",
        "12.2",
        "12.4",
        "a",
        (("file id 27243860172", "secondary"), _CONTAINERS),
    ),
    Choice(
        "L4T of JetPack 7.2",
        "L4T of JetPack 7.2",
        "39.2",
        "39.1.0",
        "a",
        (("NVIDIA's links to r39.2", "secondary"), _CONTAINERS),
    ),
    Choice(
        "L4T 36.5.0",
        "JetPack of L4T 36.5.0",
        "6.2.2",
        "6.2.1",
        "a",
        (("file id 52340033935", "secondary"), _CONTAINERS),
    ),
    Choice(
        "PyPI 1.21-1.23 CUDA build",
        "CUDA toolkit of 1.21 to 1.23",
        "12.2",
        "12, without a minor version",
        "both",
        (_BUILD_INFO, ("onnxruntime.ai CUDA execution provider", "doc")),
    ),
    Choice(
        "first Jetson-capable aarch64 PyPI wheel",
        "aarch64 wheels of the index on a Jetson",
        "on the index since 1.29.0",
        "no machine code for Orin (8.7) or Thor (11.0) in 1.31.1",
        "b",
        (
            ("file names on the index", "measured"),
            ("measured: wheel 1.31.1 for aarch64", "measured"),
            ("straga/jetson-jp7-onnxruntime", "secondary"),
        ),
    ),
    Choice(
        None,
        "Windows driver floor of CUDA 12",
        "528.33",
        "527.41, the row of 12.0 GA",
        "a",
        (
            ("NVIDIA CUDA compatibility, minor-version table", "doc"),
            ("NVIDIA CUDA toolkit release notes, Table 3", "doc"),
        ),
    ),
    Choice(
        None,
        "driver of CUDA 9.1",
        "387.26 (Linux), 388.19 (Windows)",
        "390.46 (Linux), 391.29 (Windows)",
        "b",
        (
            ("gist okwrtdsh/6c1017e0, older NVIDIA tables", "secondary"),
            ("NVIDIA CUDA 13.2 toolkit release notes, Table 3", "doc"),
        ),
    ),
    Choice(
        None,
        "L4T of JetPack 4.6.2",
        "32.7.2",
        "32.7.1",
        "a",
        (_CONTAINERS, ("gist Tiryoh/2b5dc1f8", "secondary")),
    ),
    Choice(
        None,
        "opset of 1.8",
        "13 (docs/Versioning.md @a5dcbfc7)",
        "14",
        "b",
        (("microsoft/onnxruntime docs/Versioning.md, two stored versions", "doc"), _LOADER),
    ),
    Choice(
        None,
        "IR version of ONNX 1.23",
        "13 (onnx/helper.py before the release)",
        "14, taken by 1.32.0 with opset 28",
        "b",
        (("onnx/onnx onnx/helper.py VERSION_TABLE @f7546912", "doc"), _LOADER),
    ),
]


def conflicts(facts: Row, when: str, differ: list[Disagreement]) -> list[Row]:
    """Return the rows, also of what wheels contradict; a conflict of the facts that no table has stops the program."""
    missing = {fact["topic"] for fact in facts["conflicts"]} ^ {choice.fact for choice in CHOICES if choice.fact}
    if missing:
        raise SystemExit(f"conflicts: facts and table differ on {sorted(missing)}")
    rows = []
    for choice in CHOICES:
        entries = [evidence(where, confidence, when=when) for where, confidence in choice.sources]
        rows.append(
            {
                "topic": choice.topic,
                "a": choice.a,
                "b": choice.b,
                "chosen": choice.chosen,
                "evidence": entries,
            }
        )
    return sorted(rows + _of_wheels(differ), key=lambda row: str(row["topic"]))


_FIELDS = {
    "cuda": "CUDA",
    "cudnn": "cuDNN",
    "tensorrt": "TensorRT",
    "gpu_code": "GPU code",
    "sonames": "libraries needed",
    "tensorrt_sonames": "TensorRT libraries needed",
    "cuda_build": "toolkit named by the build information",
    "glibc": "glibc",
}


def _of_wheels(differ: list[Disagreement]) -> list[Row]:
    """Return a row per contradiction; releases that contradict in the same words share one."""
    groups: dict[tuple[str, str, str, str], list[Disagreement]] = {}
    for one in differ:
        groups.setdefault((one.field, one.platform, one.said, one.read), []).append(one)
    rows = []
    for (field, platform, said, read), group in groups.items():
        versions = sorted({one.version for one in group}, key=Version)
        entries = [entry for one in group for entry in (one.source, one.wheel)]
        unique = {(entry["where"], entry["confidence"]): entry for entry in entries}
        rows.append(
            {
                "topic": f"{_FIELDS[field]} of {GPU} {', '.join(versions)} for {platform}",
                "a": said,
                "b": f"{read} (the wheel)",
                "chosen": "b",
                "evidence": [
                    {name: value for name, value in entry.items() if name != "fields"} for entry in unique.values()
                ],
            }
        )
    return rows
