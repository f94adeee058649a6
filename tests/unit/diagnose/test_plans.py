"""The solver picks the newest release that fits, and says why not a newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor.diagnose import plans, supply
from ortdoctor.diagnose.facts import Facts, version_tuple
from ortdoctor.report import recommend as report
from tests import recorded

if TYPE_CHECKING:
    from ortdoctor.diagnose.plans import Plan


def plan(base: str, **facts: Any) -> Plan:
    named = {name.replace("__", "."): value for name, value in facts.items()}
    return plans.plan(Facts(recorded.document(named, base)), recorded.matrix())


def devices(capability: str) -> list[dict[str, Any]]:
    return [{"index": 0, "name": "a GPU", "compute_capability": capability}]


BARE = "linux-no-cuda-libraries"


def test_the_mission_machine_gets_the_truth_about_removed_releases() -> None:
    chosen = plan("windows10-cuda10.0-driver411")
    assert (chosen.kind, chosen.distribution) == ("cpu", "onnxruntime")
    assert chosen.because[0].code == "no_gpu_build"
    removed = [row.version for row in chosen.rejected if row.reason.code == "removed"]
    assert {"1.0.0", "1.1.2"} <= set(removed)
    assert not {version for version in removed if version_tuple(version) >= (1, 2)}
    too_new = {
        row.version: row.reason.values["minimum"] for row in chosen.rejected if row.reason.code == "driver"
    }
    assert too_new["1.14.1"] == "452.39"
    assert too_new["1.4.0"] == "418.96"


def test_the_same_machine_under_a_newer_driver_gets_cuda_11() -> None:
    chosen = plan("windows10-cuda10.0-driver456")
    assert (chosen.kind, chosen.version, chosen.loader) == ("gpu", "1.14.1", "path")
    assert "nvidia-cudnn-cu11==8.*" in chosen.supply
    assert chosen.commands[-1].startswith('set "PATH=C:')


@pytest.mark.parametrize(
    ("driver", "cuda", "python", "tag", "capability", "major"),
    [
        ("580.95.05", "13.0", "3.12.1", "cp312", "8.9", "13"),
        ("580.95.05", "13.0", "3.12.1", "cp312", "6.1", "12"),
        ("535.104.05", "12.2", "3.12.1", "cp312", "8.9", "12"),
        ("470.57.02", "11.4", "3.9.18", "cp39", "8.6", "11"),
        ("570.86.10", "12.8", "3.13.0", "cp313", "12.0", "12"),
    ],
)
def test_the_driver_the_gpu_and_python_decide(
    *, driver: str, cuda: str, python: str, tag: str, capability: str, major: str
) -> None:
    chosen = plan(
        BARE,
        gpu__driver_version=driver,
        gpu__driver_cuda=cuda,
        gpu__devices=devices(capability),
        python__version=python,
        python__abi_tag=tag,
    )
    assert chosen.kind == "gpu"
    assert chosen.build is not None
    assert str(chosen.build.cuda).split(".")[0] == major
    assert tag in chosen.build.python


def test_nvcc_has_no_say() -> None:
    with_old_nvcc = plan(
        BARE, cuda__nvcc=[{"path": "/usr/local/cuda-10.0/bin/nvcc", "cuda": "10.0", "version": "10.0.130"}]
    )
    assert with_old_nvcc.version == plan(BARE).version


def test_libraries_that_the_loader_finds_are_not_installed_again() -> None:
    assert plan("linux-gpu-healthy-cuda12-wheels").supply == []
    assert plan("linux-gpu-healthy-cuda12-wheels").loader == ""


def test_a_jetson_takes_the_wheel_of_its_jetpack() -> None:
    chosen = plan("jetson-nano-jetpack4.6-empty")
    assert chosen.build is not None
    assert "4.6" in chosen.build.jetpack
    assert chosen.commands[-1].endswith("-cp36-cp36m-linux_aarch64.whl")
    assert chosen.supply == []
    newer = plan("jetson-nano-jetpack4.6-empty", system__jetson={"l4t": "36.4.0"}, python__abi_tag="cp310")
    assert newer.build is None or newer.build.availability != "jetson" or "4.6" not in newer.build.jetpack


def test_numpy_is_held_below_2_for_releases_built_before_it() -> None:
    old = {"gpu__driver_version": "470.57.02", "gpu__driver_cuda": "11.4", "gpu__devices": devices("7.5")}
    assert "'numpy<2'" in plan(BARE, **old, python__packages={"numpy": "2.1.0"}).commands[0]
    assert "numpy" not in plan(BARE, **old, python__packages={"numpy": "1.26.4"}).commands[0]


def test_nothing_fits_musl() -> None:
    chosen = plan("alpine-musl")
    assert (chosen.kind, chosen.version, chosen.commands) == ("none", None, [])


def test_another_distribution_in_the_folder_is_removed_with_it() -> None:
    chosen = plan("linux-both-packages-cpu-won")
    assert chosen.commands[0].endswith("uninstall -y onnxruntime onnxruntime-gpu")
    assert all("uninstall" not in command for command in chosen.fresh)


@pytest.mark.parametrize(
    ("cuda", "cudnn", "first", "last"),
    [
        ("11.8", "8.2.4", "nvidia-cuda-runtime-cu11~=11.8", "nvidia-cudnn-cu11==8.*"),
        ("12", "9", "nvidia-cuda-runtime-cu12~=12.0", "nvidia-cudnn-cu12==9.*"),
        ("13.0", "9", "nvidia-cuda-runtime~=13.0", "nvidia-cudnn-cu13==9.*"),
    ],
)
def test_the_wheels_of_each_cuda(cuda: str, cudnn: str, first: str, last: str) -> None:
    wheels = supply.requirements(cuda, cudnn)
    assert wheels is not None
    assert (wheels[0], wheels[-1]) == (first, last)


def test_cuda_10_does_not_come_as_wheels() -> None:
    assert supply.requirements("10.2", "8") is None
    assert supply.requirements("13.0", "8") is None
    assert supply.requirements(None, None) is None


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_a_recommendation_asks_no_more_of_onnxruntime_than_what_is_installed(name: str) -> None:
    document = recorded.machine(name)["document"]
    less = {key: fact for key, fact in document["facts"].items() if not key.startswith("ort.")}
    less["ort.distributions"] = document["facts"]["ort.distributions"]
    whole, light = (plans.recommend(Facts(item), recorded.matrix()) for item in (document, {**document, "facts": less}))
    assert report.document(light, "1") == report.document(whole, "1")
