from pathlib import Path

import pytest

from ortdoctor.probe import nvidia_smi
from ortdoctor.probe.context import Context

from .boxes import Box, children_env, program

TABLE = """\
+-----------------------------------------------------------------------------+
| NVIDIA-SMI 470.82.01    Driver Version: 470.82.01    CUDA Version: 11.4     |
|-------------------------------+----------------------+----------------------+
| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
| Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |
|                               |                      |               MIG M. |
|===============================+======================+======================|
|   0  NVIDIA GeForce ...  Off  | 00000000:01:00.0 Off |                  N/A |
| 30%   35C    P8    10W / 220W |      5MiB /  7973MiB |      0%      Default |
|                               |                      |                  N/A |
+-------------------------------+----------------------+----------------------+
"""
HEADER = "index, name, driver_version, memory.total [MiB], uuid"
ROW = "0, NVIDIA GeForce RTX 2070 SUPER, 470.82.01, 7973 MiB, GPU-6d2b0d5c-0000-0000-0000-000000000001"
KEYS = ("gpu.nvidia_smi", "gpu.driver_version", "gpu.driver_cuda", "gpu.devices")


def _context(box: Box, tmp_path: Path, script: str) -> Context:
    program(tmp_path / "bin" / "nvidia-smi", script)
    return box(env=children_env(PATH="%s:/usr/bin:/bin" % (tmp_path / "bin")))._replace(root="")


def _script(query: str) -> str:
    return f"case \"$*\" in\n*query*) {query};;\n*) cat <<'END'\n{TABLE}END\nesac\n"


def test_the_table_and_the_query(box: Box, tmp_path: Path) -> None:
    context = _context(box, tmp_path, _script(f"echo '{HEADER}, compute_cap'; echo '{ROW}, 7.5'"))
    facts = nvidia_smi.collect(context)
    table = facts["gpu.nvidia_smi"]["value"]
    assert table["path"] == str(tmp_path / "bin" / "nvidia-smi")
    assert (table["driver"], table["cuda_max"]) == ("470.82.01", "11.4")
    assert facts["gpu.driver_version"]["value"] == "470.82.01"
    assert facts["gpu.driver_cuda"]["value"] == "11.4"
    assert facts["gpu.devices"]["value"] == [
        {
            "index": 0,
            "name": "NVIDIA GeForce RTX 2070 SUPER",
            "memory_mib": 7973,
            "compute_capability": "7.5",
            "uuid": "GPU-6d2b0d5c-0000-0000-0000-000000000001",
            "source": "nvidia-smi",
        }
    ]


def test_a_driver_that_does_not_know_compute_cap_is_asked_again(box: Box, tmp_path: Path) -> None:
    refuse = 'case "$*" in *compute_cap*) echo \'Field "compute_cap" is not a valid field to query.\'; exit 2;; esac'
    facts = nvidia_smi.collect(_context(box, tmp_path, _script(f"{refuse}; echo '{HEADER}'; echo '{ROW}'")))
    device = facts["gpu.devices"]["value"][0]
    assert (device["name"], device["compute_capability"]) == ("NVIDIA GeForce RTX 2070 SUPER", None)


def test_the_table_stands_in_for_a_query_that_fails(box: Box, tmp_path: Path) -> None:
    facts = nvidia_smi.collect(_context(box, tmp_path, _script("exit 6")))
    device = facts["gpu.devices"]["value"][0]
    assert (device["index"], device["memory_mib"]) == (0, 7973)
    assert device["name"].startswith("NVIDIA GeForce")


def test_half_a_table_says_what_it_says(box: Box, tmp_path: Path) -> None:
    half = "\n".join(TABLE.splitlines()[:6])
    facts = nvidia_smi.collect(_context(box, tmp_path, f"cat <<'END'\n{half}\nEND\nexit 1\n"))
    assert facts["gpu.driver_version"]["value"] == "470.82.01"
    assert not facts["gpu.devices"]["value"]


def test_a_hang_is_cut_and_not_tried_again(box: Box, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    facts = nvidia_smi.collect(_context(box, tmp_path, f"echo x >>{calls}; sleep 60\n"), limit=0.5)
    for key in KEYS:
        assert facts[key]["error"].endswith("gave no answer within 0.5 s"), key
    assert calls.read_text() == "x\n"


@pytest.mark.parametrize(
    "script",
    [
        "head -c 4096 /dev/urandom",
        "exit 0",
        "kill -SEGV $$",
        "echo '程序无法运行'; exit 1",
        "echo 'command not found: le programme ne répond pas'",
    ],
)
def test_garbage_is_a_failure(box: Box, tmp_path: Path, script: str) -> None:
    facts = nvidia_smi.collect(_context(box, tmp_path, script + "\n"))
    for key in KEYS:
        assert facts[key]["value"] is None, key
        assert facts[key]["error"], key


@pytest.mark.parametrize("stream", ["", " >&2"])
def test_its_own_complaint_is_kept(box: Box, tmp_path: Path, stream: str) -> None:
    words = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    facts = nvidia_smi.collect(_context(box, tmp_path, f'echo "{words}"{stream}; exit 9\n'))
    assert facts["gpu.nvidia_smi"]["value"]["error"] == "driver-not-loaded"
    assert "driver-not-loaded" in facts["gpu.driver_version"]["error"]
    assert "driver-not-loaded" in facts["gpu.devices"]["error"]


def test_an_error_beside_the_table_is_about_one_gpu_of_several(box: Box, tmp_path: Path) -> None:
    lost = "Unable to determine the device handle for GPU 0000:0B:00.0: GPU is lost."
    script = f'echo "{lost}"\n' + _script(f"echo '{HEADER}'; echo '{ROW}'")
    facts = nvidia_smi.collect(_context(box, tmp_path, script))
    assert facts["gpu.nvidia_smi"]["value"]["error"] == "device-handle"
    assert facts["gpu.driver_version"]["value"] == "470.82.01"
    assert [device["index"] for device in facts["gpu.devices"]["value"]] == [0]


def test_the_folder_of_wsl_is_searched_after_path(box: Box) -> None:
    context = box(env={"PATH": "/usr/local/bin"})
    assert nvidia_smi.find(context) is None
    path = program(Path(context.root) / "usr/lib/wsl/lib/nvidia-smi", "exit 0\n")
    assert nvidia_smi.find(context) == str(path)
    first = program(Path(context.root) / "usr/local/bin/nvidia-smi", "exit 0\n")
    assert nvidia_smi.find(context) == str(first)


@pytest.mark.parametrize("folder", ["C:\\Windows\\System32", "C:\\Program Files\\NVIDIA Corporation\\NVSMI"])
def test_the_folders_of_windows_are_searched(box: Box, tmp_path: Path, folder: str) -> None:
    context = box(env={"PATH": "C:\\Python310"}, system="windows")
    program(tmp_path / "box" / (folder + "\\nvidia-smi.exe"), "exit 0\n")
    assert nvidia_smi.find(context._replace(root=str(tmp_path / "box") + "/")) is not None


def test_no_nvidia_smi_says_what_was_searched(box: Box) -> None:
    fact = nvidia_smi.collect(box())["gpu.nvidia_smi"]
    assert fact == {
        "value": None,
        "source": "PATH, /usr/bin, /usr/lib/wsl/lib, /usr/local/nvidia/bin",
        "error": None,
    }
