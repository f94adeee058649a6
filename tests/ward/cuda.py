"""Environments with real CUDA wheels, stand-in drivers, and the proof that a session reaches CUDA.

The wheels of a CUDA major are 2 to 3 GB. uv unpacks them once into its cache under the temp folder, and every
environment that it makes has links to those files: a patient costs seconds, and so does its cure.
"""

from __future__ import annotations

import mmap
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ortdoctor.diagnose import supply
from tests.loader_truth.environments import SOURCES, compiled
from tests.ward import health
from tests.ward.bed import home, prepared
from tools.refresh_fatbin import gpu_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ward.bed import Bed
    from tests.ward.patient import Patient

#: One Python that has a wheel of every release since 1.15.
PYTHON = "3.11"

#: The wheels that bring CUDA and cuDNN, as the tool itself names them.
CU11, CU12, CU13 = (tuple(supply.requirements(*pair) or ()) for pair in (("11.8", "8"), ("12", "9"), ("13.0", "9")))

_NVML = Path(__file__).with_name("stand_in") / "nvml.c"


class Driver(NamedTuple):
    """What a stand-in answers; ``nvml`` is what nvmlInit_v2 returns, None where only libcuda.so.1 is there."""

    version: str = "580.95.05"
    cuda: str = "13.0"
    device: str | None = "NVIDIA GeForce RTX 4090"
    capability: str = "8.9"
    init: int | None = None
    stub: bool = False
    nvml: int | None = 0

    @property
    def number(self) -> int:
        major, minor = map(int, self.cuda.split("."))
        return 1000 * major + 10 * minor

    @property
    def macros(self) -> list[str]:
        named = {"DRIVER": f'"{self.version}"', "DRIVER_VERSION": self.number}
        if self.device is not None:
            major, minor = self.capability.split(".")
            named.update(DEVICE=f'"{self.device}"', MAJOR=major, MINOR=minor)
        if self.init is not None:
            named["INIT"] = self.init
        if self.nvml is not None:
            named["NVML_INIT"] = self.nvml
        return [f"-D{name}={value}" for name, value in named.items()] + ["-DSTUB"] * self.stub


#: A driver that runs every release, with a GPU that every release has code for.
NEW = Driver()


def on_stand_in(patient: Patient) -> Patient:
    """Return a patient that still lacks the device after its cure: the stand-in driver tells CUDA's runtime so."""
    return patient._replace(after="problems", left=("no_gpu_visible",))


def environment(bed: Bed, *requirements: str) -> Path:
    """Make ``root/env`` with uv; what is in it are links to uv's cache. Return the interpreter."""
    program = shutil.which("uv") or str(prepared(PYTHON, "uv", pip=None, env=bed.env) / "bin" / "uv")
    folder = bed.root / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "uv").symlink_to(program)
    bed.env["PATH"] = os.pathsep.join([str(folder), bed.env["PATH"]])
    bed.env["UV_LINK_MODE"] = "hardlink"
    if shutil.disk_usage(home()).free < 4 << 30:
        pytest.skip(f"{home()} has less than 4 GiB free")
    target = bed.root / "env"
    bed.run(program, "venv", "-q", "--python", python(bed), target)
    bed.python = target / "bin" / "python"
    install(bed, *requirements)
    return bed.python


def python(bed: Bed) -> str:
    """Return the interpreter under every environment."""
    return os.path.realpath(prepared(PYTHON, pip=None, env=bed.env) / "bin" / "python")


def install(bed: Bed, *requirements: str) -> None:
    bed.run("uv", "pip", "install", "-q", "--python", bed.python, *requirements, limit=1800)


def uninstall(bed: Bed, *names: str) -> None:
    bed.run("uv", "pip", "uninstall", "-q", "--python", bed.python, *names)


def folders(bed: Bed) -> list[Path]:
    """Return the folders of the CUDA libraries in the environment."""
    return sorted(bed.site.glob("nvidia/*/lib"))


def library(bed: Bed, name: str) -> Path:
    """Return the one library ``name`` of the environment's wheels."""
    (path,) = bed.site.glob(f"nvidia/*/lib/{name}")
    return path


def search(bed: Bed, *paths: Path) -> None:
    """Put folders first on the loader's search path."""
    listed = [*map(str, paths), *filter(None, bed.env.get("LD_LIBRARY_PATH", "").split(":"))]
    bed.env["LD_LIBRARY_PATH"] = ":".join(listed)


def drive(bed: Bed, driver: Driver = NEW) -> Path:
    """Give the patient a driver, last on the loader's search path, as the system's folders are. Return its folder."""
    folder = bed.root / "driver"
    folder.mkdir()
    _libcuda(bed, folder, driver.macros)
    if driver.nvml is not None:
        compiled(_NVML, folder / "libnvidia-ml.so.1", driver.macros)
        bed.program("nvidia-smi", _smi(driver))
    search(bed)
    bed.env["LD_LIBRARY_PATH"] = ":".join(filter(None, [bed.env["LD_LIBRARY_PATH"], str(folder)]))
    return folder


def _libcuda(bed: Bed, folder: Path, macros: list[str]) -> None:
    names = folder / "names"
    names.write_text("".join(f"--defsym={name}=no_device\n" for name in sorted(_names(bed) - _own())))
    compiled("libcuda.c", folder / "libcuda.so.1", [*macros, f"-Wl,@{names}"])


def _names(bed: Bed) -> set[str]:
    """Return the names of all functions of the driver's library, old and new: those in the headers of three CUDAs.

    The loader refuses a library whose linked functions are not all there, and releases 1.18 to 1.22 ask for more by
    name while they are being loaded.
    """
    names: set[str] = set()
    for requirement in (CU11[0], CU12[0], CU13[0]):
        site = prepared(PYTHON, f"--no-deps '{requirement}'", pip=None, env=bed.env)
        for header in site.glob("lib/python*/site-packages/nvidia/*/include/cuda*.h"):
            names |= set(re.findall(r"\bcu[A-Z]\w*", header.read_text(encoding="utf-8", errors="replace")))
    return names


def _own() -> set[str]:
    """Return the functions that the stand-in has itself."""
    return set(re.findall(r"\bint (cu\w+)\(", (SOURCES / "libcuda.c").read_text(encoding="utf-8")))


_TABLE = """\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI {version:<22} Driver Version: {version:<14} CUDA Version: {cuda:<8} |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
|   0  {name:<26.26}     Off |   00000000:01:00.0 Off |                  Off |
|  0%   40C    P8             20W /  450W |       1MiB /  16384MiB |      0%      Default |
|                                         |                        |                  N/A |
+-----------------------------------------+------------------------+----------------------+
"""

_ROW = "0, {name}, {version}, 16384 MiB, GPU-11111111-1111-1111-1111-111111111111, {capability}"


def _smi(driver: Driver) -> str:
    """Return a program that prints what nvidia-smi prints."""
    if driver.nvml == 18:  # NVML_ERROR_LIB_RM_VERSION_MISMATCH
        return "#!/bin/sh\necho 'Failed to initialize NVML: Driver/library version mismatch'\nexit 18\n"
    if driver.device is None:
        return "#!/bin/sh\necho 'No devices were found'\nexit 6\n"
    said = {"version": driver.version, "cuda": driver.cuda, "name": driver.device, "capability": driver.capability}
    header = "index, name, driver_version, memory.total [MiB], uuid, compute_cap"
    asked = f"{header}\n{_ROW.format(**said)}\n"
    return (
        "#!/bin/sh\nif [ $# -gt 0 ]; then cat <<'END'\n"
        + asked
        + "END\nelse cat <<'END'\n"
        + _TABLE.format(**said)
        + "END\nfi\n"
    )


def stub(bed: Bed, folder: Path) -> Path:
    """Build a toolkit's stub of libcuda.so.1 in ``folder``: every function returns CUDA_ERROR_STUB_LIBRARY."""
    folder.mkdir(parents=True)
    _libcuda(bed, folder, ["-DINIT=34", "-DSTUB"])
    return folder


# -- health, asked without any code of ortdoctor ------------------------------------------------------------------

_DEVICES = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
count = ctypes.c_int()
print(cuda.cuInit(0), cuda.cuDeviceGetCount(ctypes.byref(count)), count.value)
"""


def sees_a_device(bed: Bed) -> None:
    """Check that a program of the patient's shell is told of a device by the driver."""
    done = bed.run(bed.python, "-c", _DEVICES, check=False)
    assert done.stdout.split() == ["0", "0", "1"], f"{done.stdout} {done.stderr[-500:]}"


def reaches_the_driver(bed: Bed) -> None:
    """Check that a session on CUDA has the provider and all that it needs in memory, and lacks the device only."""
    sees_a_device(bed)
    said, stderr = health.session(bed, health.CUDA, health.CPU)
    text = f"{said.get('error', '')}\n{stderr}"
    assert health.LOADER_SAYS.search(text) is None, text[:2000]
    codes = set(re.findall(r"CUDA (?:failure|error) (\d+)", text))
    assert codes == {"100"}, text[:2000]
    assert "CUDAExecutionProvider" not in said.get("active", [])
    opened = {Path(path).name for path in said["opened"]}
    provider = bed.package / "capi" / "libonnxruntime_providers_cuda.so"
    needed = re.findall(r"NEEDED.*\[(.*)\]", bed.run("readelf", "-d", provider).stdout)
    absent = [name for name in needed if name not in opened and name.startswith("libcu")]
    assert provider.name in opened, sorted(opened)
    assert not absent, absent


def has_all_of_cudnn(bed: Bed) -> None:
    """Check that cuDNN's wheel has every file that it was installed with, and that a session lacks the device only."""
    records = bed.site.glob("nvidia_cudnn*.dist-info/RECORD")
    lines = [line for record in records for line in record.read_text(encoding="utf-8").splitlines()]
    files = [line.split(",")[0] for line in lines]
    absent = [name for name in files if ".so" in name and not (bed.site / name).is_file()]
    assert not absent, absent
    reaches_the_driver(bed)


def asks_for_cuda_and_lives(bed: Bed) -> None:
    """Check that a session that asks for CUDA, where there is none, gives the right numbers on the CPU."""
    said, _ = health.session(bed, health.CUDA, health.CPU)
    assert said.get("found") == [[2.0, 4.0, 6.0]], said


def is_the_cpu_package(bed: Bed) -> None:
    """Check that the package lists no provider that cannot work here."""
    health.runs(bed)
    listed = bed.run(bed.python, "-c", "import onnxruntime as o; print(o.get_available_providers())").stdout
    assert health.CUDA not in listed, listed


def holds_machine_code(capability: str) -> Callable[[Bed], None]:
    """Return the check that the provider holds machine code which a GPU of ``capability`` runs, and gets as far as it.

    Machine code runs on its own major, from its own minor on; the letter ``a`` binds it to this very number.
    """
    major, minor = map(int, capability.split("."))

    def check(bed: Bed) -> None:
        names = _machine_code(bed.package / "capi" / "libonnxruntime_providers_cuda.so")
        told = [re.fullmatch(r"SASS_(\d+)(\d)(a?)", name) for name in names]
        own = [match for match in told if match and int(match[1]) == major]
        assert [match for match in own if int(match[2]) == minor or (int(match[2]) < minor and not match[3])], names
        reaches_the_driver(bed)

    return check


def _machine_code(library: Path) -> list[str]:
    """Return what refresh_fatbin reads in the library's section of GPU code: the file itself, and no table of ours."""
    sections = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\.nv_fatbin\s+PROGBITS\s+\w+ (\w+) (\w+)", sections)
    assert found, f"{library} has no section of GPU code"
    with library.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return list(gpu_code(data, int(found[1], 16), int(found[2], 16)))
