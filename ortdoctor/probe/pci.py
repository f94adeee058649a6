"""Graphics devices on the PCI bus: what the box has, whether or not a driver knows it."""

import os
from typing import Dict, Optional

from .context import Context
from .fact import Facts, absent, failed, found
from .reading import read_text

KEY = "system.pci_gpus"

DEVICES = "/sys/bus/pci/devices"

#: https://pci-ids.ucw.cz/
VENDORS = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}

#: Base class 03 is "display controller": VGA (0300) and, for cards without a monitor, 3D controller (0302).
DISPLAY = "0x03"


def collect(context: Context) -> Facts:
    """Return ``system.pci_gpus``; ``[]`` where the bus has none, absent where there is no such bus."""
    try:
        addresses = sorted(os.listdir(context.path(DEVICES)))
    except (FileNotFoundError, NotADirectoryError):
        return {KEY: absent(DEVICES)}
    except OSError as error:
        return {KEY: failed("%s could not be listed: %s" % (DEVICES, error.strerror or error), DEVICES)}
    gpus = [gpu for gpu in (_display_device(context, address) for address in addresses) if gpu]
    return {KEY: found(gpus, DEVICES)}


def _display_device(context: Context, address: str) -> Optional[Dict[str, str]]:
    files = [read_text(context, "%s/%s/%s" % (DEVICES, address, name)) for name in ("class", "vendor", "device")]
    kind, vendor, device = ((file.text or "").strip().lower() for file in files)
    if not kind.startswith(DISPLAY):
        return None
    return {"vendor": VENDORS.get(vendor, vendor), "device": device, "address": address}
