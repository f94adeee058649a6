from ortdoctor.probe import jetson

from .boxes import Box

RELEASE = (
    "# R32 (release), REVISION: 6.1, GCID: 27863751, BOARD: t210ref, EABI: aarch64, "
    "DATE: Mon Jul 26 19:20:30 UTC 2021\n"
)
STATUS = (
    "Package: nvidia-l4t-core\nStatus: install ok installed\nPriority: standard\nVersion: {version}\n"
    "Description: NVIDIA Core Package\n Version: 9.9 in a continued line\n\n"
    "Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2.11\n"
)
NANO = b"NVIDIA Jetson Nano Developer Kit\x00"


def test_jetson_nano(box: Box) -> None:
    context = box(
        {
            "/etc/nv_tegra_release": RELEASE,
            "/proc/device-tree/model": NANO,
            "/var/lib/dpkg/status": STATUS.format(version="32.6.1-20210726122859"),
        },
        arch="aarch64",
    )
    assert jetson.collect(context)["system.jetson"] == {
        "value": {
            "l4t": "32.6.1",
            "release": "R32",
            "revision": "6.1",
            "board": "t210ref",
            "model": "NVIDIA Jetson Nano Developer Kit",
        },
        "source": "/etc/nv_tegra_release, /proc/device-tree/model",
        "error": None,
    }


def test_the_package_is_asked_where_the_release_file_is_not(box: Box) -> None:
    context = box(
        {
            "/var/lib/dpkg/status": STATUS.format(version="36.4.3-20250107174145"),
            "/sys/firmware/devicetree/base/model": b"NVIDIA Jetson Orin NX\x00",
        }
    )
    fact = jetson.collect(context)["system.jetson"]
    assert fact["value"]["l4t"] == "36.4.3"
    assert fact["value"]["model"] == "NVIDIA Jetson Orin NX"
    assert "nvidia-l4t-core" in fact["source"]


def test_a_package_that_was_removed_is_not_there(box: Box) -> None:
    status = STATUS.format(version="36.4.3-1").replace("install ok installed", "deinstall ok config-files", 1)
    assert jetson.collect(box({"/var/lib/dpkg/status": status}))["system.jetson"]["value"] is None


def test_a_container_that_hides_the_release_still_shows_the_board(box: Box) -> None:
    context = box({"/proc/device-tree/model": NANO, "/.dockerenv": ""})
    seen = jetson.collect(context)["system.jetson"]["value"]
    assert seen["l4t"] is None
    assert seen["model"] == "NVIDIA Jetson Nano Developer Kit"


def test_a_board_without_jetson_in_its_name_is_told_by_its_processor(box: Box) -> None:
    context = box(
        {
            "/proc/device-tree/model": b"Vendor Box\x00",
            "/proc/device-tree/compatible": b"vendor,box\x00nvidia,tegra234\x00",
        }
    )
    assert jetson.collect(context)["system.jetson"]["value"]["model"] == "Vendor Box"


def test_another_arm_board_is_none(box: Box) -> None:
    files = {"/proc/device-tree/model": b"Raspberry Pi 4 Model B Rev 1.4\x00"}
    fact = jetson.collect(box(files, arch="aarch64"))["system.jetson"]
    assert (fact["value"], fact["error"]) == (None, None)
    assert "/etc/nv_tegra_release" in fact["source"]
