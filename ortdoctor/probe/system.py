"""The ``system.*`` facts: operating system, distribution, C library, container, WSL, Jetson, processor, PCI."""

import platform
import re
from typing import Optional

from . import container, cpu, jetson, libc, pci
from .context import Context
from .fact import Fact, Facts, absent, failed, found, guarded
from .reading import read_text
from .texts import parse

OSRELEASE = "/proc/sys/kernel/osrelease"
OS_RELEASES = ("/etc/os-release", "/usr/lib/os-release")  # os-release(5): the first one wins whole


def collect(context: Context) -> Facts:
    """Return all ``system.*`` facts."""
    facts = {
        "system.os": found(context.os, "sys.platform"),
        "system.arch": found(context.arch, "platform.machine()"),
    }
    facts.update(guarded("system.kernel", _kernel, context))
    facts.update(guarded("system.distribution", _distribution, context))
    facts.update(guarded(libc.KEY, libc.collect, context))
    facts.update(guarded(container.KEY, container.collect, context))
    facts.update(guarded("system.wsl", _wsl, context))
    facts.update(guarded(jetson.KEY, jetson.collect, context))
    facts.update(guarded(cpu.KEY, cpu.collect, context))
    facts.update(guarded(pci.KEY, pci.collect, context))
    return facts


def _kernel(context: Context) -> Facts:
    release = _linux_release(context)
    if release:
        return {"system.kernel": found(release, OSRELEASE)}
    if context.os == "windows":
        return {"system.kernel": found(platform.version(), "platform.version()")}
    return {"system.kernel": found(platform.release(), "platform.release()")}


def _linux_release(context: Context) -> Optional[str]:
    return (read_text(context, OSRELEASE).text or "").strip() or None


def _distribution(context: Context) -> Facts:
    return {"system.distribution": _os_release(context)}


def _os_release(context: Context) -> Fact:
    for path in OS_RELEASES:
        file = read_text(context, path)
        if file.error:
            return failed(file.error, path)
        if file.text is not None:
            seen = parse("os-release", file.text)
            value = {
                "id": seen.get("id") or "linux",  # os-release(5): the default where ID is not set
                "version_id": seen.get("version_id"),
                "pretty_name": seen.get("pretty_name"),
                "id_like": seen.get("id_like") or [],
                "codename": seen.get("codename"),
            }
            return found(value, path)
    return absent(", ".join(OS_RELEASES))


def _wsl(context: Context) -> Facts:
    """Tell WSL 1 from 2 by the kernel's release: ``4.4.0-19041-Microsoft``, ``5.15.90.1-microsoft-standard-WSL2``.

    WSL 1 has no kernel of its own, so its release always has this form. WSL 2 also runs kernels that the
    user built; the device and the interop file give those away.
    """
    release = _linux_release(context) or ""
    if re.search(r"-Microsoft$", release):
        return {"system.wsl": found(1, "%s: %s" % (OSRELEASE, release))}
    if "microsoft" in release.lower():
        return {"system.wsl": found(2, "%s: %s" % (OSRELEASE, release))}
    interop = "/proc/sys/fs/binfmt_misc/WSLInterop"
    if read_text(context, interop).text is not None:
        return {"system.wsl": found(2, interop)}
    if context.os == "linux" and context.env.get("WSL_INTEROP"):
        return {"system.wsl": found(2, "$WSL_INTEROP")}
    return {"system.wsl": absent("%s, %s, $WSL_INTEROP" % (OSRELEASE, interop))}
