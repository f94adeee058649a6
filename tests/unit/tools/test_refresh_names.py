"""Names that a library opens at run time: whole in its data, or as immediates in x86_64 code."""

from __future__ import annotations

import pytest

from tools.refresh_names import joined, linux_names, windows_names


def test_names_in_read_only_data() -> None:
    data = b"x\0libcudnn.so.9\0libcufft.so.12\0libnvrtc.so\0libnvrtc.so.11.2\0see libcudnn.so.8\0libcublas.so.12\0"
    assert linux_names(data, [(0, len(data))], []) == ["libcudnn.so.9", "libcufft.so.12", "libnvrtc.so.11.2"]
    assert linux_names(data, [(0, 10)], []) == []


def test_names_that_the_compiler_turned_into_immediates() -> None:
    # onnxruntime-gpu 1.31.1: mov rax, "libcufft"; lea; mov [rsp+30], rax; mov rax, "ft.so.12"; mov ..
    cufft = b"L\x8dd$0H\xb8libcufftL\x8dk0H\x89D$0H\xb8ft.so.12L\x89d$ H\x89D$6"
    cudnn = b"H\x89D$@H\xb8libcudnnH\x89\x84$\xb0\0\0\0I\xbadnn.so.9H\xc7D$H\0\0\0\0"
    # libcudnn.so without a version: four bytes, no second 8-byte immediate.
    plain = b"H\xb8libcudnnH\x89\x84$\xb0\0\0\0\xc7\x84$\xb7\0\0\0n.so"
    data = cufft + bytes(200) + plain + bytes(200) + cudnn
    assert linux_names(data, [], [(0, len(data))]) == ["libcudnn.so.9", "libcufft.so.12"]
    assert linux_names(cufft + bytes(200) + plain, [], [(0, 1000)]) == ["libcufft.so.12"]
    assert linux_names(data, [], []) == []


@pytest.mark.parametrize(
    ("first", "rest", "name"),
    [
        ("libcufft", "ft.so.12", "libcufft.so.12"),
        ("libcudnn", "dnn.so.9", "libcudnn.so.9"),
        ("libnvrtc", ".so.11.2", "libnvrtc.so.11.2"),
        ("libnvrtc", "dnn.so.9", ""),
    ],
)
def test_halves_overlap(first: str, rest: str, name: str) -> None:
    assert joined(first, rest) == name


def test_names_of_dlls_in_both_widths() -> None:
    wide = "cufft64_12.dll".encode("utf-16-le")
    data = b"\0cudnn64_9.dll\0nvrtc64_130_0.dll\0cublas64_13.dll\0not cudnn64_8.dll\0\0\0" + wide + b"\0\0"
    assert windows_names(data, [(0, len(data))]) == ["cudnn64_9.dll", "cufft64_12.dll", "nvrtc64_130_0.dll"]
