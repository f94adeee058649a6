"""Names of libraries and what they say."""

from __future__ import annotations

import pytest

from ortdoctor.diagnose.sonames import Library, parse_soname, reported_missing


@pytest.mark.parametrize(
    ("soname", "library", "family", "cuda"),
    [
        ("libcublasLt.so.12", Library("cublasLt", "12"), "cuda", "12"),
        ("libcudart.so.11.0", Library("cudart", "11.0"), "cuda", "11.0"),
        ("libcufft.so.10", Library("cufft", "10"), "cuda", None),
        ("libcudnn_ops.so.9", Library("cudnn_ops", "9"), "cudnn", None),
        ("libcuda.so.1", Library("cuda", "1"), "driver", None),
        ("libnvinfer.so.10", Library("nvinfer", "10"), "tensorrt", None),
        ("cudart64_110.dll", Library("cudart", "11.0"), "cuda", "11.0"),
        ("cudart64_12.dll", Library("cudart", "12"), "cuda", "12"),
        ("cublas64_100.dll", Library("cublas", "10.0"), "cuda", "10.0"),
        ("cublasLt64_11.dll", Library("cublasLt", "11"), "cuda", "11"),
        ("cudart64_92.dll", Library("cudart", "9.2"), "cuda", "9.2"),
        ("cudnn64_8.dll", Library("cudnn", "8"), "cudnn", None),
        ("cudnn_ops_infer64_8.dll", Library("cudnn_ops_infer", "8"), "cudnn", None),
        ("nvrtc64_112_0.dll", Library("nvrtc", "11.2"), "cuda", None),
        ("nvcuda.dll", Library("nvcuda", None), "driver", None),
    ],
)
def test_parse(soname: str, library: Library, family: str, cuda: str | None) -> None:
    parsed = parse_soname(soname)
    assert parsed == library
    assert parsed is not None
    assert (parsed.family, parsed.cuda) == (family, cuda)


@pytest.mark.parametrize("name", ["libc.so.6", "libstdc++.so.6", "libicudata.so.70"])
def test_other_libraries_are_of_no_family(name: str) -> None:
    parsed = parse_soname(name)
    assert parsed is None or parsed.family is None


def test_missing_libraries_are_read_from_what_loaders_say() -> None:
    assert reported_missing(
        'Error loading "C:\\x\\onnxruntime_providers_cuda.dll" which depends on "cublasLt64_12.dll" which is missing.'
    ) == ["cublasLt64_12.dll"]
    assert reported_missing(
        "error: libcublasLt.so.12: cannot open shared object file: No such file\n"
        "error: libcublasLt.so.12: cannot open shared object file: No such file\n"
        "Could not load library libcudnn_ops_infer.so.8. Error: none"
    ) == ["libcublasLt.so.12", "libcudnn_ops_infer.so.8"]
    assert reported_missing(
        "Could not locate cudnn_ops64_9.dll. Please make sure it is in your library path!"
    ) == ["cudnn_ops64_9.dll"]
    assert reported_missing("Unable to load any of {libcudnn_ops.so.9.1.0, libcudnn_ops.so.9}") == [
        "libcudnn_ops.so.9.1.0"
    ]
    assert reported_missing("everything is fine") == []
