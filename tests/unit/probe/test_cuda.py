from pathlib import Path

import pytest

from ortdoctor.probe import cuda
from ortdoctor.probe.context import Context

from .boxes import Box, program

PRINTED = "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release {}, V{}"


def compiler(machine: Context, path: str, release: str, version: str) -> None:
    """Write an nvcc; ``echo`` is the shell's own, so that PATH may be what a test says."""
    program(Path(machine.root + path), f"echo '{PRINTED.format(release, version)}'\n")


def test_a_compiler_of_path_comes_before_those_of_toolkits(box: Box) -> None:
    machine = box({}, env={"PATH": "/opt/cuda-11.4/bin", "CUDA_PATH": "/opt/cuda-12.2"})
    compiler(machine, "/opt/cuda-12.2/bin/nvcc", "12.2", "12.2.140")
    compiler(machine, "/opt/cuda-11.4/bin/nvcc", "11.4", "11.4.315")
    facts = cuda.nvcc(machine, cuda.toolkit_folders(machine))
    assert facts["cuda.nvcc"]["value"] == [
        {"path": "/opt/cuda-11.4/bin/nvcc", "cuda": "11.4", "version": "11.4.315"},
        {"path": "/opt/cuda-12.2/bin/nvcc", "cuda": "12.2", "version": "12.2.140"},
    ]


def test_a_compiler_that_tells_nothing_is_an_error_alone_and_a_remark_beside_another(box: Box) -> None:
    machine = box({}, env={"PATH": "/bad:/good"})
    program(Path(machine.root + "/bad/nvcc"), "echo 'nvcc: cannot execute'; exit 126\n")
    alone = cuda.nvcc(machine, [])["cuda.nvcc"]
    assert alone["value"] is None
    assert "told no version but: nvcc: cannot execute" in alone["error"]
    compiler(machine, "/good/nvcc", "10.0", "10.0.130")
    both = cuda.nvcc(machine, [])["cuda.nvcc"]
    assert [item["cuda"] for item in both["value"]] == ["10.0"]
    assert "cannot execute" in both["source"]


def test_a_compiler_that_hangs_is_an_error(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = box({}, env={"PATH": "/bad"})
    program(Path(machine.root + "/bad/nvcc"), "while :; do :; done\n")
    monkeypatch.setattr(cuda, "_NVCC_LIMIT", 0.2)
    assert "gave no answer within 0.2 s" in cuda.nvcc(machine, [])["cuda.nvcc"]["error"]


def test_no_compiler_is_an_empty_list_with_what_was_searched(box: Box) -> None:
    fact = cuda.nvcc(box({}, env={"PATH": "/x"}), ["/usr/local/cuda-12.2"])["cuda.nvcc"]
    assert (fact["value"], fact["error"]) == ([], None)
    assert "/usr/local/cuda-12.2" in fact["source"]


def test_toolkits_tell_their_version_by_json_text_or_compiler(box: Box) -> None:
    machine = box(
        {
            "/usr/local/cuda-12.2/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.2.2"}}',
            "/usr/local/cuda-10.0/version.txt": "CUDA Version 10.0.130\n",
            "/usr/local/cuda-empty/README": "",
        },
        env={},
    )
    compiler(machine, "/opt/cuda/bin/nvcc", "13.0", "13.0.88")
    Path(machine.root, "usr/local/cuda").symlink_to("cuda-12.2")
    folders = cuda.toolkit_folders(machine)
    compilers = cuda.nvcc(machine, folders)["cuda.nvcc"]["value"]
    value = cuda.toolkits(machine, folders, compilers)["cuda.toolkits"]["value"]
    assert [(item["cuda"], item["version"], item["read_from"].rpartition("/")[2]) for item in value] == [
        ("12.2", "12.2.2", "version.json"),
        ("10.0", "10.0.130", "version.txt"),
        ("13.0", "13.0.88", "nvcc"),
    ]


def test_windows_keeps_a_variable_for_each_toolkit(tmp_path: Path) -> None:
    for version in ("v10.0", "v11.8"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "version.txt").write_text(f"CUDA Version {version[1:]}.1\n")
    env = {
        "CUDA_PATH": str(tmp_path / "v11.8"),
        "CUDA_PATH_V10_0": str(tmp_path / "v10.0"),
        "CUDA_PATH_V11_8": str(tmp_path / "v11.8"),
        "CUDA_PATH_V9_0": str(tmp_path / "gone"),
    }
    machine = Context("windows", "x86_64", env, "", str(tmp_path))
    folders = cuda.toolkit_folders(machine)
    assert folders == [str(tmp_path / "v11.8"), str(tmp_path / "v10.0")]
    value = cuda.toolkits(machine, folders, [])["cuda.toolkits"]["value"]
    assert [item["cuda"] for item in value] == ["11.8", "10.0"]


def test_a_wrapper_in_a_common_folder_makes_no_toolkit_of_it(box: Box) -> None:
    machine = box({"/opt/nv/nvvm/x": ""}, env={"PATH": "/usr/local/bin:/opt/nv/bin"})
    compiler(machine, "/usr/local/bin/nvcc", "13.0", "13.0.88")
    compiler(machine, "/opt/nv/bin/nvcc", "12.0", "12.0.1")
    assert cuda.toolkit_folders(machine) == ["/opt/nv"]


def test_all_facts_are_there_on_a_machine_without_anything(box: Box) -> None:
    facts = cuda.collect(box({}, env={"PATH": "/usr/bin"}))
    assert set(facts) == {"cuda.nvcc", "cuda.toolkits", "cuda.libraries"}
    assert [fact["error"] for fact in facts.values()] == [None, None, None]
    assert (facts["cuda.nvcc"]["value"], facts["cuda.toolkits"]["value"]) == ([], [])
