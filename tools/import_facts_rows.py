"""Facts to rows: releases, drivers, GPUs, JetPack, distributions, Python API, ONNX releases."""

from __future__ import annotations

import re
from typing import Any

from packaging.version import Version

from tools.import_facts_evidence import Row, evidence

#: Facts of JetPack whose words name more than one L4T; the choice is in conflicts.json.
_L4T = {"4.6.2": ["32.7.2"], "7.2": ["39.2.0"]}

#: GPUs of the Jetson modules per L4T major, from the fact "jetpack gpu"; r38 is Thor only (JetPack 7.0 page).
_JETSON_GPUS = {
    "32": ["5.3", "6.2", "7.2"],
    "34": ["7.2", "8.7"],
    "35": ["7.2", "8.7"],
    "36": ["8.7"],
    "38": ["11.0"],
    "39": ["8.7", "11.0", "12.0", "12.1"],
}

#: Integrated GPUs, whose machine code is not shared with desktop ones of the same major.
_TEGRA = {"5.3", "6.2", "7.2", "8.7", "10.1", "11.0"}
_TEGRA_SOURCE = 'NVIDIA CUDA C++ Programming Guide, "Binary Compatibility": not between desktop and Tegra'

#: Minor-version floors as numbers: (fact's text that must still be there, Linux, Windows).
#: Windows 12.x: NVIDIA's table says 528.33; 527.41 is the row of 12.0 GA alone (conflicts.json).
_MINOR_VERSION = {
    "13.x": (13, "580", "580", "580"),
    "12.x": (12, "525.60.13 Linux / 527.41 or 528.33 Windows", "525.60.13", "528.33"),
    "11.x": (11, "450.80.02 Linux / 452.39 Windows", "450.80.02", "452.39"),
}

#: First and last release of Python API facts that are not given as one version.
_API_RELEASES: dict[str, tuple[str, str | None]] = {
    "all": ("1.11.0", None),  # measured in GPU wheels 1.11 to 1.31
    "1.16+": ("1.16.0", None),
    "1.29-1.31": ("1.29.0", "1.31.1"),
    "1.28 (design doc)": ("1.28.0", None),
}
_API_LAST = {"providers required": "1.16.0"}  # "1.16.1+: no error", says the fact's note

#: A fact carries over, its sentences do not: what the notes of these facts amount to. A signature is a fact.
_SIGNATURE = "InferenceSession.__init__ signature"
_API_NOTES = {
    "providers= argument": "TypeError before. A name that the build does not have: ignored before 1.7.0, "
    "ValueError in 1.7.0, UserWarning and CPU from 1.8.0 on",
    "providers as (name, options) tuples": "TypeError before; the keyword provider_options came with 1.5.1",
    "unknown keyword arguments": "ignored; TypeError before",
    "providers required": "ValueError where a build with several providers gets no such argument. Before, "
    "all of them were used; after, the CPU provider alone",
    "get_available_providers / get_device are compile-time": "they tell what was built in, not what works: "
    "session.get_providers() tells that",
    "AzureExecutionProvider": "in CPU wheels: a list of Azure and CPU alone is the CPU package",
    "CUDA load failure text": "names the library that failed to load; required CUDA and cuDNN from 1.19 on",
    "preload_dlls(cuda=True, cudnn=True, msvc=True, directory=None)": "loads CUDA and cuDNN of torch or of "
    "nvidia-* wheels",
    "print_debug_info": "lists distributions in one folder, nvidia-* packages and LD_LIBRARY_PATH",
    "EP plugin API in Python": "the C API is a minor release older",
    "bundled CUDA plugin EP": "registered by itself where the build information names cuda-plugin-ep",
    "enable_cudnn CUDA provider option": "0 forbids loading cuDNN",
}

#: Distribution to the provider that it brings, spelled as onnxruntime.get_all_providers() of 1.32 spells it.
_PROVIDERS = {
    "onnxruntime": "CPUExecutionProvider",
    "onnxruntime-gpu": "CUDAExecutionProvider",
    "ort-nightly-gpu": "CUDAExecutionProvider",
    "onnxruntime-gpu-extended": "CUDAExecutionProvider",
    "onnxruntime-ep-cuda12": "CUDAExecutionProvider",
    "onnxruntime-ep-cuda13": "CUDAExecutionProvider",
    "onnxruntime-directml": "DmlExecutionProvider",
    "onnxruntime-openvino": "OpenVINOExecutionProvider",
    "onnxruntime-migraphx": "MIGraphXExecutionProvider",
    "onnxruntime-qnn": "QNNExecutionProvider",
    "onnxruntime-dnnl": "DnnlExecutionProvider",
    "onnxruntime-vitisai": "VitisAIExecutionProvider",
    "onnxruntime-cann": "CANNExecutionProvider",
}


def releases(facts: Row, opsets: Row, known: list[str], when: str) -> list[Row]:
    """Return a row per release; one that was not measured takes its neighbours' where they agree."""
    rows = {fact["ort"]: _release(fact, when) for fact in facts["B_ort_opset_ir"] if "max_opset_measured" in fact}
    for version, found in opsets.items():
        limits = {"opset": found["max_opset"], "ir": found["max_ir"], "ml_opset": found["max_ai_onnx_ml"]}
        # The newest that was tried: the loader takes any, so the limits are what documents say.
        enforced = limits["opset"] < _NEWEST_OPSET_TRIED
        if version not in rows:
            rows[version] = {"enforced": True, **limits, "evidence": []} if enforced else _like(version, rows)
            rows[version]["version"] = version
        row = rows[version]
        if row["enforced"] != enforced or (enforced and any(row[name] != limits[name] for name in limits)):
            raise SystemExit(f"releases: two measurements of {version} disagree: {limits} and {row}")
        fields = ["enforced", *limits] if enforced else ["enforced"]
        source = f"measured: onnxruntime (CPU) {version} loads one-node models (Identity, Relu, Conv, Resize)"
        row["evidence"].append(evidence(source, "measured", *fields, when=when))
    for version in known:
        if version not in rows:
            rows[version] = {**_like(version, rows), "version": version}
    order = ("version", "opset", "ir", "ml_opset", "enforced", "onnx", "evidence")
    return [
        {name: rows[version][name] for name in order if name in rows[version]} for version in sorted(rows, key=Version)
    ]


#: opset-support.json tried models up to this opset.
_NEWEST_OPSET_TRIED = 30


def _release(fact: Row, when: str) -> Row:
    enforced = isinstance(fact["max_opset_measured"], int)
    measured_fields = ["enforced", "opset", "ir", "ml_opset"] if enforced else ["enforced"]
    row: Row = {"version": fact["ort"], "enforced": enforced}
    row["evidence"] = [evidence(fact["source"], fact["confidence"], *measured_fields, when=when)]
    for name, short in (("opset", "opset"), ("ir", "ir"), ("ml_opset", "ml")):
        documented = fact.get(f"{name}_doc")
        row[name] = fact[f"max_{name}_measured"] if enforced else documented
        if documented is not None and documented != row[name] and short not in fact.get("disagreement", []):
            raise SystemExit(f"releases: {fact['ort']}: {name} documented {documented}, measured {row[name]}")
    agreed = [
        n for n, s in (("opset", "opset"), ("ir", "ir"), ("ml_opset", "ml")) if s not in fact.get("disagreement", [])
    ]
    if "onnx_version_doc" in fact:
        row["onnx"] = fact["onnx_version_doc"]
        row["evidence"].append(evidence(fact["doc_source"], "doc", "onnx", *agreed, when=when, kind="document"))
    elif "onnx_version_release" in fact:
        row["onnx"] = fact["onnx_version_release"]
        row["evidence"].append(evidence(fact["release_source"], "doc", "onnx", when=when, kind="document"))
    return row


def _like(version: str, rows: dict[str, Row]) -> Row:
    """Return the row of the nearest release of the same minor, as derived; neighbours must agree."""
    minor = sorted((name for name in rows if name.split(".")[:2] == version.split(".")[:2]), key=Version)
    before = [name for name in minor if Version(name) < Version(version)][-1:]
    near = before + [name for name in minor if Version(name) > Version(version)][:1]
    if not near or len({(rows[name]["opset"], rows[name]["ir"]) for name in near}) != 1:
        raise SystemExit(f"releases: nothing measured near {version} settles it: {near}")
    entries = [
        {**entry, "confidence": "derived", "where": f"{near[0]}, the same minor release: {entry['where']}"}
        for entry in rows[near[0]]["evidence"]
    ]
    return {**rows[near[0]], "evidence": entries}


def onnx_releases(facts: Row, when: str) -> list[Row]:
    """Return ``{id, opset, ir, ml_opset}`` per ONNX release."""
    return [
        {
            "id": fact["onnx"],
            "opset": fact["opset"],
            "ir": fact["ir"],
            "ml_opset": fact["ml_opset"],
            "evidence": [evidence(fact["source"], fact["confidence"], when=when)],
        }
        for fact in sorted(
            (row for row in facts["B_onnx_ir_opset"] if "ir" in row), key=lambda row: Version(row["onnx"])
        )
    ]


def drivers(facts: Row, when: str) -> dict[str, list[Row]]:
    """Return the toolkit table and the floors of minor-version compatibility."""
    toolkits, minor = [], []
    for fact in facts["E_driver_jetpack"]:
        if fact["kind"] == "toolkit driver":
            toolkits.append(_toolkit(fact, when))
        elif fact["kind"] == "minor version compatibility" and fact["cuda"] in _MINOR_VERSION:
            major, words, linux, windows = _MINOR_VERSION[fact["cuda"]]
            if words not in fact["min_driver"]:
                raise SystemExit(f"drivers: the fact on {fact['cuda']} no longer says {words!r}")
            source = evidence(fact["source"], fact["confidence"], when=when)
            minor.append({"cuda_major": major, "linux_min": linux, "windows_min": windows, "evidence": [source]})
    toolkits.sort(key=lambda row: (Version(row["cuda"]), row["update"]))
    return {"toolkits": toolkits, "minor_version": sorted(minor, key=lambda row: int(row["cuda_major"]))}


def _toolkit(fact: Row, when: str) -> Row:
    """``CUDA 12.8 Update 1`` is update ``Update 1``; older ones name a build, as ``CUDA 9.2 (9.2.88)``."""
    words = fact["toolkit"].removeprefix("CUDA ")
    inner = re.search(r"\(([0-9.]+(?: Update 1| GA2)?)", words)
    row = {"cuda": fact["cuda"], "update": inner.group(1) if inner else re.sub(r"^[0-9.]+ ", "", words)}
    row.update({name: fact[name] for name in ("linux_min", "windows_min") if fact[name] != "N/A"})
    return {**row, "evidence": [evidence(fact["source"], fact["confidence"], when=when)]}


def gpus(facts: Row, when: str) -> list[Row]:
    """Return a row per compute capability, in order."""
    rows = []
    for fact in facts["F_compute_capability"]:
        if "architecture" not in fact:
            continue
        capability = fact["compute_capability"]
        row: Row = {"compute_capability": capability, "architecture": fact["architecture"]}
        if not fact["first_cuda"].startswith("<="):
            row["first_cuda"] = fact["first_cuda"]
        if fact["last_cuda"] != "current":
            row["last_cuda"] = fact["last_cuda"]
        row["evidence"] = [
            evidence(fact["source"], fact["confidence"], "compute_capability", "first_cuda", "last_cuda", when=when),
            evidence("names of NVIDIA's architectures", "memory", "architecture", when=when, kind="document"),
        ]
        if capability in _TEGRA:
            row["tegra"] = True
            row["evidence"].append(evidence(_TEGRA_SOURCE, "memory", "tegra", when=when, kind="document"))
        rows.append(row)
    return sorted(rows, key=lambda row: [int(part) for part in row["compute_capability"].split(".")])


def jetpacks(facts: Row, when: str) -> list[Row]:
    """Return a row per JetPack release; what a fact marks as memory is evidence of its own."""
    gpu_fact = next(fact for fact in facts["E_driver_jetpack"] if fact["kind"] == "jetpack gpu")
    rows = []
    for fact in facts["E_driver_jetpack"]:
        if fact["kind"] != "jetpack":
            continue
        l4t = _L4T.get(fact["jetpack"]) or re.findall(r"[0-9]+(?:\.[0-9]+)+", fact["l4t"])
        row: Row = {"jetpack": fact["jetpack"], "l4t": l4t}
        from_memory = []
        for name in ("cuda", "cudnn", "tensorrt", "ubuntu", "python"):
            if fact[name]:
                row[name] = re.sub(r" (?:EA )?\(.*", "", fact[name])
                from_memory += [name] if "(memory)" in fact[name] else []
        row["compute_capability"] = _JETSON_GPUS[l4t[0].split(".")[0]]
        told = [name for name in ("cuda", "cudnn", "tensorrt") if name in row and name not in from_memory]
        row["evidence"] = [
            evidence(fact["source"], fact["confidence"], *told, when=when),
            evidence(fact["map_source"], "secondary", "jetpack", "l4t", "ubuntu", "python", when=when),
            evidence(gpu_fact["source"], gpu_fact["confidence"], "compute_capability", when=when),
        ]
        if from_memory:
            source = f"NVIDIA's JetPack {fact['jetpack']} release notes"
            row["evidence"].append(evidence(source, "memory", *from_memory, when=when, kind="document"))
        rows.append(row)
    return sorted(rows, key=lambda row: [int(part) for part in row["l4t"][0].split(".")])


def distributions(facts: Row, when: str) -> list[Row]:
    """Return a row per distribution, or per range of its versions where the folder changed."""
    rows = []
    for fact in facts["H_same_folder"]:
        for words in fact["distribution"].split(" / ") if "installs_into" in fact else []:
            name, _, versions = words.partition(" ")
            folder = fact["installs_into"].split("/")[0]
            row: Row = {"name": name, "folder": folder, "conflicts": folder == "onnxruntime"}
            row.update({"versions": versions} if versions else {})
            row["evidence"] = [evidence(fact["source"], fact["confidence"], "name", "folder", "conflicts", when=when)]
            if name in _PROVIDERS:
                row["provider_hint"] = _PROVIDERS[name]
                source = "onnxruntime.get_all_providers() of 1.32.0 spells it; the pairing is by name"
                row["evidence"].append(evidence(source, "derived", "provider_hint", when=when, kind="measurement"))
            rows.append(row)
    return sorted(rows, key=lambda row: (row["name"], row.get("versions", "")))


def python_api(facts: Row, when: str) -> list[Row]:
    """Return a row per call or behaviour and the release that brought it."""
    rows = []
    for fact in facts["G_python_api"]:
        first, last = _API_RELEASES.get(fact["first_version"], (fact["first_version"], _API_LAST.get(fact["api"])))
        row: dict[str, Any] = {"api": fact["api"], "first_version": str(Version(first))}
        row.update({"last_version": last} if last else {})
        note = fact["notes"] if fact["api"] == _SIGNATURE else _API_NOTES.get(fact["api"])
        row.update({"note": note} if note else {})
        row["evidence"] = [evidence(fact["source"], fact["confidence"], when=when)]
        rows.append(row)
    return sorted(rows, key=lambda row: (row["api"], Version(row["first_version"])))
