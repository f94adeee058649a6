import os
import sys
from pathlib import Path

import pytest

from ortdoctor.probe import cudnn
from ortdoctor.probe.context import Context, here

from .boxes import Box
from .native import library

HEADER = "#define CUDNN_MAJOR {}\n#define CUDNN_MINOR {}\n#define CUDNN_PATCHLEVEL {}\n"

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="loads libraries of Linux")


def test_every_header_that_tells_a_version_is_listed(box: Box, tmp_path: Path) -> None:
    machine = box(
        {
            "/usr/include/cudnn.h": HEADER.format(7, 6, 5),
            "/usr/include/x86_64-linux-gnu/cudnn_version.h": HEADER.format(8, 9, 7),
            "/usr/include/x86_64-linux-gnu/cudnn.h": '#include "cudnn_version.h"',
            "/usr/local/cuda/include/cudnn.h": "#define CUDNN_MAJOR 7\n",
        }
    )
    fact = cudnn.header(machine, [str(tmp_path / "site")])["cudnn.header"]
    assert fact["value"] == [
        {"path": "/usr/local/cuda/include/cudnn.h", "cudnn": "7", "partial": True},
        {"path": "/usr/include/cudnn.h", "cudnn": "7.6.5"},
        {"path": "/usr/include/x86_64-linux-gnu/cudnn_version.h", "cudnn": "8.9.7"},
    ]
    assert str(tmp_path / "site" / "nvidia" / "cudnn" / "include") in fact["source"]


def test_a_wheels_header_and_metadata_are_found(tmp_path: Path) -> None:
    include = tmp_path / "nvidia" / "cudnn" / "include"
    include.mkdir(parents=True)
    (include / "cudnn_version.h").write_text(HEADER.format(9, 1, 0))
    (tmp_path / "nvidia_cudnn_cu12-9.1.0.70.dist-info").mkdir()
    machine = Context("linux", "x86_64", {}, "", str(tmp_path))
    listed = cudnn.header(machine, [str(tmp_path)])["cudnn.header"]["value"]
    assert {"path": str(include / "cudnn_version.h"), "cudnn": "9.1.0"} in listed
    wheels = cudnn.wheels([str(tmp_path)])["cudnn.wheels"]["value"]
    assert wheels == [{"distribution": "nvidia-cudnn-cu12", "version": "9.1.0.70"}]


def machine_with(folder: Path) -> Context:
    return here()._replace(env=dict(os.environ, LD_LIBRARY_PATH=str(folder)))


def stand_in(folder: Path, major: int, version: int) -> Path:
    code = f"#include <stddef.h>\nsize_t cudnnGetVersion(void) {{ return {version}; }}"
    return library(folder / f"libcudnn.so.{major}", f"libcudnn.so.{major}", code=code)


@linux_only
@pytest.mark.parametrize(("major", "packed", "version"), [(7, 7605, "7.6.5"), (8, 8907, "8.9.7"), (9, 90100, "9.1.0")])
def test_the_library_says_its_version_in_the_packing_of_its_time(
    major: int, packed: int, version: str, tmp_path: Path
) -> None:
    path = stand_in(tmp_path, major, packed)
    assert cudnn.runtime(machine_with(tmp_path))["cudnn.runtime"]["value"] == {"path": str(path), "version": version}


@linux_only
def test_the_newest_major_that_loads_counts(tmp_path: Path) -> None:
    stand_in(tmp_path, 8, 8907)
    crash = "__attribute__((constructor)) void crash(void) { *(volatile int *)0 = 1; }"
    library(tmp_path / "libcudnn.so.9", "libcudnn.so.9", code=crash)
    assert cudnn.runtime(machine_with(tmp_path))["cudnn.runtime"]["value"]["version"] == "8.9.7"
    (tmp_path / "libcudnn.so.8").unlink()
    fact = cudnn.runtime(machine_with(tmp_path))["cudnn.runtime"]
    assert fact["value"] is None
    assert "loading libcudnn.so.9 ended the process by SIGSEGV" in fact["error"]


@linux_only
def test_a_library_that_ends_the_process_costs_itself_only(tmp_path: Path) -> None:
    leave = "#include <unistd.h>\n__attribute__((constructor)) void leave(void) { _exit(0); }"
    library(tmp_path / "libcudnn.so.9", "libcudnn.so.9", code=leave)
    fact = cudnn.runtime(machine_with(tmp_path))["cudnn.runtime"]
    assert fact["error"] == "loading libcudnn.so.9 ended the process"
    stand_in(tmp_path, 7, 7605)
    assert cudnn.runtime(machine_with(tmp_path))["cudnn.runtime"]["value"]["version"] == "7.6.5"


@linux_only
def test_a_library_without_the_call_is_a_failure_and_none_is_a_miss_with_its_search(tmp_path: Path) -> None:
    library(tmp_path / "libcudnn.so.9", "libcudnn.so.9")
    broken = cudnn.runtime(machine_with(tmp_path))["cudnn.runtime"]
    assert broken["value"] is None
    assert "has no function cudnnGetVersion" in broken["error"]
    (tmp_path / "libcudnn.so.9").unlink()
    miss = cudnn.runtime(machine_with(tmp_path))["cudnn.runtime"]
    assert (miss["value"], miss["error"]) == (None, None)
    assert f"LD_LIBRARY_PATH {tmp_path}" in miss["source"]


def test_there_is_none_for_a_mac(box: Box) -> None:
    fact = cudnn.runtime(box({}, system="macos"))["cudnn.runtime"]
    assert (fact["value"], fact["error"]) == (None, None)
