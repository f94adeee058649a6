"""A machine laid out in a folder, with programs that print and files that hold something corrupted.

What the probe makes of it takes the place of these facts on a healthy machine, and is judged.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortdoctor.probe import cuda, cudnn, gpu, nvidia_smi, ort_installed, packages, system
from ortdoctor.probe.fact import Facts, found
from ortdoctor.probe.loader import of_interpreter
from ortdoctor.probe.ort_providers import provider_libraries
from tests import recorded
from tests.corruptions.corrupt import corrupted, share
from tests.corruptions.judged import verdict_of
from tests.unit.probe.boxes import lay_out, program
from tests.unit.probe.native import library
from tests.unit.probe.sites import install
from tests.unit.probe.texts.samples import samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortdoctor.probe.context import Context

#: Seconds that one machine may take, children included: far more than it does, far less than their limits together.
PATIENCE = 60.0

#: Programs of the machine, by the kind of sample that they print.
PROGRAMS = {"nvidia-smi": "nvidia-smi", "nvcc": "nvcc", "ldconfig": "ldconfig"}

FILES = {
    "/etc/os-release": 'ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\nID_LIKE=debian\n',
    "/proc/sys/kernel/osrelease": "5.15.0-91-generic\n",
    "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\n",
    "/proc/cpuinfo": "processor\t: 0\nmodel name\t: A CPU\nflags\t\t: sse4_2 avx avx2 fma\n",
    "/proc/1/cgroup": "0::/init.scope\n",
    "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
    "/sys/bus/pci/devices/0000:01:00.0/device": "0x1e84\n",
    "/sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
    "/usr/local/cuda-12.2/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.2.2"}}\n',
    "/usr/local/cuda-11.0/version.txt": "CUDA Version 11.0.207\n",
    "/usr/include/cudnn_version.h": "#define CUDNN_MAJOR 8\n#define CUDNN_MINOR 9\n#define CUDNN_PATCHLEVEL 7\n",
}

SITE = "/site-packages"
PROVIDER = "libonnxruntime_providers_cuda.so"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[Context, dict[str, bytes]]]:
    """Return what lays the machine out as it was; with it come its files by path, whole."""
    root = tmp_path_factory.mktemp("box")
    site = root / SITE.lstrip("/")
    printed = [sample for sample in samples() if sample.kind in PROGRAMS and "error" not in sample.expected]
    outputs = {sample.kind: sample.text for sample in printed}
    files: dict[str, bytes] = {path: text.encode() for path, text in FILES.items()}
    for kind, name in PROGRAMS.items():
        program(root / "opt" / "bin" / name, f"exec /bin/cat '{root}/opt/{name}.txt'\n")
        files[f"/opt/{name}.txt"] = outputs[kind].encode()
    cudart = library(root / "usr/lib/x86_64-linux-gnu/libcudart.so.12", "libcudart.so.12")
    provider = library(root / "made" / PROVIDER, needs=[cudart], options=["-Wl,-rpath,$ORIGIN"])
    content: dict[str, str | bytes] = {"onnxruntime/__init__.py": ""}
    content[f"onnxruntime/capi/{PROVIDER}"] = provider.read_bytes()
    install(site, "onnxruntime-gpu", "1.18.1", content)
    for path in [cudart, *(item for item in site.rglob("*") if item.is_file())]:
        files["/" + str(path.relative_to(root))] = path.read_bytes()

    def make() -> tuple[Context, dict[str, bytes]]:
        env = {"PATH": "/opt/bin", "LD_LIBRARY_PATH": "/usr/lib/x86_64-linux-gnu"}
        return lay_out(root, files, env), files

    return make


def _probed(box: Context) -> Facts:
    """Return the facts that files and programs of the machine decide; children ask the real one, and are left out."""
    facts: Facts = {}
    site = str(Path(box.root) / SITE.lstrip("/"))
    natives = f"{SITE}/onnxruntime/capi/{PROVIDER}"  # by its name in the root
    steps: list[Callable[[], Facts]] = [
        lambda: system.collect(box),
        lambda: nvidia_smi.collect(box, 20.0),
        lambda: gpu._proc_driver(box),
        lambda: cuda.collect(box),
        lambda: cudnn.header(box, []),
        lambda: {"python.packages": found(packages.installed([site]), "the site")},
        lambda: {"ort.distributions": found(_distributions(site), "the site")},
        lambda: {"ort.provider_libraries": found(provider_libraries(of_interpreter(box), [natives], []), "the site")},
    ]
    for step in steps:
        told = step()  # what it raises is a fault: the net below the steps is not for what these can foresee
        for key, fact in told.items():
            # Whoever is asked first is believed, as in the probe.
            if fact["value"] is not None or key not in facts:
                facts[key] = fact
    return facts


def _distributions(site: str) -> list[dict[str, Any]]:
    listed = []
    for item in ort_installed.distributions([site]):
        missing, changed = ort_installed.check(item)
        row = {"name": item.name, "version": item.version, "location": item.location, "files": len(item.files)}
        listed.append({**row, "missing": missing, "changed": changed})
    return listed


def _judged(facts: Facts) -> str:
    document = recorded.machine("linux-gpu-healthy-cuda12-wheels")["document"]
    document["facts"].update(facts)
    for key, fact in facts.items():
        assert set(fact) == {"value", "source", "error"}, key
        assert fact["value"] is None or fact["error"] is None, key
    return verdict_of(document)


def test_the_machine_as_it_was_is_read(whole: Callable[[], tuple[Context, dict[str, bytes]]]) -> None:
    box, _ = whole()
    facts = _probed(box)
    # ldd is started by its name, which leads out of the folder.
    assert [key for key, fact in facts.items() if fact["error"]] == ["system.libc"]
    assert facts["gpu.driver_version"]["value"]
    assert facts["cuda.toolkits"]["value"]
    assert facts["cudnn.header"]["value"]
    assert [row["name"] for row in facts["cuda.libraries"]["value"]] == ["cudart"]
    assert facts["ort.distributions"]["value"][0]["changed"] == []
    assert facts["ort.provider_libraries"]["value"][0]["needed"][0]["path"]
    _judged(facts)


@share(0.2)
@given(data=st.data())
def test_no_file_and_no_program_makes_the_probe_or_the_rules_raise(
    whole: Callable[[], tuple[Context, dict[str, bytes]]], data: st.DataObject
) -> None:
    box, files = whole()
    for path in data.draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=6, unique=True)):
        Path(box.root, path.lstrip("/")).write_bytes(data.draw(corrupted(files[path])))
    start = time.monotonic()
    _judged(_probed(box))
    assert time.monotonic() - start < PATIENCE
