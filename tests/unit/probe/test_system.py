import platform
from pathlib import Path

import pytest

from ortdoctor.probe import system
from ortdoctor.probe.collect import KEYS
from ortdoctor.probe.context import here
from ortdoctor.probe.fact import value

from .boxes import Box, children_env, program

ALPINE = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n'


def test_this_machine_has_every_system_fact() -> None:
    facts = system.collect(here())
    assert set(facts) == {"system." + key for key in KEYS["system"]}
    assert [key for key, fact in facts.items() if fact["error"]] == []
    assert all(fact["source"] for fact in facts.values())
    assert value(facts, "system.kernel") == platform.release()


def test_the_distribution_has_all_of_its_fields(box: Box) -> None:
    facts = system.collect(box({"/etc/os-release": ALPINE}, env=children_env()))
    assert facts["system.distribution"] == {
        "value": {
            "id": "alpine",
            "version_id": "3.20.3",
            "pretty_name": "Alpine Linux v3.20",
            "id_like": [],
            "codename": None,
        },
        "source": "/etc/os-release",
        "error": None,
    }


def test_the_vendor_copy_of_os_release_is_the_second_choice(box: Box) -> None:
    facts = system.collect(box({"/usr/lib/os-release": ALPINE}))
    assert facts["system.distribution"]["source"] == "/usr/lib/os-release"


def test_a_box_without_os_release_says_what_was_searched(box: Box) -> None:
    fact = system.collect(box())["system.distribution"]
    assert fact == {"value": None, "source": "/etc/os-release, /usr/lib/os-release", "error": None}


@pytest.mark.parametrize(
    ("release", "wsl"),
    [
        ("4.4.0-19041-Microsoft", 1),
        ("5.15.153.1-microsoft-standard-WSL2", 2),
        ("4.19.84-microsoft-standard", 2),
        ("5.15.0-1042-azure", None),
        ("5.10.104-tegra", None),
    ],
)
def test_wsl_is_told_by_the_kernels_release(box: Box, release: str, wsl: int | None) -> None:
    facts = system.collect(box({"/proc/sys/kernel/osrelease": release + "\n"}))
    assert value(facts, "system.wsl") == wsl
    assert value(facts, "system.kernel") == release


def test_wsl_2_with_a_kernel_of_ones_own(box: Box) -> None:
    files = {"/proc/sys/kernel/osrelease": "6.1.0-mine\n"}
    assert value(system.collect(box(files)), "system.wsl") is None
    assert value(system.collect(box(files, env={"WSL_INTEROP": "/run/WSL/8_interop"})), "system.wsl") == 2
    files["/proc/sys/fs/binfmt_misc/WSLInterop"] = "enabled\n"
    assert value(system.collect(box(files)), "system.wsl") == 2


def test_wsl_2_box(box: Box) -> None:
    context = box(
        {
            "/proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n",
            "/etc/os-release": 'ID=ubuntu\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\nID_LIKE=debian\n',
            "/sys/bus/pci/devices/6c4c:00:00.0/class": "0x030200\n",
            "/sys/bus/pci/devices/6c4c:00:00.0/vendor": "0x1414\n",
            "/sys/bus/pci/devices/6c4c:00:00.0/device": "0x008e\n",
        },
        env=children_env(WSL_DISTRO_NAME="Ubuntu-22.04"),
    )
    facts = system.collect(context)
    assert value(facts, "system.wsl") == 2
    assert value(facts, "system.container") is None
    assert value(facts, "system.distribution")["id_like"] == ["debian"]
    assert value(facts, "system.pci_gpus") == [{"vendor": "0x1414", "device": "0x008e", "address": "6c4c:00:00.0"}]


def test_alpine_in_docker(box: Box) -> None:
    context = box({"/etc/os-release": ALPINE, "/.dockerenv": ""}, env=children_env())
    loader = program(
        Path(context.root) / "lib" / "ld-musl-x86_64.so.1",
        "printf 'musl libc (x86_64)\\nVersion 1.2.5\\nDynamic Program Loader\\n' >&2; exit 1\n",
    )
    facts = system.collect(context)
    assert facts["system.libc"] == {
        "value": {"name": "musl", "version": "1.2.5"},
        "source": str(loader),
        "error": None,
    }
    assert value(facts, "system.container") == "docker"


def test_windows_looks_at_nothing_of_linux(box: Box) -> None:
    facts = system.collect(box(system="windows"))
    assert value(facts, "system.os") == "windows"
    for key in ("libc", "container", "wsl", "jetson", "cpu", "pci_gpus", "distribution"):
        fact = facts["system." + key]
        assert (fact["value"], fact["error"]) == (None, None), key
        assert fact["source"]
