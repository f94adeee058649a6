"""Causes that the recorded machines do not show: one machine with a few facts changed for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor.diagnose.judge import Report, judge
from ortdoctor.diagnose.order import roots
from tests import recorded

if TYPE_CHECKING:
    from ortdoctor.diagnose.findings import Finding

GPU = "linux-gpu-healthy-cuda12-wheels"
BARE_GPU = "linux-no-cuda-libraries"
CPU = "linux-cpu-only"
EMPTY = "linux-no-onnxruntime"
WINDOWS = "windows10-cuda10.0-driver456"


def judged(base: str, **facts: Any) -> Report:
    named = {name.replace("__", "."): value for name, value in facts.items()}
    return judge(recorded.document(named, base), recorded.matrix())


def causes(report: Report) -> list[str]:
    """Return the root causes in their order."""
    return [finding.cause for finding in roots(report.findings)]


def only(report: Report) -> Finding:
    """Return the one root cause."""
    assert len(causes(report)) == 1, causes(report)
    return report.findings[0]


def below(report: Report) -> dict[str, str | None]:
    """Return each consequence and the cause that it stands under."""
    return {finding.cause: finding.under for finding in report.findings if finding.under}


def failed_import(error: str, **more: Any) -> dict[str, Any]:
    return {
        "ok": False,
        "error": error,
        "error_type": "ImportError",
        "warnings": [],
        "stderr": "",
        "exit": 1,
        **more,
    }


def test_an_import_error_without_a_word_is_told_by_what_is_not_installed() -> None:
    report = judged(CPU, ort__import=failed_import(""), python__packages={"onnxruntime": "1.22.0"})
    assert (only(report).cause, only(report).values) == ("python_dependency_missing", {"module": "numpy"})
    whole = judged(CPU, ort__import=failed_import(""), python__packages={"numpy": "1.26.4"})
    assert only(whole).cause == "onnxruntime_import_fails"


def cuda_session(**changes: Any) -> dict[str, Any]:
    cpu = {"requested": ["CPUExecutionProvider"], "active": ["CPUExecutionProvider"], "exit": 0}
    cuda = {"requested": ["CUDAExecutionProvider"], "active": ["CPUExecutionProvider"], "exit": 0, **changes}
    return {"cpu": cpu, "cuda": cuda}


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("/lib64/libstdc++.so.6: version `GLIBCXX_3.4.26' not found (required by x.so)", "glibcxx_too_old"),
        ("/lib/libm.so.6: version `GLIBC_2.27' not found (required by x.so)", "glibc_too_old"),
        (
            "x.so: cannot enable executable stack as shared object requires: Invalid argument",
            "executable_stack_blocked",
        ),
        ("libgomp.so.1: cannot allocate memory in static TLS block", "static_tls_exhausted"),
        ("something new", "onnxruntime_import_fails"),
        ("No module named 'google'", "python_dependency_missing"),
    ],
)
def test_import_errors(said: str, cause: str) -> None:
    finding = only(judged(CPU, ort__import=failed_import(said)))
    assert (finding.cause, finding.severity) == (cause, "error")


def test_a_missing_module_is_installed_under_the_name_of_its_distribution() -> None:
    finding = only(judged(CPU, ort__import=failed_import("No module named 'google'")))
    assert finding.commands == ["/home/user/venv/bin/python -m pip install protobuf"]


@pytest.mark.parametrize(
    ("signal", "cause"), [("SIGILL", "illegal_instruction"), ("SIGSEGV", "onnxruntime_import_crashes")]
)
def test_a_crash_at_import(signal: str, cause: str) -> None:
    crashed = failed_import(f"ended with {signal}", signal=signal, exit=-4)
    assert only(judged(CPU, ort__import=crashed)).cause == cause


@pytest.mark.parametrize("said", ["ended with SIGBUS", "cannot import name 'x' from 'onnxruntime.capi._pybind_state'"])
@pytest.mark.parametrize("how", ["missing", "changed"])
def test_damaged_files_are_the_cause_of_an_import_that_fails(said: str, how: str) -> None:
    row = {"name": "onnxruntime", "version": "1.23.2", "location": "/v", "files": 300, "missing": [], "changed": []}
    row[how] = ["onnxruntime/capi/onnxruntime_pybind11_state.cpython-310-x86_64-linux-gnu.so"]
    crashed = failed_import(said, signal="SIGBUS", exit=-7)
    report = judged(CPU, ort__import=crashed, ort__distributions=[row])
    assert (only(report).cause, only(report).variant) == ("broken_onnxruntime_install", how)


@pytest.mark.parametrize(
    ("version", "installs"),
    [("1.20.1", "onnxruntime==1.20.1"), ("1.0.0", "onnxruntime==1.23.2"), ("9.9.9", "onnxruntime==1.23.2")],
)
def test_a_damaged_release_is_put_back_where_it_fits(version: str, installs: str) -> None:
    row = {"name": "onnxruntime", "version": version, "location": "/v", "files": 300, "changed": []}
    row["missing"] = ["onnxruntime/capi/x.so"]
    report = judged(CPU, ort__distributions=[row], ort__version=version)
    assert report.findings[0].commands[-1].endswith(f"pip install {installs}")


def test_a_patched_python_file_does_not_explain_a_crash() -> None:
    row = {"name": "onnxruntime", "version": "1.23.2", "location": "/v", "files": 300, "missing": ["onnxruntime/NOTES"]}
    row["changed"] = ["onnxruntime/__init__.py"]
    crashed = failed_import("ended with SIGSEGV", signal="SIGSEGV", exit=-11)
    assert causes(judged(CPU, ort__import=crashed, ort__distributions=[row]))[0] == "onnxruntime_import_crashes"


def test_two_distributions_come_before_the_import_that_they_broke() -> None:
    row = {"version": "1.23.2", "location": "/v", "files": 300, "missing": [], "changed": ["onnxruntime/__init__.py"]}
    rows = [{**row, "name": "onnxruntime"}, {**row, "name": "onnxruntime-gpu"}]
    broken = failed_import("undefined symbol: x")
    assert causes(judged(CPU, ort__import=broken, ort__distributions=rows))[0] == "both_cpu_and_gpu_packages"


def test_dll_load_failed_is_the_visual_c_runtime() -> None:
    said = failed_import("DLL load failed while importing onnxruntime_pybind11_state: The specified module")
    assert causes(judged(WINDOWS, ort__import=said))[0] == "msvc_runtime_missing_or_old"


def test_a_masked_import_error_comes_after_the_native_cause() -> None:
    masked = failed_import(
        "cannot import name 'get_all_providers' from 'onnxruntime.capi._pybind_state' (x.py)",
        warnings=[
            "Cannot load onnxruntime.capi. Error: 'libcublas.so.10.0: cannot open shared object file: No such'."
        ],
    )
    report = judged(BARE_GPU, ort__import=masked)
    assert [(row.cause, row.severity) for row in report.findings] == [
        ("cuda_libs_missing", "error"),
        ("masked_native_import_error", "info"),
    ]
    unknown = only(
        judged(CPU, ort__import=failed_import("cannot import name 'RunOptions' from 'onnxruntime.capi._x'"))
    )
    assert (unknown.cause, unknown.variant, unknown.severity) == (
        "masked_native_import_error",
        "unknown",
        "error",
    )


def test_a_native_part_that_links_another_cuda() -> None:
    old = [
        {
            "name": "onnxruntime-gpu",
            "version": "1.4.0",
            "location": "/v",
            "missing": [],
            "changed": [],
            "files": 9,
        }
    ]
    report = judged(
        "linux-cuda12-libraries-with-cuda11-build",
        ort__distributions=old,
        ort__version="1.4.0",
        ort__cuda_build=None,
        ort__provider_libraries=[],
        ort__import=failed_import(
            "libcublas.so.10: cannot open shared object file: No such file or directory"
        ),
    )
    finding = only(report)
    assert (finding.cause, finding.variant) == ("cuda_major_mismatch", "import")
    assert finding.values["have"] == "12"


def test_a_local_folder_hides_the_installed_one() -> None:
    shadow = {
        "file": "/work/onnxruntime/__init__.py",
        "kind": "package",
        "shadows": True,
        "location": "/work/onnxruntime",
    }
    broken = judged(
        CPU, ort__module=shadow, ort__import=failed_import("no"), ort__session=ValueError("not tried")
    )
    assert (only(broken).cause, only(broken).severity) == ("shadowed_or_source_dir_import", "error")
    assert only(judged(CPU, ort__module=shadow)).severity == "warning"


def test_a_data_folder_of_that_name_does_not_make_it_installed() -> None:
    shadow = {"file": None, "kind": "namespace", "shadows": True, "location": "/work/onnxruntime"}
    report = judged(EMPTY, ort__module=shadow)
    assert causes(report)[:2] == ["onnxruntime_not_installed", "shadowed_or_source_dir_import"]


def test_files_that_are_gone_or_changed() -> None:
    row = {"name": "onnxruntime", "version": "1.23.2", "location": "/v", "files": 300}
    gone = judged(CPU, ort__distributions=[{**row, "missing": ["onnxruntime/tools/x.py"], "changed": []}])
    assert (only(gone).cause, only(gone).severity) == ("broken_onnxruntime_install", "warning")
    native = judged(CPU, ort__distributions=[{**row, "missing": ["onnxruntime/capi/libx.so"], "changed": []}])
    assert only(native).severity == "error"
    compiled = judged(
        CPU, ort__distributions=[{**row, "missing": [], "changed": ["onnxruntime/__init__.pyc"]}]
    )
    assert not compiled.findings


def test_a_gpu_distribution_whose_files_were_written_over() -> None:
    changed = ["onnxruntime/capi/onnxruntime_pybind11_state.so"]
    row = {
        "name": "onnxruntime-gpu",
        "version": "1.23.2",
        "location": "/v",
        "missing": [],
        "changed": changed,
    }
    finding = judged(CPU, ort__distributions=[row]).findings[0]
    assert (finding.cause, finding.variant) == ("broken_onnxruntime_install", "overwritten")


def test_a_session_that_fails_on_the_cpu() -> None:
    session = {"cpu": {"requested": ["CPUExecutionProvider"], "active": [], "error": "Fail: no", "exit": 0}}
    assert only(judged(CPU, ort__session=session)).cause == "cpu_session_fails"


@pytest.mark.parametrize(("signal", "severity"), [("SIGSEGV", "error"), (None, "warning")])
def test_a_release_of_numpy_1_that_imports_with_numpy_2(signal: str | None, severity: str) -> None:
    row = {"name": "onnxruntime", "version": "1.16.3", "location": "/v", "files": 300, "missing": [], "changed": []}
    cpu = {"requested": ["CPUExecutionProvider"], "active": ["CPUExecutionProvider"], "signal": signal, "exit": 0}
    finding = only(
        judged(
            CPU,
            ort__distributions=[row],
            ort__version="1.16.3",
            ort__session={"cpu": cpu},
            python__packages={"numpy": "2.1.0", "onnxruntime": "1.16.3"},
        )
    )
    assert (finding.cause, finding.severity) == ("numpy2_abi_mismatch", severity)
    assert finding.commands[-1].endswith("pip install 'numpy<2'")


def test_the_cpu_package_with_an_unknown_driver_is_undetermined() -> None:
    report = judged(CPU, gpu__driver_version=OSError("no answer"), gpu__cuda_api=OSError("no answer"))
    assert report.verdict == "undetermined"
    assert report.undetermined[0].question == "nvidia_gpu_present"
    assert set(report.undetermined[0].missing) == {"gpu.driver_version", "gpu.cuda_api"}


def test_an_unknown_driver_softens_what_may_not_matter() -> None:
    unknown = {
        "gpu__driver_version": OSError("no"),
        "gpu__cuda_api": OSError("no"),
        "gpu__devices": OSError("no"),
    }
    report = judged(BARE_GPU, **unknown, gpu__proc_driver=None, gpu__driver_cuda=None, system__pci_gpus=[])
    assert report.verdict == "undetermined"
    assert {row.severity for row in roots(report.findings)} == {"warning"}
    with_card = judged(BARE_GPU, **unknown, gpu__proc_driver=None, gpu__driver_cuda=None)
    assert with_card.verdict == "problems"


def test_a_container_that_was_started_without_its_gpu() -> None:
    finding = only(judged("linux-nvidia-card-without-driver", system__container="docker"))
    assert (finding.cause, finding.variant) == ("no_gpu_visible", "container")


def test_a_driver_whose_cuda_library_is_not_there_or_does_not_start() -> None:
    absent = only(judged(BARE_GPU, gpu__cuda_api=None, gpu__driver_cuda=None))
    assert absent.cause == "cuda_driver_library_missing"
    code = {"library": "libcuda.so.1", "init_code": 803, "init_name": "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}
    assert only(judged(BARE_GPU, gpu__cuda_api=code)).cause == "cuda_driver_fails"


@pytest.mark.parametrize("setting", ["", "-1", "-1,0", "NoDevFiles"])
def test_settings_that_hide_every_gpu(setting: str) -> None:
    finding = only(judged(BARE_GPU, python__env={"CUDA_VISIBLE_DEVICES": setting}))
    assert (finding.cause, finding.commands) == ("no_gpu_visible", ["unset CUDA_VISIBLE_DEVICES"])


@pytest.mark.parametrize("setting", ["0", "0,-1", "GPU-0000", "1"])
def test_settings_that_do_not(setting: str) -> None:
    assert "no_gpu_visible" not in causes(judged(BARE_GPU, python__env={"CUDA_VISIBLE_DEVICES": setting}))


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version", "driver_too_old"),
        ("CUDA failure 100: no CUDA-capable device is detected", "no_gpu_visible"),
        ("cudaErrorNoKernelImageForDevice:no kernel image is available", "gpu_arch_unsupported"),
        (
            "symbol cublasLt, version libcublasLt.so.12 not defined in file libcublasLt.so.12",
            "duplicate_cuda_libs",
        ),
        ("CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED ; GPU=0", "cudnn_runtime_failure"),
        ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", "gpu_out_of_memory"),
        ("Failed to load library libonnxruntime_providers_cuda.so with error: new", "cuda_provider_fails"),
        ("", "silent_cpu_fallback"),
    ],
)
def test_what_the_session_reports(said: str, cause: str) -> None:
    assert only(judged(GPU, ort__session=cuda_session(stderr=said))).cause == cause


def test_a_session_that_ends_the_process() -> None:
    finding = only(judged(GPU, ort__session=cuda_session(signal="SIGSEGV", exit=-11, error="ended")))
    assert (finding.cause, finding.variant) == ("cuda_provider_fails", "signal")


def test_the_gpu_list_is_no_session() -> None:
    finding = only(judged(GPU, ort__session=cuda_session()))
    assert finding.values["device"] == "GPU"


def test_without_measured_needs_the_error_text_names_the_library() -> None:
    said = (
        "Failed to load library x.so with error: libcudnn.so.9: cannot open shared object file: No such file"
    )
    report = judged(
        "linux-cudnn-missing",
        ort__provider_libraries=OSError("cannot be read"),
        ort__session=cuda_session(stderr=said),
    )
    assert only(report).cause == "cudnn_missing"


def test_unknown_libraries_on_disk_leave_the_cause_open() -> None:
    report = judged(
        BARE_GPU, cuda__libraries=OSError("no"), cuda__toolkits=OSError("no"), cuda__nvcc=OSError("no")
    )
    assert {row.question for row in report.undetermined} == {"cuda_libraries_on_disk", "cudnn_on_disk"}
    assert "cuda_libs_missing" not in causes(report)


def test_error_126_without_any_more_exact_fact() -> None:
    report = judged(
        WINDOWS,
        ort__provider_libraries=OSError("cannot be read"),
        cuda__libraries=OSError("cannot be listed"),
        ort__session=cuda_session(stderr='LoadLibrary failed with error 126 "" when trying to load "x.dll"'),
    )
    assert "windows_cuda_dll_missing" in causes(report)


def test_a_newer_cuda_by_the_compatibility_package_is_no_old_driver() -> None:
    report = judged("linux-driver470-with-cuda12-build", gpu__driver_cuda="12.2")
    assert "driver_too_old" not in [row.cause for row in report.findings if row.variant != "reported"]


def test_no_wheel_for_this_python_or_its_bits() -> None:
    old = judged(EMPTY, python__version="3.4.10", python__abi_tag="cp34m")
    assert "no_wheel_python_version" in causes(old)
    assert "no_wheel_platform" in causes(judged(EMPTY, python__bits=32))
    assert "no_wheel_platform" in causes(judged(EMPTY, system__arch="s390x"))


def test_pip_that_cannot_see_the_wheel_is_upgraded_first() -> None:
    tags = {"platforms": ["manylinux2014_x86_64", "linux_x86_64"], "manylinux2014": True}
    report = judged(EMPTY, python__pip={"version": "19.3.1"}, python__wheel_tags=tags)
    assert [row.cause for row in report.findings][:2] == ["pip_too_old_for_wheel", "onnxruntime_not_installed"]
    finding = report.findings[0]
    assert finding.commands[0] == "/home/user/venv/bin/python -m pip install --upgrade pip"
    assert finding.commands == report.plan.commands


def test_pip_is_upgraded_to_one_that_this_python_still_runs() -> None:
    tags = {"platforms": ["manylinux1_x86_64", "linux_x86_64"], "manylinux2014": False}
    old = {"python__version": "3.6.15", "python__abi_tag": "cp36m", "python__pip": {"version": "18.1"}}
    report = judged(EMPTY, python__wheel_tags=tags, **old)
    assert report.plan.commands[0] == "/home/user/venv/bin/python -m pip install --upgrade 'pip<22'"


def test_strict_counts_warnings() -> None:
    document = recorded.machine("wsl2-cpu-package")["document"]
    assert judge(document, recorded.matrix()).verdict == "healthy"
    assert judge(document, recorded.matrix(), strict=True).verdict == "problems"


def test_a_cuda_build_that_crashes_without_a_driver_is_no_warning() -> None:
    crashed = {"requested": ["CUDAExecutionProvider"], "active": [], "signal": "SIGSEGV", "exit": -11}
    whole = recorded.machine("cloud-gpu-package-without-gpu")["document"]["facts"]["ort.session"]["value"]
    finding = only(judged("cloud-gpu-package-without-gpu", ort__session={**whole, "cuda": crashed}))
    assert (finding.cause, finding.variant, finding.severity) == (
        "gpu_package_without_nvidia_gpu",
        "crashes",
        "error",
    )


def test_both_packages_where_no_gpu_can_be_used() -> None:
    rows = [
        {"name": name, "version": "1.22.0", "location": "/v"} for name in ("onnxruntime", "onnxruntime-gpu")
    ]
    finding = only(judged(CPU, ort__distributions=rows))
    assert (finding.cause, finding.severity) == ("both_cpu_and_gpu_packages", "warning")
    assert finding.commands[-1].endswith("install onnxruntime==1.22.0")


CHANGED = {"location": "/v", "files": 300, "missing": [], "changed": ["onnxruntime/capi/onnxruntime_pybind11_state.so"]}


@pytest.mark.parametrize(
    ("failure", "consequence"),
    [
        ({"error": "ended with SIGBUS", "signal": "SIGBUS"}, "onnxruntime_import_crashes"),
        ({"error": "ended with SIGILL", "signal": "SIGILL"}, "onnxruntime_import_crashes"),
        ({"error": "undefined symbol: x"}, "onnxruntime_import_fails"),
        ({"error": "cannot import name 'x' from 'onnxruntime.capi._pybind_state'"}, "masked_native_import_error"),
    ],
)
def test_how_an_import_fails_is_told_below_the_files_that_break_it(failure: dict[str, Any], consequence: str) -> None:
    row = {"name": "onnxruntime", "version": "1.23.2", **CHANGED}
    report = judged(CPU, ort__import=failed_import(**failure), ort__distributions=[row])
    assert only(report).cause == "broken_onnxruntime_install"
    assert below(report) == {consequence: "broken_onnxruntime_install"}


def test_an_import_that_two_distributions_broke_is_told_below_them() -> None:
    rows = [{"name": name, "version": "1.23.2", **CHANGED} for name in ("onnxruntime", "onnxruntime-gpu")]
    report = judged(CPU, ort__import=failed_import("undefined symbol: x"), ort__distributions=rows)
    assert causes(report)[0] == "both_cpu_and_gpu_packages"
    assert set(below(report).values()) == {"both_cpu_and_gpu_packages"}


def test_a_cause_that_an_error_names_is_not_put_down_to_two_distributions() -> None:
    rows = [{"name": name, "version": "1.23.2", **CHANGED} for name in ("onnxruntime", "onnxruntime-gpu")]
    glibc = failed_import("/lib/libm.so.6: version `GLIBC_2.27' not found (required by x.so)")
    report = judged(CPU, ort__import=glibc, ort__distributions=rows)
    assert below(report).get("glibc_too_old") is None
    assert "glibc_too_old" in causes(report)


def test_a_session_that_dies_of_numpy_2_is_told_below_it() -> None:
    row = {"name": "onnxruntime", "version": "1.16.3", "location": "/v", "files": 300, "missing": [], "changed": []}
    cpu = {"requested": ["CPUExecutionProvider"], "active": [], "signal": "SIGSEGV", "exit": -11}
    report = judged(
        CPU,
        ort__distributions=[row],
        ort__version="1.16.3",
        ort__session={"cpu": cpu},
        python__packages={"numpy": "2.1.0"},
    )
    assert below(report) == {"cpu_session_fails": "numpy2_abi_mismatch"}
    assert report.findings[1].variant == "signal"


def test_a_cuda_build_that_was_written_over_tells_what_a_program_gets() -> None:
    row = {"name": "onnxruntime-gpu", "version": "1.23.2", **CHANGED}
    gpu = {"gpu__driver_version": "535.104.05", "gpu__cuda_api": {"init_code": 0, "device_count": 1}}
    report = judged(CPU, ort__distributions=[row], **gpu)
    assert below(report) == {"silent_cpu_fallback": "broken_onnxruntime_install"}
    assert not any(finding.libraries for finding in report.findings)
    # Without a driver nobody misses the CUDA that is not there.
    assert below(judged(CPU, ort__distributions=[row])) == {}


@pytest.mark.parametrize(
    "name", ["linux-gpu-hidden-by-variable", "linux-cudnn-missing", "linux-nvidia-card-without-driver"]
)
def test_what_a_session_says_is_told_below_the_cause_that_explains_it(name: str) -> None:
    report = judged(name)
    assert below(report) == {"cuda_provider_fails": only(report).cause}
    silent = cuda_session()
    assert below(judged(name, ort__session=silent)) == {"silent_cpu_fallback": only(report).cause}
    assert below(judged(name, ort__session=OSError("not tried"))) == {}


def test_a_message_is_told_without_when_and_where_it_was_logged() -> None:
    logged = (
        "2026-11-23 00:19:37.891808677 [E:onnxruntime:Default, provider_bridge_ort.cc:2195 TryGetProviderInfo_CUDA] "
        "/x.cc:1778 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : "
        "Failed to load library libonnxruntime_providers_cuda.so with error: new"
    )
    finding = only(judged(GPU, ort__session=cuda_session(stderr=logged)))
    assert finding.values["error"] == "Failed to load library libonnxruntime_providers_cuda.so with error: new"


def test_health_is_never_claimed_without_the_facts_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(GPU).verdict == "healthy"
    # As if a rule forgot to ask for it.
    monkeypatch.setattr("ortdoctor.diagnose.needed.missing", lambda _facts: ["ort.session"])
    report = judged(GPU)
    assert report.verdict == "undetermined"
    assert [(row.question, row.missing) for row in report.undetermined] == [("environment_works", ["ort.session"])]
