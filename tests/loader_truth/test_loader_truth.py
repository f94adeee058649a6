"""Does the loader find, and does a session say, what the matrix predicts? For every release on the index."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import pytest

from tests.loader_truth import environments
from tests.loader_truth.measure import CUDA, Measured, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Measure = Callable[[str, list[Path]], Measured]

pytestmark = [
    pytest.mark.loader_truth,
    pytest.mark.skipif(
        (sys.platform, platform.machine(), platform.libc_ver()[0]) != ("linux", "x86_64", "glibc"),
        reason="the wheels are for glibc on x86_64",
    ),
]

#: CUDA's runtime without any driver, and with one that has no device (cudaError_t).
INSUFFICIENT_DRIVER, NO_DEVICE = 35, 100


@pytest.fixture(scope="module", params=environments.builds(), ids=lambda build: str(build.version))
def release(request: pytest.FixtureRequest) -> Iterator[environments.Release]:
    installed = environments.installed(request.param)
    yield installed
    environments.spare(installed)


@pytest.fixture(scope="module")
def wheels(release: environments.Release) -> list[Path]:
    folders = environments.libraries(release)
    if folders is None:
        pytest.skip(f"there are no nvidia wheels of CUDA {release.build.cuda}")
    return folders


@pytest.fixture(scope="module")
def driver(release: environments.Release, wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environments.driver(release, wheels, tmp_path_factory.mktemp("driver")).parent


@pytest.fixture
def measured(
    release: environments.Release, table: list[Measured], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Measure:
    def measured(case: str, folders: list[Path]) -> Measured:
        line = measure(release, case, folders, tmp_path, monkeypatch)
        table.append(line)
        return line

    return measured


def agrees(line: Measured) -> None:
    """Check the three lists: the matrix knows what the provider needs, a wheel's own needs come on top of that."""
    assert sorted(line.loader) == sorted({*line.predicted, *line.inherited}), "the loader and the matrix"
    assert sorted(line.loader) == sorted(line.probe), "the loader and the probe"


def explained(line: Measured) -> bool:
    """Tell whether a crash is the release's own: every library is there, and the loader was in the middle of it.

    Releases 1.18 to 1.22 open libcuda.so.1 while they are being loaded, and throw where there is none before there
    is anything to report an error with: the calls innermost are the provider's, and the loader called them.
    """
    if line.session.signal is None:
        return False
    assert line.loader == []
    assert line.crashed_in[:2] == ["libonnxruntime_providers_cuda.so", "ld-linux-x86-64.so.2"]
    return True


def falls_back(line: Measured) -> None:
    """Check a session on the CPU that says which library is missing, if its release says so at all."""
    assert line.session.signal is None
    assert line.session.active == ["CPUExecutionProvider"]
    assert line.session.refused
    # A release that opens the libraries itself before has given the provider up without a word.
    assert line.session.missing == ([] if set(line.preloaded) & set(line.loader) else line.loader[:1])
    assert line.session.cuda_errors == []


def test_without_libraries(measured: Measure) -> None:
    line = measured("bare", [])
    agrees(line)
    falls_back(line)


def test_with_the_libraries_of_the_wheels(measured: Measure, wheels: list[Path]) -> None:
    line = measured("libraries", wheels)
    if line.driver is not None:
        pytest.skip(f"this machine has a driver: {line.driver['library']}")
    agrees(line)
    if explained(line):
        return
    if line.loader:  # releases that are linked with the driver's library itself
        assert line.loader == ["libcuda.so.1"]
        falls_back(line)
    else:
        assert {code for code, _ in line.session.cuda_errors} == {INSUFFICIENT_DRIVER}
        assert CUDA not in line.session.active


def test_with_a_driver_without_a_device(measured: Measure, wheels: list[Path], driver: Path) -> None:
    line = measured("driver", [*wheels, driver])
    assert (line.driver or {})["init_code"] == NO_DEVICE
    agrees(line)
    assert line.loader == []
    assert line.session.signal is None
    assert {code for code, _ in line.session.cuda_errors} == {NO_DEVICE}
    assert line.session.load_errors == []
    assert CUDA not in line.session.active
