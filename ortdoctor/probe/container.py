"""Whether this machine is a container, and of which kind."""

from typing import Optional, Tuple

from .context import Context
from .fact import Facts, absent, found
from .reading import read_text

KEY = "system.container"

#: Files that a runtime lays into each of its containers.
_MARKERS = (
    ("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "kubernetes"),
    ("/run/.containerenv", "podman"),
    ("/.dockerenv", "docker"),
    ("/.singularity.d/runscript", "apptainer"),
)

#: Parts of a control group's path (cgroup v1, and v2 without a namespace of its own), most telling first.
#: They are cut so that a service of the host itself (docker.service, containerd.service) does not match.
_CGROUPS = (
    ("kubepods", "kubernetes"),
    ("libpod-", "podman"),
    ("/docker/", "docker"),
    ("/docker-", "docker"),
    ("/ecs/", "docker"),
    ("/lxc/", "lxc"),
    ("/lxc.payload", "lxc"),
    ("/machine.slice/machine-", "systemd-nspawn"),
    ("/cri-containerd-", "containerd"),
    ("/containerd/", "containerd"),
)

#: Where a runtime keeps the three files that it mounts into each container: a part of the mount's root.
_MOUNTS = (
    ("/kubelet/pods/", "kubernetes"),
    ("/containers/storage/", "podman"),
    ("/overlay-containers/", "podman"),
    ("/docker/containers/", "docker"),
    ("/io.containerd.", "containerd"),
)

_MOUNTED = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")


def collect(context: Context) -> Facts:
    """Return ``system.container``: by environment, marker files, control groups, then mounts."""
    if context.os != "linux":
        return {KEY: absent("containers are looked for on Linux only; this is %s" % context.os)}
    for step in (_by_environment, _by_marker, _by_cgroup, _by_mounts):
        seen = step(context)
        if seen is not None:
            return {KEY: found(*seen)}
    searched = ["$KUBERNETES_SERVICE_HOST, $container"]
    searched.extend(path for path, _ in _MARKERS)
    searched.append("/proc/1/cgroup, /proc/self/mountinfo")
    return {KEY: absent(", ".join(searched))}


def _by_environment(context: Context) -> Optional[Tuple[str, str]]:
    if context.env.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes", "$KUBERNETES_SERVICE_HOST"
    for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"):
        if context.env.get(name):
            return "apptainer", "$" + name
    # The convention of systemd for every manager: https://systemd.io/CONTAINER_INTERFACE
    kind = context.env.get("container", "").strip().lower()
    # Old podman says "oci"; the files and groups below know better.
    return (kind, "$container") if kind and kind not in ("oci", "wsl") else None


def _by_marker(context: Context) -> Optional[Tuple[str, str]]:
    for path, kind in _MARKERS:
        seen = read_text(context, path)
        if seen.text is not None or seen.error is not None:
            return kind, path
    return None


def _by_cgroup(context: Context) -> Optional[Tuple[str, str]]:
    for path in ("/proc/1/cgroup", "/proc/self/cgroup"):
        # hierarchy-ID:controllers:path (cgroups(7)); the controllers hold no runtime's name.
        lines = (read_text(context, path).text or "").splitlines()
        groups = "\n".join(line.split(":", 2)[-1] for line in lines)
        for part, kind in _CGROUPS:
            if part in groups:
                return kind, path
    return None


def _by_mounts(context: Context) -> Optional[Tuple[str, str]]:
    """Look at the mounts of a container's own files only: a host lists the mounts of all its containers."""
    for line in (read_text(context, "/proc/self/mountinfo").text or "").splitlines():
        # proc(5): the fourth field is the root within the file system, the fifth the mount point.
        fields = line.split(" ")
        if len(fields) < 5 or fields[4] not in _MOUNTED:
            continue
        for part, kind in _MOUNTS:
            if part in fields[3]:
                return kind, "/proc/self/mountinfo"
    return None
