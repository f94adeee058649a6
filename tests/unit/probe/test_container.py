import pytest

from ortdoctor.probe import container

from .boxes import Box

CASES = {
    "docker": ({"/.dockerenv": ""}, {}, "docker", "/.dockerenv"),
    "podman": ({"/run/.containerenv": 'engine="podman-4.9.3"\n'}, {}, "podman", "/run/.containerenv"),
    "kubernetes by environment": (
        {"/.dockerenv": ""},
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        "kubernetes",
        "$KUBERNETES_SERVICE_HOST",
    ),
    "kubernetes by its account": (
        {"/var/run/secrets/kubernetes.io/serviceaccount/namespace": "default", "/.dockerenv": ""},
        {},
        "kubernetes",
        "/var/run/secrets/kubernetes.io/serviceaccount/namespace",
    ),
    "apptainer": ({}, {"APPTAINER_CONTAINER": "/images/ort.sif"}, "apptainer", "$APPTAINER_CONTAINER"),
    "lxc by environment": ({}, {"container": "lxc"}, "lxc", "$container"),
    "docker, cgroup v1": (
        {"/proc/1/cgroup": "12:cpuset:/docker/0123abcd\n11:pids:/docker/0123abcd\n"},
        {},
        "docker",
        "/proc/1/cgroup",
    ),
    "docker, cgroup v2 of the host": (
        {"/proc/1/cgroup": "0::/system.slice/docker-0123abcd.scope\n"},
        {},
        "docker",
        "/proc/1/cgroup",
    ),
    "kubernetes on containerd, cgroup v1": (
        {"/proc/1/cgroup": "3:cpu:/kubepods.slice/kubepods-pod1.slice/cri-containerd-0123.scope\n"},
        {},
        "kubernetes",
        "/proc/1/cgroup",
    ),
    "lxc, cgroup v2": ({"/proc/1/cgroup": "0::/lxc.payload.box\n"}, {}, "lxc", "/proc/1/cgroup"),
    "docker, cgroup v2 of its own": (
        {
            "/proc/1/cgroup": "0::/\n",
            "/proc/self/mountinfo": "7 6 8:1 /var/lib/docker/containers/01ab/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n",
        },
        {},
        "docker",
        "/proc/self/mountinfo",
    ),
    "podman, cgroup v2 of its own": (
        {"/proc/self/mountinfo": "7 6 0:24 /containers/storage/overlay-containers/01/userdata/hosts /etc/hosts rw\n"},
        {"container": "oci"},
        "podman",
        "/proc/self/mountinfo",
    ),
}


@pytest.mark.parametrize(("files", "env", "kind", "source"), CASES.values(), ids=CASES.keys())
def test_a_container_is_told(box: Box, files: dict[str, str], env: dict[str, str], kind: str, source: str) -> None:
    fact = container.collect(box(files, env=env))["system.container"]
    assert fact == {"value": kind, "source": source, "error": None}


@pytest.mark.parametrize(
    "files",
    [
        {"/proc/1/cgroup": "0::/init.scope\n", "/proc/self/cgroup": "0::/user.slice/user-1000.slice\n"},
        # A host that runs containers has their services, groups and mounts; it is none itself.
        {"/proc/self/cgroup": "0::/system.slice/docker.service\n"},
        {"/proc/self/cgroup": "0::/system.slice/containerd.service\n"},
        {"/proc/self/mountinfo": "9 2 0:50 / /var/lib/docker/overlay2/01ab/merged rw - overlay overlay rw\n"},
        {"/proc/self/mountinfo": "short line\n"},
    ],
)
def test_a_host_is_none(box: Box, files: dict[str, str]) -> None:
    fact = container.collect(box(files))["system.container"]
    assert (fact["value"], fact["error"]) == (None, None)
    assert "/.dockerenv" in fact["source"]
