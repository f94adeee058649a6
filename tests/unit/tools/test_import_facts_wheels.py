"""What a wheel says becomes fields of a build, wins over documents, and what it contradicts is told."""

from __future__ import annotations

from typing import Any

import pytest

from tools.import_facts_common import GPU, LINUX, Sources, new_row
from tools.import_facts_evidence import evidence
from tools.import_facts_wheels import Disagreement, cuda_build, extras, fill, from_wheel, usual

DIGEST = "a" * 64


def wheel(version: str = "1.30.0", **fields: Any) -> dict[str, Any]:
    entry = evidence("the wheel x.whl", "measured", when="2026-01-01", kind="wheel")
    base = {"distribution": GPU, "version": version, "os": "linux", "arch": "x86_64", "file": "x.whl"}
    return {**base, "sha256": DIGEST, "needed": {}, "evidence": [entry], **fields}


def linked(*names: str) -> dict[str, Any]:
    return {"needed": {"libonnxruntime_providers_cuda.so": ["libc.so.6", *names]}}


def build(version: str = "1.30.0", availability: str = "index", **fields: Any) -> dict[str, Any]:
    row = {**new_row(GPU, version, LINUX, channel="index", availability=availability), **fields}
    if fields:
        row["evidence"] = [evidence("a document", "doc", *fields, when="2025-01-01", kind="document")]
    return row


def filled(*rows: dict[str, Any], read: Any, facts: Any = ()) -> list[Disagreement]:
    gpu = {(row["version"], row["os"], row["arch"]): row for row in rows}
    sources = Sources({"A_ort_cuda_cudnn": list(facts)}, {}, "2026-01-01", "2026-01-01", read)
    return fill(gpu, sources)


def test_linked_libraries() -> None:
    names = ["libcublas.so.12", "libcudnn.so.9", "libcuda.so.1"]
    tensorrt = {"libonnxruntime_providers_tensorrt.so": ["libnvinfer.so.10", "libnvinfer_plugin.so.10", "libm.so.6"]}
    found = from_wheel(wheel(needed={**linked(*names)["needed"], **tensorrt}))
    assert found["sonames"] == ["libcublas.so.12", "libcuda.so.1", "libcudnn.so.9"]
    assert (found["cuda"], found["cudnn"]) == ("12", "9")
    assert found["tensorrt_sonames"] == ["libnvinfer.so.10", "libnvinfer_plugin.so.10"]
    assert "optional" not in found


def test_preloads_stand_for_needs_that_were_removed() -> None:
    groups = [["libcublas.so.11", "libcudnn.so.8"], ["libcudnn.so.8", "libnvinfer.so.8"]]
    found = from_wheel(wheel(**linked("libm.so.6"), preload=groups))
    assert found["sonames"] == ["libcublas.so.11", "libcudnn.so.8"]
    assert found["tensorrt_sonames"] == ["libnvinfer.so.8"]


def test_what_is_opened_at_run_time_is_optional() -> None:
    opened = {"onnxruntime_providers_cuda.dll": ["cudnn64_9.dll", "cufft64_12.dll", "nvrtc64_130_0.dll"]}
    needed = {"onnxruntime_providers_cuda.dll": ["cublas64_13.dll", "KERNEL32.dll"]}
    found = from_wheel(wheel(needed=needed, run_time=opened, gpu_code={"SASS_90a": 3, "PTX_120": 2}))
    assert found["sonames"] == ["cublas64_13.dll"]
    assert (found["cuda"], found["cudnn"]) == ("13", "9")
    assert found["optional"] == ["cudnn", "cufft", "nvrtc"]
    assert found["gpu_code"] == ["PTX_120", "SASS_90a"]


@pytest.mark.parametrize(
    ("counts", "rare"),
    [
        # onnxruntime-gpu 1.31.1 for Windows, and 1.29.0: no PTX and no code for 9.0 in most kernels.
        ({"PTX_120": 38, "SASS_75": 217, "SASS_80": 308, "SASS_86": 308, "SASS_90a": 290}, {"PTX_120"}),
        ({"SASS_75": 222, "SASS_80": 270, "SASS_86": 270, "SASS_90a": 18, "SASS_120a": 229}, {"SASS_90a"}),
        ({"SASS_75": 217, "SASS_80": 308, "SASS_86": 308, "SASS_90a": 600, "SASS_120a": 317}, set()),
        ({}, set()),
    ],
)
def test_code_of_a_few_kernels_is_not_counted_on(counts: dict[str, int], rare: set[str]) -> None:
    assert set(counts) - set(usual(counts)) == rare


@pytest.mark.parametrize(
    ("info", "cuda"),
    [
        ({"build_and_package_info": {"cuda_version": "12.8"}, "version_info": {"cuda_version": "12.9.1"}}, "12.8"),
        ({"version_info": {"cuda_version": "13.0.88"}}, "13.0"),
        ({"version_info": {"use_cuda": True}}, ""),
    ],
)
def test_the_toolkit_of_the_build(info: dict[str, Any], cuda: str) -> None:
    assert cuda_build(info) == cuda


def test_extras_of_metadata() -> None:
    lines = ['b~=1; extra == "cuda"', 'a~=1 ; extra == "cuda"', "numpy", 'x; sys_platform == "win32"']
    assert extras(lines) == {"cuda": ["a~=1", "b~=1"]}


def test_a_document_that_is_more_exact_stays() -> None:
    row = build(cuda="11.8", cudnn="8.2.4")
    assert filled(row, read=[wheel(**linked("libcublas.so.11", "libcudnn.so.8"))]) == []
    assert (row["cuda"], row["cudnn"], row["sha256"]) == ("11.8", "8.2.4", DIGEST)
    assert row["evidence"][-1]["fields"] == ["cuda", "cudnn", "sha256", "sonames"]


def test_a_wheel_wins_over_a_document() -> None:
    row = build(cuda="11.8", cudnn="8.9")
    differ = filled(row, read=[wheel(**linked("libcublas.so.12", "libcudnn.so.9"))])
    assert [(one.field, one.said, one.read, one.source["where"]) for one in differ] == [
        ("cuda", "11.8", "12", "a document"),
        ("cudnn", "8.9", "9", "a document"),
    ]
    assert (row["cuda"], row["cudnn"]) == ("12", "9")


def test_a_build_names_its_minor() -> None:
    row = build(cuda="11.4")
    info = {"version_info": {"cuda_version": "11.6.55"}}
    differ = filled(row, read=[wheel(**linked("libcublas.so.11"), build_info=info)])
    assert [(one.said, one.read) for one in differ] == [("11.4", "11.6")]
    assert (row["cuda"], row["cuda_build"]) == ("11.6", "11.6")


def test_symbols_may_need_a_newer_glibc_than_the_tag() -> None:
    row = build(glibc="2.17")
    assert [one.field for one in filled(row, read=[wheel(glibc="2.27")])] == ["glibc"]
    assert row["glibc"] == "2.27"
    older = build(glibc="2.28")
    assert filled(older, read=[wheel(glibc="2.17")]) == []
    assert older["glibc"] == "2.28"


def test_a_release_that_is_gone_takes_what_its_sibling_says() -> None:
    gone, never = build("1.30.1", "removed"), build("1.30.2", "never")
    filled(gone, never, read=[wheel(**linked("libcublas.so.13"), gpu_code={"SASS_90a": 1})])
    assert (gone["gpu_code"], gone["cuda"], gone.get("sha256")) == (["SASS_90a"], "13", None)
    assert gone["evidence"][-1]["confidence"] == "derived"
    assert never["gpu_code"] == []


def test_an_earlier_reading_that_differs_is_told() -> None:
    fact = {
        "ort": "1.30.0",
        "channel": "pypi wheel linux x86_64",
        "cuda": "13.x",
        "cudnn": "libcudnn.so.9",
        "source": "measured: PyPI wheel",
        "gpu_code": ["SASS_90"],
        "sonames": ["libcublas.so.13"],
    }
    read = wheel(**linked("libcublas.so.13", "libcudnn.so.9"), gpu_code={"SASS_90a": 1})
    differ = filled(build(), read=[read], facts=[fact])
    assert [(one.field, one.said, one.read) for one in differ] == [("gpu_code", "SASS_90", "SASS_90a")]
