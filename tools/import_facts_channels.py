"""Builds that pip does not find by itself: extra indexes and wheels for Jetson modules."""

from __future__ import annotations

import re

from tools.import_facts_common import GPU, LINUX, LINUX_ARM, WINDOWS, Platform, Sources, new_row, toolkit
from tools.import_facts_evidence import Row, evidence

#: Wheels of extra indexes: feed, releases that the facts name, platforms. Nobody could list a feed from here.
_FEEDS: list[tuple[str, str, tuple[str, ...], tuple[Platform, ...]]] = [
    ("onnxruntime-cuda-12", "1.17.x", ("1.17.0", "1.17.1"), (LINUX, WINDOWS)),
    ("onnxruntime-cuda-12", "1.18.0", ("1.18.0",), (LINUX, WINDOWS)),
    ("onnxruntime-cuda-12", "1.18.1", ("1.18.1",), (LINUX, WINDOWS)),
    # "for 1.19.2 or later", says the document of this feed.
    ("onnxruntime-cuda-11", "1.19.x", ("1.19.2",), (LINUX, WINDOWS)),
    ("onnxruntime-cuda-11", "1.20.x", ("1.20.0", "1.20.1"), (LINUX, WINDOWS)),
    ("onnxruntime-cuda-11", "1.21.x", ("1.21.0", "1.21.1"), (LINUX, WINDOWS)),
    ("onnxruntime-cuda-13", "1.24-1.26", ("1.24.4", "1.25.1", "1.26.0"), (LINUX, LINUX_ARM, WINDOWS)),
]
#: The facts' "what" of jetson-ai-lab: release, Python, JetPack, CUDA.
_JETSON_AI_LAB = [
    ("1.16.0", "cp38", ["5.1", "5.1.1", "5.1.2", "5.1.3"], "11.4"),
    ("1.23.0", "cp310", ["6.1", "6.2", "6.2.1"], "12.6"),
]

#: JetPack words of the Jetson wheels; "x" and "not stated" stand for the releases of that CUDA and Python.
_JETPACK = {
    "4.4 DP (L4T 32.4.2)": ["4.4 DP"],
    "4.4 / 4.4.1": ["4.4", "4.4.1"],
    "4.4-4.5 (not stated)": ["4.4", "4.4.1", "4.5"],
    "4.5.1 / 4.6 (not stated)": ["4.5.1", "4.6"],
    "4.6 (not stated)": ["4.6"],
    "4.6 / 4.6.1 (L4T 32.6.1/32.7.1)": ["4.6", "4.6.1"],
    "4.6": ["4.6"],
    "5.0 DP (L4T <= 34)": ["5.0 DP"],
    "5.0.2 (L4T 35.1)": ["5.0.2"],
    "5.x": ["5.1", "5.1.1", "5.1.2"],
    "5.1.1": ["5.1.1"],
    "5.1.2 (L4T 35.4.1)": ["5.1.2"],
    "5.1.x": ["5.1", "5.1.1", "5.1.2", "5.1.3"],
    "5.1.x?": ["5.1", "5.1.1", "5.1.2", "5.1.3"],
    "6.0 DP (L4T 36.2)": ["6.0 DP"],
    "6.0": ["6.0"],
    "6.1/6.2": ["6.1", "6.2"],
    "6.1/6.2/6.2.1": ["6.1", "6.2", "6.2.1"],
    "7.2 (Orin)": ["7.2"],
}
#: Releases of Jetson facts that name no single one; absent here: no wheel of ours to point at.
_JETSON_RELEASES = {"1.23.0-1.24.4": ["1.23.0", "1.24.4"], "1.28": ["1.28.0"]}
_JETSON_SKIPPED = {
    "1.22.2.12.8 / 1.23.2.12.9": "a third party's distribution with a version scheme of its own",
    "none official": "says that there is no wheel",
}


def feeds(sources: Sources, gpu: dict[tuple[str, str, str], Row]) -> list[Row]:
    """Return the wheels of extra indexes; ``gpu`` are the rows of the index, for their Python tags."""
    rows = []
    for feed, ort, versions, platforms in _FEEDS:
        fact = next(row for row in sources.facts["A_ort_cuda_cudnn"] if row["ort"] == ort and feed in row["channel"])
        for version in versions:
            for platform in platforms:
                row = new_row(GPU, version, platform, channel=feed, availability="extra-index", suffix=feed)
                inner = re.search(r"\((.+)\)", fact["cuda"])
                row["cuda"] = inner[1] if inner else toolkit(fact["cuda"])
                exact = re.search(r"\(([0-9.]+)\)", fact["cudnn"])
                row["cudnn"] = exact[1] if exact else toolkit(fact["cudnn"])
                sure = fact["confidence"] if ort != "1.24-1.26" else "secondary"
                row["evidence"].append(
                    evidence(fact["source"], sure, "availability", "cuda", "cudnn", when=sources.when)
                )
                sibling = gpu.get((version, *platform))
                if sibling:
                    row["python"] = sibling["python"]
                    source = f"{GPU} {version} of the index"
                    row["evidence"].append(evidence(source, "derived", "python", when=sources.read, kind="measurement"))
                rows.append(row)
    lab = next(fact for fact in sources.facts["D_availability"] if fact.get("name") == "jetson-ai-lab")
    for version, python, jetpack, cuda in _JETSON_AI_LAB:
        suffix = f"jetson-ai-lab-{python}"
        row = new_row(GPU, version, LINUX_ARM, channel="jetson-ai-lab", availability="extra-index", suffix=suffix)
        row.update({"python": [python], "jetpack": jetpack, "cuda": cuda})
        row["evidence"].append(evidence(lab["source"], lab["confidence"], when=sources.when))
        rows.append(row)
    return rows


def jetson(sources: Sources) -> list[Row]:
    """Return the Jetson wheels that lie at an address of their own."""
    rows = []
    for fact in sources.facts["D_availability"]:
        if fact["kind"] != "jetson wheel" or fact["ort"] in _JETSON_SKIPPED:
            continue
        for version in _JETSON_RELEASES.get(fact["ort"], [fact["ort"]]):
            jetpack = _JETPACK[fact["jetpack"]]
            python = fact["python"].split(" ")[0]
            suffix = f"jetson-{jetpack[0].replace(' ', '-')}-{python}"
            row = new_row(GPU, version, LINUX_ARM, channel="jetson", availability="jetson", suffix=suffix)
            row.update({"python": [python], "jetpack": jetpack, "cuda": toolkit(fact["cuda"])})
            row["where"] = fact["url"].split(" ")[0]
            row["evidence"].append(evidence(fact["source"], fact["confidence"], when=sources.when, kind="document"))
            rows.append(row)
    return rows
