"""Harmless lines are no cause: not on a box that works, and not in the place of the line that tells."""

from __future__ import annotations

from typing import Any

import pytest

from ortdoctor.diagnose import noise
from ortdoctor.diagnose.judge import judge
from tests import recorded

LINES = {
    "threads": "[E:onnxruntime:Default, env.cc:228 ThreadMain] pthread_setaffinity_np failed for thread: 967793, "
    "index: 4, mask: {0, }, error code: 22 error msg: Invalid argument. Specify the number of threads explicitly so "
    "the affinity is not set.",
    "drm": "2025-10-13 14:56:01.17 [W:onnxruntime:Default, device_discovery.cc:164 DiscoverDevicesForPlatform] GPU "
    "device discovery failed: device_discovery.cc:89 ReadFileContents Failed to open file: "
    '"/sys/class/drm/card1/device/vendor"',
    "nodes": "[W:onnxruntime:, session_state.cc:1136 VerifyEachNodeIsAssignedToAnEp] Some nodes were not assigned to "
    "the preferred execution providers which may or may not have an negative impact on performance. e.g. ORT "
    "explicitly assigns shape related ops to CPU to improve perf.\n[W:onnxruntime:, session_state.cc:1138 "
    "VerifyEachNodeIsAssignedToAnEp] Rerunning with verbose output on a non-minimal build will show node assignments.",
    "placed": "[V:onnxruntime:, session_state.cc:1122 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on "
    "[CUDAExecutionProvider]. Number of nodes: 2426",
    "copies": "[W:onnxruntime:, transformer_memcpy.cc:74 ApplyImpl] 28 Memcpy nodes are added to the graph main_graph "
    "for CUDAExecutionProvider. It might have negative impact on performance (including unable to run CUDA graph).",
    "initializer": "[W:onnxruntime:, graph.cc:1231 Graph] Initializer backbone.bn1.bias appears in graph inputs and "
    "will not be treated as constant value/weight. This may fail some of the graph optimizations, like const folding.",
    "tracer": "TracerWarning: Converting a tensor to a Python boolean might cause the trace to be incorrect.",
    "cpu": "onnxruntime cpuid_info warning: Unknown CPU vendor. cpuinfo_vendor value: 0",
}


def noisy(name: str, **changes: Any) -> dict[str, Any]:
    """Return a recorded machine whose import and sessions print every harmless line, too."""
    facts = recorded.machine(name)["document"]["facts"]
    text = "\n".join(LINES.values())
    named: dict[str, Any] = {}
    if imported := facts["ort.import"]["value"]:
        said = [text, *imported.get("warnings", [])]
        named["ort.import"] = {**imported, "stderr": f"{text}\n{imported['stderr']}", "warnings": said}
    if sessions := facts["ort.session"]["value"]:
        named["ort.session"] = {
            kind: record and {**record, "stderr": f"{text}\n{record['stderr']}", **changes.get(kind, {})}
            for kind, record in sessions.items()
        }
    return recorded.document(named, name)


@pytest.mark.parametrize("name", ["linux-cpu-only", "linux-gpu-healthy-cuda12-wheels"])
def test_a_box_that_works_stays_healthy_and_quiet(name: str) -> None:
    report = judge(noisy(name), recorded.matrix())
    assert (report.verdict, report.findings, report.undetermined) == ("healthy", [], [])


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_a_machine_is_judged_the_same_with_them(name: str) -> None:
    quiet = judge(recorded.machine(name)["document"], recorded.matrix())
    loud = judge(noisy(name), recorded.matrix())
    assert loud.verdict == quiet.verdict
    assert loud.findings == quiet.findings


def test_a_silent_fallback_stays_silent() -> None:
    active = {"cuda": {"active": ["CPUExecutionProvider"]}}
    report = judge(noisy("linux-gpu-healthy-cuda12-wheels", **active), recorded.matrix())
    assert [row.cause for row in report.findings] == ["silent_cpu_fallback"]


@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
def test_each_line_is_dropped_and_what_stands_beside_it_is_kept(line: str) -> None:
    told = "libcublas.so.12: cannot open shared object file: No such file or directory"
    assert noise.without(f"{line}\n{told}") == told


@pytest.mark.parametrize(
    "line",
    [
        "[W:onnxruntime:Default, onnxruntime_pybind_state.cc:965] Failed to create CUDAExecutionProvider.",
        "[E:onnxruntime:Default, cuda_call.cc:118 CudaCall] CUDA failure 100: no CUDA-capable device is detected",
        "ImportError: numpy.core.multiarray failed to import",
    ],
)
def test_what_tells_is_kept(line: str) -> None:
    assert noise.without(line) == line
