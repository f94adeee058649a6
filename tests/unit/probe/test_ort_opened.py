from pathlib import Path
from typing import Any

from ortdoctor.probe.ort_opened import fill

from .native import library


def facts(*needed: tuple[str, str | None]) -> dict[str, Any]:
    needs = [{"soname": name, "path": path, "searched": ["x"]} for name, path in needed]
    return {"ort.provider_libraries": {"value": [{"needed": needs}], "source": "", "error": None}}


def test_a_copy_that_is_open_is_what_the_loader_takes(tmp_path: Path) -> None:
    full = library(tmp_path / "libcudart.so.12.4.127", soname="libcudart.so.12")
    told = facts(("libcudart.so.12", None), ("libcublas.so.12", None), ("libcufft.so.11", "/found"))
    fill(told, [str(full), "/gone/libcufft.so.11"])
    cudart, cublas, cufft = told["ort.provider_libraries"]["value"][0]["needed"]
    assert cudart["path"] == str(full)
    assert "imported" in cudart["searched"][-1]
    assert (cublas["path"], cublas["searched"]) == (None, ["x"])
    assert cufft["path"] == "/found"


def test_nothing_is_known_of_an_import_that_failed() -> None:
    told = facts(("libcudart.so.12", None))
    fill(told, None)
    fill({"ort.provider_libraries": {"value": None, "source": "", "error": "no"}}, ["/x/libcudart.so.12"])
    assert told == facts(("libcudart.so.12", None))
