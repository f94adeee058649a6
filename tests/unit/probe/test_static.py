"""Machines that are only read: roots of any architecture, what is found in them, what is never done to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.diagnose.judge import Report, judge
from ortdoctor.probe import child, static, static_loader
from ortdoctor.probe.context import Context, here
from ortdoctor.probe.foreign import ProbeError
from ortdoctor.probe.gather import Wanted, WantedError, gather
from ortdoctor.report import json as json_report
from ortdoctor.report import text
from tests import recorded

from .roots import ARM, X86, cache_file, elf_file, onnxruntime, system, write

CUDA_NEEDS = ["libcublas.so.12", "libcudart.so.12", "libcudnn.so.9", "libc.so.6"]
TRIPLET = "/usr/lib/x86_64-linux-gnu"


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test in which any program is started or any library loaded."""

    def started(*arguments: object, **_: object) -> None:
        pytest.fail(f"a program was started: {arguments}")

    monkeypatch.setattr(child, "run", started)
    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(os, "fork", started)
    monkeypatch.setattr("ctypes.CDLL", started)


def document(root: Path, python: str | None = None, model: str | None = None) -> dict[str, Any]:
    return gather(Wanted(root=str(root), python=python, model=model), "0")


def value(told: dict[str, Any], key: str) -> Any:
    fact = told["facts"][key]
    assert fact["error"] is None, fact
    return fact["value"]


def judged(root: Path, python: str | None = None) -> Report:
    told = document(root, python)
    report = judge(told, recorded.matrix())
    shown = text.render(report, told, recorded.causes(), verbose=True)
    assert str(root) not in shown.replace(f"chroot {root}", "")
    told_of = json_report.document(report, told, recorded.causes(), "0")["findings"]
    assert "(not known)" not in "".join(row["detail"] + row["remedy"]["text"] for row in told_of)
    return report


def causes(report: Report) -> list[str]:
    return [row.cause for row in report.findings]


@pytest.mark.parametrize(("machine", "arch"), [(X86, "x86_64"), (ARM, "aarch64")])
def test_a_sound_system_of_any_architecture_is_healthy_by_its_files(tmp_path: Path, machine: int, arch: str) -> None:
    onnxruntime(system(tmp_path, machine), machine=machine)
    told = document(tmp_path)
    assert (told["mode"], told["root"]) == ("static", str(tmp_path))
    assert value(told, "system.arch") == arch
    assert value(told, "system.libc") == {"name": "glibc", "version": "2.35"}
    assert value(told, "system.distribution")["pretty_name"] == "Ubuntu 22.04"
    assert value(told, "python.version") == "3.10.12"
    assert value(told, "python.abi_tag") == "cp310"
    assert value(told, "python.executable") == "/usr/bin/python3"
    assert value(told, "python.packages")["numpy"] == "1.26.4"
    assert value(told, "python.pip")["version"] == "22.0.2"
    site = "/usr/local/lib/python3.10/dist-packages"
    assert value(told, "ort.distributions") == [
        {"name": "onnxruntime", "version": "1.19.2", "location": site, "missing": [], "changed": [], "files": 3}
    ]
    assert value(told, "ort.module") == {
        "file": f"{site}/onnxruntime/__init__.py",
        "kind": "package",
        "shadows": False,
        "location": site,
    }
    extension = value(told, "ort.extension")
    assert (extension["machine"], extension["glibc"], extension["python"]) == (arch, "2.28", "cp310")
    assert extension["glibcxx_here"] == "3.4.30"
    assert all(row["path"] for row in extension["needed"])
    report = judged(tmp_path)
    assert (report.verdict, report.findings) == ("healthy", [])
    last = text.render(report, told, recorded.causes()).splitlines()[-1]
    assert "Healthy by its files (nothing was run, imported or loaded): nothing is wrong." in last


def test_the_commands_are_said_to_be_for_inside(tmp_path: Path) -> None:
    system(tmp_path)
    report = judged(tmp_path)
    assert causes(report) == ["onnxruntime_not_installed"]
    assert report.findings[0].commands[-1].startswith("/usr/bin/python3 -m pip install onnxruntime==")
    said = text.render(report, document(tmp_path), recorded.causes())
    assert f"The commands are for inside it: chroot {tmp_path}" in said


def test_what_the_native_part_asks_for_is_compared_with_the_machine(tmp_path: Path) -> None:
    cases: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
        ("glibc", {"glibc": "2.27"}, {}, "glibc_too_old", "files"),
        ("cxx", {}, {"versions": ["GLIBC_2.17", "GLIBCXX_3.4.31"]}, "glibcxx_too_old", "files"),
        ("arch", {}, {"machine": ARM}, "wheel_tag_not_supported", "arch"),
        ("python", {}, {"tag": "311"}, "wheel_tag_not_supported", "python"),
        ("needs", {}, {"needed": ["libgomp.so.1", "ld-linux-x86-64.so.2"]}, "onnxruntime_import_fails", "files"),
        ("stack", {"glibc": "2.41"}, {"exec_stack": True}, "executable_stack_blocked", "files"),
    ]
    for name, box, build, cause, variant in cases:
        onnxruntime(system(tmp_path / name, **box), **build)
        report = judged(tmp_path / name)
        assert [(row.cause, row.variant, row.severity) for row in report.findings] == [(cause, variant, "error")], name


def test_damage_and_numpy_and_two_packages_and_shadows_are_told(tmp_path: Path) -> None:
    site = system(tmp_path / "cut")
    onnxruntime(site)
    native = next((site / "onnxruntime" / "capi").glob("*.so"))
    native.write_bytes(native.read_bytes()[:100])
    assert causes(judged(tmp_path / "cut")) == ["broken_onnxruntime_install"]
    native.unlink()
    assert causes(judged(tmp_path / "cut")) == ["broken_onnxruntime_install"]

    site = system(tmp_path / "numpy")
    onnxruntime(site, version="1.16.3")
    (site / "numpy-1.26.4.dist-info" / "METADATA").write_text("Name: numpy\nVersion: 2.1.0\n")
    assert causes(judged(tmp_path / "numpy")) == ["numpy2_abi_mismatch"]
    (site / "numpy-1.26.4.dist-info" / "METADATA").unlink()
    (site / "numpy-1.26.4.dist-info").rename(site / "other-1.dist-info")
    assert causes(judged(tmp_path / "numpy")) == ["python_dependency_missing"]

    for last, variant, told in (("onnxruntime", "cpu", "cpu_won_files"), ("onnxruntime-gpu", "gpu", "gpu_won")):
        site = system(tmp_path / variant)
        provider = {"onnxruntime/capi/libonnxruntime_providers_cuda.so": elf_file(needed=CUDA_NEEDS)}
        for name in sorted(["onnxruntime", "onnxruntime-gpu"], key=lambda name: name == last):
            gpu = name.endswith("gpu")
            onnxruntime(site, name, files=provider if gpu else {}, soname=name)
        report = judged(tmp_path / variant)
        assert (report.findings[0].cause, report.findings[0].variant) == ("both_cpu_and_gpu_packages", told)

    site = system(tmp_path / "shadow")
    onnxruntime(site)
    other = tmp_path / "shadow" / "root/.local/lib/python3.10/site-packages/onnxruntime"
    other.mkdir(parents=True)
    assert judged(tmp_path / "shadow").verdict == "healthy"  # a bare folder never wins over a package
    (other / "__init__.py").write_text("")
    assert "shadowed_or_source_dir_import" in causes(judged(tmp_path / "shadow"))


def gpu_root(root: Path, *, libraries: str | None, driver: bool) -> Path:
    """Lay out a system with a CUDA 12 build; ``libraries`` is the folder where CUDA's are, on the loader's path."""
    site = system(root)
    provider = {"onnxruntime/capi/libonnxruntime_providers_cuda.so": elf_file(needed=CUDA_NEEDS)}
    onnxruntime(site, "onnxruntime-gpu", "1.20.1", files=provider)
    if libraries:
        names = [name for name in CUDA_NEEDS if not name.startswith("libc.so")]
        write(root, {f"{libraries}/{name}": elf_file(soname=name) for name in names})
        entries = {name: f"{libraries}/{name}" for name in names}
        write(root, {"/etc/ld.so.cache": cache_file({**entries, "libc.so.6": f"{TRIPLET}/libc.so.6"})})
    if driver:
        name = f"{TRIPLET}/libcuda.so.550.54.14"
        write(root, {name: elf_file(soname="libcuda.so.1"), f"{TRIPLET}/libcuda.so.1": "-> libcuda.so.550.54.14"})
        write(root, {"/lib/modules/5.15.0/kernel/x": ""})
    return root


def test_a_gpu_build_with_everything_on_the_disk_is_healthy_by_its_files(tmp_path: Path) -> None:
    root = gpu_root(tmp_path, libraries="/usr/local/cuda-12.4/targets/x86_64-linux/lib", driver=True)
    write(root, {"/usr/local/cuda": "-> /usr/local/cuda-12.4"})
    write(root, {"/usr/local/cuda-12.4/lib64": "-> targets/x86_64-linux/lib"})
    write(root, {"/usr/local/cuda-12.4/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}}'})
    told = document(root)
    assert value(told, "gpu.driver_version") == "550.54.14"
    assert [row["path"] for row in value(told, "cuda.toolkits")] in (["/usr/local/cuda"], ["/usr/local/cuda-12.4"])
    assert {row["soname"] for row in value(told, "cuda.libraries") if row["loader"]} == {
        "libcublas.so.12",
        "libcudart.so.12",
        "libcudnn.so.9",
    }
    assert judged(root).verdict == "healthy"


def test_a_gpu_build_without_its_libraries_is_a_problem(tmp_path: Path) -> None:
    report = judged(gpu_root(tmp_path, libraries=None, driver=True))
    assert report.verdict == "problems"
    assert {"cuda_libs_missing", "cudnn_missing"} <= set(causes(report))


def test_libraries_of_another_major_are_named(tmp_path: Path) -> None:
    root = gpu_root(tmp_path, libraries=None, driver=True)
    write(root, {"/usr/local/cuda-11.8/bin/x": "", "/usr/local/cuda": "-> cuda-11.8"})
    assert [row["cuda"] for row in value(document(root), "cuda.toolkits")] == ["11.8"]
    write(root, {f"{TRIPLET}/libcudart.so.11.0": elf_file(soname="libcudart.so.11.0")})
    write(root, {f"{TRIPLET}/libcublas.so.11": elf_file(soname="libcublas.so.11")})
    assert "cuda_major_mismatch" in causes(judged(root))


def test_an_image_without_a_kernel_leaves_the_driver_open(tmp_path: Path) -> None:
    report = judged(gpu_root(tmp_path / "gpu", libraries="/usr/local/cuda/lib64", driver=False))
    assert (report.verdict, [row.question for row in report.undetermined]) == ("undetermined", ["nvidia_driver"])
    disk = gpu_root(tmp_path / "disk", libraries="/usr/local/cuda/lib64", driver=False)
    write(disk, {"/lib/modules/5.15.0/kernel/x": ""})
    assert causes(judged(disk)) == ["gpu_package_without_nvidia_gpu"]


def test_what_only_a_variable_of_the_image_could_put_on_the_path_is_left_open(tmp_path: Path) -> None:
    root = gpu_root(tmp_path, libraries=None, driver=True)
    names = [name for name in CUDA_NEEDS if not name.startswith("libc.so")]
    write(root, {f"/usr/local/cuda-12.4/lib64/{name}": elf_file(soname=name) for name in names})
    report = judged(root)
    assert [(row.cause, row.severity) for row in report.findings] == [("cuda_libs_not_on_loader_path", "warning")]
    assert [row.question for row in report.undetermined] == ["search_path"]


def test_a_jetson_is_told_by_its_files(tmp_path: Path) -> None:
    onnxruntime(system(tmp_path, ARM, "3.8"), machine=ARM, tag="38")
    release = "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, DATE: Tue Aug  1\n"
    write(tmp_path, {"/etc/nv_tegra_release": release})
    assert value(document(tmp_path), "system.jetson")["l4t"] == "35.4.1"
    assert causes(judged(tmp_path)) == ["cpu_only_package"]


def test_a_root_with_several_pythons_asks_which(tmp_path: Path) -> None:
    system(tmp_path)
    venv = tmp_path / "srv/app/.venv"
    onnxruntime(venv / "lib/python3.10/site-packages", version="1.18.1")
    write(
        tmp_path,
        {
            "/srv/app/.venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.10.12\nuv = 0.4.1\n",
            "/srv/app/.venv/bin/python": "-> /usr/bin/python3",
            "/opt/conda/conda-meta/python-3.11.9-h1234_0.json": "{}",
            "/opt/conda/bin/python3.11": elf_file(),
        },
    )
    told = document(tmp_path)  # only one of three has it
    assert value(told, "python.executable") == "/srv/app/.venv/bin/python"
    assert value(told, "python.environment") == {
        "kind": "venv",
        "path": "/srv/app/.venv",
        "tool": "uv",
        "externally_managed": False,
    }
    onnxruntime(tmp_path / "opt/conda/lib/python3.11/site-packages", tag="311")
    with pytest.raises(WantedError, match=r"several Pythons .*1\.19\.2.*1\.18\.1.*name one: --python /") as said:
        document(tmp_path)
    assert "/opt/conda/bin/python3.11" in str(said.value)
    conda = document(tmp_path, "/opt/conda/bin/python3.11")
    assert (value(conda, "python.version"), value(conda, "ort.version")) == ("3.11.9", "1.19.2")
    assert [row["version"] for row in value(conda, "ort.elsewhere")] == ["1.18.1"]
    outside = document(tmp_path, str(tmp_path / "opt/conda/bin/python3.11"))
    assert value(outside, "python.executable") == "/opt/conda/bin/python3.11"
    assert value(document(tmp_path, "/srv/app/.venv"), "python.executable") == "/srv/app/.venv/bin/python"
    with pytest.raises(ProbeError, match=r"there is no /usr/bin/python3\.7 inside .*; Pythons there: /usr/bin/python3"):
        document(tmp_path, "/usr/bin/python3.7")
    with pytest.raises(ProbeError, match=r"there is no /nowhere/python; expected the path"):
        gather(Wanted(static=True, python="/nowhere/python"))


def test_wrong_roots_are_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "disk" / "Windows").mkdir(parents=True)
    for root, words in (("nothing", "does not exist"), ("file", "not a folder"), ("disk", "a disk of Windows")):
        with pytest.raises(WantedError, match=words):
            document(tmp_path / root)


def test_links_never_lead_out_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "outside/onnxruntime").mkdir(parents=True)
    (tmp_path / "outside/onnxruntime/__init__.py").write_text("")
    root = tmp_path / "root"
    site = system(root)
    onnxruntime(site)
    write(
        root,
        {
            "/etc/escape": f"-> {tmp_path}/outside/onnxruntime/__init__.py",
            "/usr/climb": "-> ../../../../../../../../etc/hostname",
            "/usr/loop": "-> loop",
            "/usr/local/cuda": f"-> {tmp_path}/outside",
            "/usr/lib/python3": f"-> {tmp_path}/outside",
        },
    )
    context = static.root_context(str(root))
    for path in ("/etc/escape", "/usr/climb", "/../../etc/passwd", "/usr/local/cuda/onnxruntime", "/usr/lib/python3"):
        assert context.path(path).startswith(str(root) + "/")
        assert not Path(context.path(path)).exists()
    assert not os.path.lexists(context.path("/usr/loop/x"))
    assert context.glob("/usr/local/cuda/*") == []
    record = site / "onnxruntime-1.19.2.dist-info" / "RECORD"
    climbing = "onnxruntime" + "/.." * 9 + "/outside/onnxruntime/__init__.py"
    record.write_text(record.read_text() + climbing + ",,0\n")
    assert value(document(root), "ort.distributions")[0]["missing"] == [climbing]


def test_files_that_a_tool_linked_absolutely_are_whole(tmp_path: Path) -> None:
    """An installer may link packages to a cache by absolute links; they are those of the root."""
    site = system(tmp_path)
    onnxruntime(site)
    init = site / "onnxruntime" / "__init__.py"
    write(tmp_path, {"/root/cache/init.py": init.read_bytes()})
    init.unlink()
    init.symlink_to("/root/cache/init.py")
    assert value(document(tmp_path), "ort.distributions")[0]["missing"] == []
    assert judged(tmp_path).verdict == "healthy"


@pytest.mark.parametrize("old", [False, True])
def test_the_cache_is_read_in_both_formats(tmp_path: Path, old: bool) -> None:
    entries = {"liba.so.1": "/x/liba.so.1", "libb.so": "/y/libb.so"}
    assert static_loader.parse_cache(cache_file(entries, old=old)) == {name: [path] for name, path in entries.items()}
    write(tmp_path, {"/etc/ld.so.conf": "include ld.so.conf.d/*.conf\n/z  # last\n", "/z/libz.so.1": ""})
    write(tmp_path, {"/etc/ld.so.conf.d/b.conf": "/b\n", "/etc/ld.so.conf.d/a.conf": "/a\ninclude /etc/ld.so.conf\n"})
    context = Context("linux", "x86_64", {}, str(tmp_path), "/", static=True)
    assert static_loader.conf_folders(context) == ["/z", "/a", "/b"]
    assert static_loader.read_cache(context)[0] == {"libz.so.1": ["/z/libz.so.1"]}


@given(data=st.data())
def test_a_broken_cache_lists_less_and_never_raises(data: st.DataObject) -> None:
    whole = bytearray(cache_file({f"lib{at}.so.1": f"/x/lib{at}.so.1" for at in range(5)}, old=True))
    for _ in range(data.draw(st.integers(0, 10))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    static_loader.parse_cache(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@given(data=st.data())
@settings(max_examples=40)
def test_a_root_with_corrupted_files_gives_a_verdict(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("root")
    gpu_root(root, libraries="/usr/local/cuda/lib64", driver=True)
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    for path in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=4, unique=True)):
        path.write_bytes(data.draw(st.binary(max_size=600)))
    try:
        told = document(root)
    except WantedError:
        return
    report = judge(told, recorded.matrix())
    text.render(report, told, recorded.causes(), verbose=True)
    if report.verdict == "healthy":
        assert value(told, "ort.extension")["error"] is None


def test_this_machine_is_read_without_running_anything() -> None:
    told = gather(Wanted(static=True), "0")
    assert told["mode"] == "static"
    assert "root" not in told
    assert value(told, "python.executable") == sys.executable
    assert value(told, "python.version").split("+")[0] == ".".join(map(str, sys.version_info[:3]))
    assert set(value(told, "python.packages")) >= {"onnx", "numpy"}
    assert not {"ort.import", "ort.session", "gpu.nvidia_smi", "python.wheel_tags"} & set(told["facts"])
    judge(told, recorded.matrix())
    assert here().static is False


def test_a_model_is_read_for_a_root_as_well(tmp_path: Path) -> None:
    onnxruntime(system(tmp_path), version="1.10.0")
    model = tmp_path / "model.onnx"
    model.write_bytes(b"\x08\x08\x3a\x02\x62\x00\x42\x02\x10\x10")  # opset 16, IR 8
    told = document(tmp_path, model=str(model))
    assert value(told, "model.content")["opsets"] == {"ai.onnx": 16}
    report = judge(told, recorded.matrix())
    assert [(row.cause, row.variant) for row in report.findings] == [("opset_too_new", "upgrade")]


def test_what_cannot_be_read_is_no_proof_that_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who may read everything: the answer of the system is put in its place."""
    site = system(tmp_path)
    (tmp_path / "home/ann").mkdir(parents=True)
    closed: list[str] = [str(tmp_path / "home/ann")]
    monkeypatch.setattr(os, "access", lambda path, _mode: str(path) not in closed)
    report = judged(tmp_path)
    assert (report.verdict, report.findings) == ("undetermined", [])
    assert "/home/ann cannot be read" in document(tmp_path)["facts"]["ort.module"]["error"]
    onnxruntime(site)
    assert judged(tmp_path).verdict == "healthy"
    closed.append(str(site))
    assert judged(tmp_path).verdict == "undetermined"


def test_the_libraries_of_a_conda_environment_are_its_own(tmp_path: Path) -> None:
    system(tmp_path)
    provider = {"onnxruntime/capi/libonnxruntime_providers_cuda.so": elf_file(needed=["libcudart.so.12"])}
    write(
        tmp_path,
        {
            "/opt/conda/conda-meta/python-3.10.9-h1234_0.json": "{}",
            "/opt/conda/bin/python3.10": elf_file(interpreter="/lib64/ld.so"),
            "/opt/conda/lib/libcudart.so.12": elf_file(soname="libcudart.so.12"),
            "/lib/modules/5.15.0/kernel/x": "",
            f"{TRIPLET}/libcuda.so.1": "-> libcuda.so.550.54.14",
            f"{TRIPLET}/libcuda.so.550.54.14": elf_file(soname="libcuda.so.1"),
        },
    )
    site = tmp_path / "opt/conda/lib/python3.10/site-packages"
    onnxruntime(site, "onnxruntime-gpu", "1.20.1", files=provider)
    write(tmp_path, {"/opt/conda/lib/python3.10/site-packages/numpy-1.26.4.dist-info/METADATA": "Version: 1.26.4\n"})
    rows = value(document(tmp_path), "cuda.libraries")
    assert [(row["supply"], row["loader"]) for row in rows] == [("conda", False)]
    assert causes(judged(tmp_path)) == ["cuda_libs_not_on_loader_path"]
