import os
from pathlib import Path

import pytest

from ortdoctor.probe import libc
from ortdoctor.probe.context import here

from .boxes import Box, program


@pytest.mark.skipif(
    "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}), reason="needs an interpreter on glibc"
)
def test_this_process_is_asked_first() -> None:
    fact = libc.collect(here())["system.libc"]
    assert "glibc " + fact["value"]["version"] == os.confstr("CS_GNU_LIBC_VERSION")
    assert fact["source"] == "confstr CS_GNU_LIBC_VERSION"


def test_ldd_is_asked_where_there_is_no_musl_loader(box: Box, tmp_path: Path) -> None:
    program(tmp_path / "bin" / "ldd", "echo 'ldd (Ubuntu GLIBC 2.27-3ubuntu1.6) 2.27'\n")
    fact = libc.collect(box(env={"PATH": str(tmp_path / "bin")}))["system.libc"]
    assert fact == {"value": {"name": "glibc", "version": "2.27"}, "source": "ldd --version", "error": None}


def test_a_machine_that_does_not_tell(box: Box, tmp_path: Path) -> None:
    fact = libc.collect(box(env={"PATH": str(tmp_path)}))["system.libc"]
    assert fact["value"] is None
    assert "ldd could not be started" in fact["error"]


def test_an_ldd_that_speaks_of_something_else(box: Box, tmp_path: Path) -> None:
    program(tmp_path / "ldd", "echo 'no C library here'\n")
    fact = libc.collect(box(env={"PATH": str(tmp_path)}))["system.libc"]
    assert fact["error"] == "ldd --version names no C library"


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_other_systems_have_one_libc(box: Box, system: str) -> None:
    fact = libc.collect(box(system=system))["system.libc"]
    assert (fact["value"], fact["error"]) == (None, None)
