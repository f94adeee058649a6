"""A matrix that contradicts itself does not load."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ortdoctor import data
from ortdoctor.diagnose.matrix import STEMS, Matrix, MatrixDataError


@pytest.fixture
def files() -> dict[str, Any]:
    return {stem: copy.deepcopy(data.compat_json(stem)) for stem in STEMS}


def row(rows: list[dict[str, Any]], **fields: str) -> dict[str, Any]:
    (found,) = (row for row in rows if all(row.get(name) == value for name, value in fields.items()))
    return found


def test_the_matrix_as_it_is_loads(files: dict[str, Any]) -> None:
    assert Matrix(files).releases()


@pytest.mark.parametrize("field", ["opset", "ir", "ml_opset"])
def test_a_limit_that_goes_down(files: dict[str, Any], field: str) -> None:
    row(files["releases"], version="1.22.0")[field] = 1
    with pytest.raises(MatrixDataError, match=rf"releases:1\.22\.0: its {field} 1 is lower"):
        Matrix(files)


def test_a_wheel_row_without_its_sha256(files: dict[str, Any]) -> None:
    del row(files["builds"], id="onnxruntime-gpu-1.22.0-linux-x86_64")["sha256"]
    with pytest.raises(MatrixDataError, match="has no sha256"):
        Matrix(files)


@pytest.mark.parametrize("os", ["linux", "windows"])
def test_a_newer_cuda_with_an_older_driver(files: dict[str, Any], os: str) -> None:
    for toolkit in files["drivers"]["toolkits"]:
        if toolkit["cuda"] == "12.4":
            toolkit[f"{os}_min"] = "100.0"
    with pytest.raises(MatrixDataError, match=rf"on {os} CUDA 12\.4 is said to need an older driver than CUDA 12\.3"):
        Matrix(files)
