"""The probe of onnxruntime in fresh environments with real wheels, on the interpreters that these are for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.interpreters import interpreter

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]

#: Collects the facts of a group in another interpreter: the probe's folder under another name, as ortdoctor does it.
PROGRAM = """
import importlib.util, json, sys
folder = sys.argv[1]
spec = importlib.util.spec_from_file_location("box_probe", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["box_probe"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from box_probe import context, ort
sys.stdout.write(json.dumps(ort.collect(context.here())))
"""

CUDA_12 = [
    "libcublasLt.so.12",
    "libcublas.so.12",
    "libcurand.so.10",
    "libcufft.so.11",
    "libcudart.so.12",
    "libcudnn.so.9",
]
CUDA_11 = [
    "libcublasLt.so.11",
    "libcublas.so.11",
    "libcudnn.so.8",
    "libcurand.so.10",
    "libcufft.so.10",
    "libcudart.so.11.0",
]


def environment(version: str, *requirements: str, pip: str = "") -> Path:
    """Return the interpreter of an environment with ``requirements``, kept between runs under the temp folder."""
    base = interpreter(version)
    key = hashlib.sha256(" ".join([base, pip, *requirements]).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"ortdoctor-environments-{os.getuid()}" / key
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run([base, "-m", "venv", str(folder)])
        if pip:
            run([str(python), "-m", "pip", "install", "-q", f"pip=={pip}"])
        # One at a time: the last one that is named overwrites the files of the others.
        for requirement in requirements:
            run([str(python), "-m", "pip", "install", "-q", requirement])
        (folder / "complete").touch()
    return python


def copied(python: Path, target: Path) -> Path:
    """Return the interpreter of a copy of the environment, to be broken by a test."""
    shutil.copytree(python.parents[1], target, symlinks=True)
    return target / "bin" / "python"


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def collect(python: Path, cwd: Path) -> dict[str, Any]:
    """Return the facts that the interpreter collects of itself, without LD_LIBRARY_PATH."""
    env = {name: text for name, text in os.environ.items() if name not in {"LD_LIBRARY_PATH", "PYTHONPATH"}}
    command = [str(python), "-c", PROGRAM, str(ROOT / "ortdoctor" / "probe")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    facts: dict[str, Any] = json.loads(done.stdout)
    return {key.partition(".")[2]: fact["value"] for key, fact in facts.items()}


def package(python: Path) -> Path:
    return next((python.parents[1] / "lib").glob("python3*/site-packages/onnxruntime"))


def missing(told: dict[str, Any], provider: str) -> list[str]:
    entry = next(item for item in told["provider_libraries"] if item["provider"] == provider)
    return [item["soname"] for item in entry["needed"] if item["path"] is None]


def on_this_loader(*sonames: str) -> bool:
    """Tell whether this machine offers one of the libraries, so that they are not missing."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    return any(f"{soname} " in listed for soname in sonames)


@pytest.mark.parametrize(
    ("python", "requirement", "pip"),
    [
        ("3.11", "onnxruntime", ""),
        ("3.7", "onnxruntime==1.2.0", ""),
        ("3.6", "onnxruntime==1.10.0", "21.3.1"),
    ],
    ids=["newest", "1.2.0", "1.10.0"],
)
def test_a_cpu_package_is_whole_and_computes(python: str, requirement: str, pip: str, tmp_path: Path) -> None:
    told = collect(environment(python, requirement, pip=pip), tmp_path)
    (owner,) = told["distributions"]
    assert (owner["name"], owner["missing"], owner["changed"]) == ("onnxruntime", [], [])
    assert owner["files"] > 10
    assert told["version"] == owner["version"]
    assert (told["module"]["kind"], told["module"]["shadows"]) == ("package", False)
    assert told["import"]["ok"] is True
    assert told["device"] == "CPU"
    assert "CPUExecutionProvider" in told["available_providers"]
    assert told["provider_libraries"] == []
    assert told["session"]["cpu"]["active"] == ["CPUExecutionProvider"]
    assert (told["session"]["cpu"]["error"], told["session"]["cpu"]["exit"]) == (None, 0)
    assert told["session"]["cuda"] is None
    release = tuple(int(part) for part in told["version"].split(".")[:2])
    assert told["preload"] == {"available": release >= (1, 21)}
    assert (told["build_info"] is not None) == (release >= (1, 15))


@pytest.mark.skipif(on_this_loader(*CUDA_12), reason="this machine has CUDA 12 where the loader looks")
def test_a_gpu_package_without_cuda_names_every_missing_library(tmp_path: Path) -> None:
    told = collect(environment("3.12", "onnxruntime-gpu==1.22.0"), tmp_path)
    assert set(CUDA_12) <= set(missing(told, "CUDAExecutionProvider"))
    assert "libc.so.6" not in missing(told, "CUDAExecutionProvider")
    assert told["cuda_build"] == "12.2"
    assert (told["device"], told["preload"]) == ("GPU", {"available": True})
    assert "CUDAExecutionProvider" in told["available_providers"]
    session = told["session"]["cuda"]
    assert (session["active"], session["error"]) == (["CPUExecutionProvider"], None)
    assert "libcublasLt.so.12: cannot open shared object file" in session["stderr"]
    assert "\x1b" not in session["stderr"]
    assert told["session"]["cpu"]["stderr"] == ""
    entry = next(item for item in told["provider_libraries"] if item["provider"] == "CUDAExecutionProvider")
    assert (entry["glibc"], entry["glibcxx"]) == ("2.27", "3.4.21")


@pytest.mark.skipif(on_this_loader(*CUDA_11), reason="this machine has CUDA 11 where the loader looks")
def test_libraries_that_the_package_preloads_count_as_needed(tmp_path: Path) -> None:
    told = collect(environment("3.8", "onnxruntime-gpu==1.14.1"), tmp_path)
    assert missing(told, "CUDAExecutionProvider") == CUDA_11
    assert "libnvinfer.so.8" in missing(told, "TensorrtExecutionProvider")
    assert told["session"]["cuda"]["active"] == ["CPUExecutionProvider"]
    assert "Failed to create CUDAExecutionProvider" in told["session"]["cuda"]["stderr"]


def test_both_packages_in_one_folder_show_as_changed_files(tmp_path: Path) -> None:
    told = collect(environment("3.12", "onnxruntime-gpu==1.22.0", "onnxruntime==1.22.0"), tmp_path)
    cpu, gpu = sorted(told["distributions"], key=lambda item: len(str(item["name"])))
    assert (cpu["name"], cpu["missing"], cpu["changed"]) == ("onnxruntime", [], [])
    assert gpu["name"] == "onnxruntime-gpu"
    assert any("onnxruntime_pybind11_state" in path for path in gpu["changed"])
    assert told["available_providers"] == ["AzureExecutionProvider", "CPUExecutionProvider"]
    assert told["device"] == "CPU"
    assert any("providers_cuda" in name for name in told["folder"]["native"])


@pytest.fixture
def breakable(tmp_path: Path) -> Path:
    return copied(environment("3.11", "onnxruntime"), tmp_path / "broken")


def test_a_deleted_file_is_missing(breakable: Path, tmp_path: Path) -> None:
    (package(breakable) / "capi" / "onnxruntime_validation.py").unlink()
    told = collect(breakable, tmp_path)
    assert told["distributions"][0]["missing"] == ["onnxruntime/capi/onnxruntime_validation.py"]
    assert told["import"]["ok"] is False
    assert "onnxruntime_validation" in told["import"]["error"]
    assert told["version"] == told["distributions"][0]["version"]


def test_a_file_of_the_current_folder_shadows_the_package(breakable: Path, tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("")
    told = collect(breakable, tmp_path)
    assert (told["module"]["kind"], told["module"]["shadows"]) == ("module", True)
    assert told["module"]["location"] == str(tmp_path)
    assert told["folder"]["has_init"] is True


def test_a_cut_extension_is_changed_and_ends_the_import_not_the_probe(breakable: Path, tmp_path: Path) -> None:
    extension = next((package(breakable) / "capi").glob("onnxruntime_pybind11_state*"))
    os.truncate(extension, extension.stat().st_size // 2)
    told = collect(breakable, tmp_path)
    assert told["distributions"][0]["changed"] == [f"onnxruntime/capi/{extension.name}"]
    assert told["import"]["ok"] is False
    assert told["import"]["signal"] == "SIGBUS" or told["import"]["error_type"] == "ImportError"
    assert told["session"] is None


def test_a_package_of_an_older_numpy_imports_but_does_not_run(tmp_path: Path) -> None:
    told = collect(environment("3.11", "onnxruntime==1.16.3", "numpy>=2"), tmp_path)
    assert told["import"]["ok"] is True
    assert "compiled using NumPy 1.x" in told["import"]["stderr"]
    session = told["session"]["cpu"]
    assert session["error"] is not None or session["signal"] is not None
