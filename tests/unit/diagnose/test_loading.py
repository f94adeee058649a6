"""What the loader does with each library of a provider that does not load, from facts measured, told or looked up."""

from __future__ import annotations

from typing import Any

import pytest

from ortdoctor import data
from ortdoctor.diagnose.findings import Copy, Needed, Supplier
from ortdoctor.diagnose.judge import judge
from ortdoctor.diagnose.matrix import STEMS, Matrix
from tests import recorded

BARE = "linux-no-cuda-libraries"
GPU = "linux-gpu-healthy-cuda12-wheels"
WINDOWS = "windows10-cuda10.0-driver456"


def told(base: str, **facts: Any) -> dict[str, Needed]:
    """Return the libraries beside the one finding that has any, by soname."""
    named = {name.replace("__", "."): value for name, value in facts.items()}
    report = judge(recorded.document(named, base), recorded.matrix())
    found = [row.libraries for row in report.findings if row.libraries]
    assert len(found) == 1
    return {row.soname: row for row in found[0]}


def needed(*rows: tuple[str, str | None, str | None]) -> list[dict[str, Any]]:
    """Return ``ort.provider_libraries`` with (soname, path, needed_by)."""
    entries = [{"soname": soname, "path": path, "searched": ["x"], "needed_by": by} for soname, path, by in rows]
    return [{"path": "/v/libonnxruntime_providers_cuda.so", "provider": "CUDAExecutionProvider", "needed": entries}]


def copy(soname: str, path: str, version: str | None = None, *, loader: bool = False) -> dict[str, Any]:
    name = soname.partition(".")[0][3:]
    return {"name": name, "soname": soname, "version": version, "path": path, "supply": "x", "loader": loader}


def test_every_missing_library_is_told_with_its_supplier_and_where_it_was_looked_for() -> None:
    rows = told(BARE)
    assert set(rows) == {
        "libcublasLt.so.12",
        "libcublas.so.12",
        "libcurand.so.10",
        "libcufft.so.11",
        "libcudart.so.12",
        "libcudnn.so.9",
        "libnvrtc.so.12",
    }
    row = rows["libcufft.so.11"]
    assert row.provided_by == [Supplier("wheel", "nvidia-cufft-cu12"), Supplier("package", "libcufft-12-N")]
    assert (row.path, row.needed_by, row.copies) == (None, None, [])
    assert "loader cache" in row.searched


def test_the_needs_of_needs_are_told_with_whose_they_are() -> None:
    provider = needed(("libcublas.so.12", "/c/libcublas.so.12", None), ("libcublasLt.so.12", None, "libcublas.so.12"))
    rows = told(BARE, ort__provider_libraries=provider)
    assert list(rows) == ["libcublasLt.so.12"]
    assert rows["libcublasLt.so.12"].needed_by == "libcublas.so.12"


def test_the_driver_and_onnxruntime_bring_their_own() -> None:
    provider = needed(
        ("libcublas.so.12", None, None),
        ("libcuda.so.1", None, "libcudnn.so.9"),
        ("libonnxruntime_providers_shared.so", None, None),
        ("libz.so.1", None, None),
    )
    rows = told(BARE, ort__provider_libraries=provider)
    assert rows["libcuda.so.1"].provided_by == [Supplier("driver", "NVIDIA")]
    assert rows["libonnxruntime_providers_shared.so"].provided_by == [Supplier("distribution", "onnxruntime-gpu")]
    assert rows["libz.so.1"].provided_by == []


def test_of_several_copies_the_one_that_wins_is_told() -> None:
    provider = needed(
        ("libcudart.so.12", "/old/libcudart.so.12", None),
        ("libcublas.so.12", "/lib/libcublas.so.12", None),
        ("libcufft.so.11", "/lib/libcufft.so.11", None),
        ("libcudnn.so.9", None, None),
    )
    copies = [
        copy("libcudart.so.12", "/new/libcudart.so.12", "12.9", loader=True),
        copy("libcudart.so.12", "/old/libcudart.so.12", "12.1"),
        copy("libcublas.so.12", "/x/libcublas.so.12.4", "12.4"),
        copy("libcublas.so.12", "/y/libcublas.so.12.9", "12.9", loader=True),
        copy("libcublas.so.11", "/z/libcublas.so.11", "11.8"),
        copy("libcufft.so.11", "/lib/libcufft.so.11", "11.0", loader=True),
        copy("libcudnn.so.8", "/z/libcudnn.so.8", "8.9"),
    ]
    rows = told(BARE, ort__provider_libraries=provider, cuda__libraries=copies)
    # The provider's own search path decides before what a program finds by name.
    assert rows["libcudart.so.12"].copies == [
        Copy("/new/libcudart.so.12", "libcudart.so.12", "12.9", wins=False),
        Copy("/old/libcudart.so.12", "libcudart.so.12", "12.1", wins=True),
    ]
    # The paths differ where a link was followed: then the loader's own answer counts.
    assert [item.path for item in rows["libcublas.so.12"].copies if item.wins] == ["/y/libcublas.so.12.9"]
    assert "libcufft.so.11" not in rows
    assert rows["libcudnn.so.9"].copies == [Copy("/z/libcudnn.so.8", "libcudnn.so.8", "8.9", wins=False)]
    assert next(iter(rows)) == "libcudnn.so.9"


def test_a_copy_that_the_loader_does_not_reach_wins_nothing() -> None:
    rows = told("linux-cuda12-wheels-not-on-path")
    assert all(len(row.copies) == 1 and not row.copies[0].wins for row in rows.values())


def test_windows_tells_what_is_known() -> None:
    rows = told(WINDOWS)
    assert rows["cudart64_110.dll"].provided_by == [Supplier("wheel", "nvidia-cuda-runtime-cu11")]
    assert rows["cudart64_110.dll"].copies[0].path.endswith("cudart64_100.dll")
    assert rows["cudnn64_8.dll"].provided_by == [Supplier("wheel", "nvidia-cudnn-cu11==8.*")]


@pytest.mark.parametrize("measured", [[], OSError("cannot be read")])
def test_without_a_measurement_the_errors_tell_then_the_row_of_the_build(measured: Any) -> None:
    rows = told(BARE, ort__provider_libraries=measured)
    assert list(rows) == ["libcublasLt.so.12"]
    assert rows["libcublasLt.so.12"].searched == []
    if measured:
        cuda = {"requested": ["CUDAExecutionProvider"], "active": ["CPUExecutionProvider"], "exit": 0}
        silent = {"cpu": {**cuda, "requested": ["CPUExecutionProvider"]}, "cuda": cuda}
        rows = told(BARE, ort__provider_libraries=measured, ort__session=silent)
        assert {"libcublasLt.so.12", "libcufft.so.11"} <= set(rows)


def test_nothing_is_told_where_cuda_works() -> None:
    report = judge(recorded.machine(GPU)["document"], recorded.matrix())
    assert not any(row.libraries for row in report.findings)


def test_what_a_command_judges_with_knows_who_brings_libraries_and_the_families_of_causes() -> None:
    document = recorded.machine(BARE)["document"]
    assert judge(document, data.matrix()).findings == judge(document, recorded.matrix()).findings


def test_a_matrix_without_suppliers_still_tells_what_is_missing() -> None:
    matrix = Matrix({stem: data.compat_json(stem) for stem in STEMS})
    (found,) = (row for row in judge(recorded.machine(BARE)["document"], matrix).findings if row.libraries)
    assert {tuple(row.provided_by) for row in found.libraries} == {(Supplier("toolkit", "12.2"),), ()}
