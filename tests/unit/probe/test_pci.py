from ortdoctor.probe import pci

from .boxes import Box


def _device(address: str, kind: str, vendor: str, device: str) -> dict[str, str]:
    folder = "/sys/bus/pci/devices/" + address
    return {folder + "/class": kind + "\n", folder + "/vendor": vendor + "\n", folder + "/device": device + "\n"}


def test_display_devices_of_every_vendor(box: Box) -> None:
    files = {
        **_device("0000:00:02.0", "0x030000", "0x8086", "0x9bc5"),
        **_device("0000:01:00.0", "0x030200", "0x10de", "0x1eb8"),
        **_device("0000:01:00.1", "0x040300", "0x10de", "0x10f8"),  # the sound device of the card
        **_device("0000:03:00.0", "0x038000", "0x1002", "0x740f"),
        **_device("0000:04:00.0", "0x030000", "0x1A03", "0x2000"),
    }
    assert pci.collect(box(files))["system.pci_gpus"]["value"] == [
        {"vendor": "intel", "device": "0x9bc5", "address": "0000:00:02.0"},
        {"vendor": "nvidia", "device": "0x1eb8", "address": "0000:01:00.0"},
        {"vendor": "amd", "device": "0x740f", "address": "0000:03:00.0"},
        {"vendor": "0x1a03", "device": "0x2000", "address": "0000:04:00.0"},
    ]


def test_a_bus_without_display_devices_is_an_answer(box: Box) -> None:
    files = _device("0000:00:00.0", "0x060000", "0x8086", "0x1237")
    assert pci.collect(box(files))["system.pci_gpus"]["value"] == []


def test_a_machine_without_the_bus(box: Box) -> None:
    fact = pci.collect(box())["system.pci_gpus"]
    assert fact == {"value": None, "source": "/sys/bus/pci/devices", "error": None}


def test_a_device_that_vanishes_is_passed_over(box: Box) -> None:
    files = {"/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n"}
    assert pci.collect(box(files))["system.pci_gpus"]["value"] == []
