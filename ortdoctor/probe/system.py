"""The ``system.*`` facts: operating system, distribution, C library, container, WSL, Jetson, CPU, PCI."""

import platform
from typing import Tuple

from . import container, cpu, jetson, libc, pci
from .context import Context
from .fact import Fact, Facts, absent, failed, found, guarded
from .reading import read_text
from .texts import parse

OSRELEASE = "/proc/sys/kernel/osrelease"
OS_RELEASES = ("/etc/os-release", "/usr/lib/os-release")  # os-release(5): the first one wins whole
INTEROP = "/proc/sys/fs/binfmt_misc/WSLInterop"


def collect(context: Context) -> Facts:
    """Return all ``system.*`` facts."""
    facts = {
        "system.os": found(context.os, "sys.platform"),
        "system.arch": found(context.arch, "platform.machine()"),
    }
    facts.update(guarded("system.kernel", _kernel, context))
    facts.update(guarded("system.distribution", distribution, context))
    facts.update(guarded(libc.KEY, libc.collect, context))
    facts.update(guarded(container.KEY, container.collect, context))
    facts.update(guarded("system.wsl", wsl, context))
    facts.update(guarded(jetson.KEY, jetson.collect, context))
    facts.update(guarded(cpu.KEY, cpu.collect, context))
    facts.update(guarded(pci.KEY, pci.collect, context))
    return facts


def _kernel(context: Context) -> Facts:
    return {"system.kernel": found(*_release(context))}


def _release(context: Context) -> Tuple[str, str]:
    """Return the kernel's release and where it was found; sandboxes hide the file, not the call."""
    release = (read_text(context, OSRELEASE).text or "").strip()
    if release:
        return release, OSRELEASE
    if context.os == "windows":
        return platform.version(), "platform.version()"
    return platform.release(), "platform.release()"


def distribution(context: Context) -> Facts:
    """Return ``system.distribution``."""
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


def wsl(context: Context) -> Facts:
    """Tell WSL 1 (``4.4.0-19041-Microsoft``) from 2 (``5.15.90.1-microsoft-standard-WSL2``) by the kernel.

    WSL 1 has no kernel of its own, so its release always has this form. WSL 2 also runs kernels that the
    user built; what lets Windows programs run in it gives those away.
    """
    if context.os != "linux":
        return {"system.wsl": absent("this is %s" % context.os)}
    release, source = _release(context)
    if release.endswith("-Microsoft"):
        return {"system.wsl": found(1, "%s: %s" % (source, release))}
    if "microsoft" in release.lower():
        return {"system.wsl": found(2, "%s: %s" % (source, release))}
    if read_text(context, INTEROP).text is not None:
        return {"system.wsl": found(2, INTEROP)}
    if context.env.get("WSL_INTEROP"):
        return {"system.wsl": found(2, "$WSL_INTEROP")}
    return {"system.wsl": absent("%s (%s), %s, $WSL_INTEROP" % (source, release, INTEROP))}
