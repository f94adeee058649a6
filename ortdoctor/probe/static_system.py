"""Architecture, C library, kernel and NVIDIA driver of a machine that is only read."""

import os
import re
from typing import List, Optional

from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .loader import Loader, load_object, resolve
from .reading import read_text

#: Programs that every system has, for its architecture.
_PROGRAMS = ("/bin/sh", "/bin/busybox", "/usr/bin/env", "/bin/ls", "/sbin/init", "/usr/lib/systemd/systemd")

_LIBC = ("/lib/*-linux-gnu*/libc.so.6", "/usr/lib/*-linux-gnu*/libc.so.6", "/lib64/libc.so.6", "/usr/lib64/libc.so.6")
_LIBC_ELSE = ("/lib/libc.so.6", "/usr/lib/libc.so.6")

#: What glibc says of itself when it is run, and so holds as text.
_BANNER = re.compile(rb"GNU C Library [^\n]{0,100}? version (\d+\.\d+)")

#: A whole libc has 2 MB.
_LARGEST = 32 << 20

#: Packages that hold the driver's libcuda, by name and version (535.104.05-0ubuntu0.22.04.1).
_DRIVER_PACKAGE = re.compile(
    r"^Package: (?:libnvidia-compute-\d+(?:-server)?|libcuda1|nvidia-libopencl1|cuda-drivers-\d+)\n"
    r"(?:(?!\n).+\n)*?Version: (?:\d+:)?(\d{3}\.[\d.]+\d)",
    re.MULTILINE,
)

_NO_KERNEL = "an image without a kernel has no driver of its own: the machine that starts it brings one"


def arch(context: Context, executable: Optional[str]) -> Fact:
    """Return ``system.arch`` by the first program that can be read."""
    programs = ([executable] if executable else []) + list(_PROGRAMS)
    programs += [path for pattern in _LIBC for path in context.glob(pattern)]
    for path in programs:
        item = load_object(path, context)
        if item:
            return found(item.elf.machine, "ELF header of %s" % path)
    return failed("no program of the system could be read for its architecture", ", ".join(programs))


def libc(context: Context) -> Fact:
    """Return ``system.libc`` by the file of the C library."""
    for pattern in _LIBC + _LIBC_ELSE:
        for path in context.glob(pattern):
            version = _glibc(context, path)
            if version:
                return found({"name": "glibc", "version": version}, context.real(path))
    musl = context.glob("/lib/ld-musl-*.so.1")
    if musl:
        listed = read_text(context, "/lib/apk/db/installed").text or ""
        match = re.search(r"^P:musl\n(?:.+\n)*?V:([\d.]+)", listed + "\n", re.MULTILINE)
        match = match or re.search(r"^V:([\d.]+)\S*\n(?:.+\n)*?P:musl\n", listed, re.MULTILINE)
        return found({"name": "musl", "version": match.group(1) if match else None}, musl[0])
    return failed("no C library was found in the usual folders", ", ".join(_LIBC + _LIBC_ELSE))


def _glibc(context: Context, path: str) -> Optional[str]:
    """Return the version of glibc: up to 2.33 it is in the file's name (libc-2.31.so), always in its text."""
    real = context.real(path)
    match = re.search(r"/libc-(\d+\.\d+)\.so$", real)
    if match:
        return match.group(1)
    try:
        with open(context.path(path), "rb") as stream:
            match_text = _BANNER.search(stream.read(_LARGEST))
    except OSError:
        return None
    return match_text.group(1).decode("ascii") if match_text else None


def kernels(context: Context) -> List[str]:
    """Return the kernels whose modules the root has."""
    return context.names("/lib/modules") or [name for name in context.names("/boot") if name.startswith("vmlinu")]


def kernel(context: Context) -> Fact:
    """Return ``system.kernel``: of this machine the one that runs, of a root the last by name."""
    if not context.root:
        text = (read_text(context, "/proc/sys/kernel/osrelease").text or "").strip()
        return found(text, "/proc/sys/kernel/osrelease") if text else absent("/proc/sys/kernel/osrelease")
    there = kernels(context)
    return found(there[-1], "/lib/modules") if there else absent("/lib/modules, /boot")


def driver(context: Context, loader: Loader) -> Facts:
    """Return ``gpu.driver_version`` by the name of the driver's library, by the kernel's module, by packages.

    ``gpu.cuda_api`` is there, as absent, only where it is certain that no driver is: it is what an answer of the
    library would be.
    """
    where, searched = resolve(loader, "libcuda.so.1")
    for path, text in (
        (where or "", os.path.basename(context.real(where)) if where else ""),
        ("/proc/driver/nvidia/version", read_text(context, "/proc/driver/nvidia/version").text or ""),
        ("/sys/module/nvidia/version", read_text(context, "/sys/module/nvidia/version").text or ""),
    ):
        match = re.search(r"(?:^libcuda\.so\.|Module[\w ]*  |^)(\d{3}\.\d+(?:\.\d+)?)\b", text)
        if match:
            return {"gpu.driver_version": found(match.group(1), context.real(path))}
    match = _DRIVER_PACKAGE.search(read_text(context, "/var/lib/dpkg/status").text or "")
    if match:
        return {"gpu.driver_version": found(match.group(1), "/var/lib/dpkg/status")}
    source = "libcuda.so.1 in %s; /sys/module/nvidia/version; /var/lib/dpkg/status" % ", ".join(searched)
    if where:
        # A library of no release number is Tegra's, or a stub: the driver is there, its number is not.
        return {"gpu.driver_version": failed("%s does not name a driver" % where, source)}
    if context.root and not kernels(context):
        return {"gpu.driver_version": failed(_NO_KERNEL, source)}
    return {"gpu.driver_version": absent(source), "gpu.cuda_api": absent(source)}
