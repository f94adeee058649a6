"""Whether a model runs: by its file, by the session over it, by the matrix where nothing could be loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.diagnose import model_texts
from ortdoctor.diagnose.judge import Report, judge
from ortdoctor.report import json as json_report
from ortdoctor.report import text
from tests import recorded

CPU = "linux-cpu-only"
GPU = "linux-gpu-healthy-cuda12-wheels"
EMPTY = "linux-no-onnxruntime"
CASES = Path(__file__).resolve().parents[4] / "shared" / "errors" / "cases.jsonl"

S: dict[str, Any] = {"requested": ["CPUExecutionProvider"], "active": ["CPUExecutionProvider"], "exit": 0}
ON_CUDA = {**S, "requested": ["CUDAExecutionProvider"], "active": ["CUDAExecutionProvider", "CPUExecutionProvider"]}


def model(opset: int = 11, ir: int = 6, **facts: Any) -> dict[str, Any]:
    """Return the facts of a plain model; ``facts`` are others, by the second part of their key."""
    named = {f"model.{name}": value for name, value in facts.items()}
    return {
        "model.file": {"path": "/m/net.onnx", "size": 100},
        "model.content": {"ir_version": ir, "opsets": {"ai.onnx": opset}, "nodes": 3},
        "model.operators": [{"domain": "ai.onnx", "name": "Relu", "count": 3, "where": "graph", "local": False}],
        "model.external_data": [],
        **named,
    }


def judged(base: str, facts: dict[str, Any]) -> Report:
    document = recorded.document(facts, base)
    report = judge(document, recorded.matrix())
    shown = text.render(report, document, recorded.causes(), verbose=True)
    assert "Model (net.onnx" in shown
    assert "(not known)" not in "".join(
        row["detail"] + row["remedy"]["text"]
        for row in json_report.document(report, document, recorded.causes(), "0")["findings"]
    )
    return report


def only(report: Report) -> tuple[str, str, str]:
    assert len(report.findings) == 1, report.findings
    found = report.findings[0]
    return found.cause, found.variant, found.severity


def refused(error: str, **more: Any) -> dict[str, Any]:
    return {"cpu": {**S, "active": [], "error": error, **more}}


def test_a_model_that_the_session_loads_is_healthy() -> None:
    assert judged(CPU, model(session={"cpu": S})).verdict == "healthy"
    assert judged(GPU, model(session={"cpu": S, "cuda": ON_CUDA})).verdict == "healthy"


def test_the_words_of_a_report_without_a_model_do_not_speak_of_one() -> None:
    document = recorded.machine(CPU)["document"]
    assert "Model" not in text.render(judge(document, recorded.matrix()), document, recorded.causes())


def test_where_nothing_was_loaded_the_matrix_judges() -> None:
    assert judged(CPU, model()).verdict == "healthy"
    new = judged(CPU, model(opset=99))
    assert only(new) == ("opset_too_new", "lower", "error")
    assert new.findings[0].values["to_opset"] == new.findings[0].values["max_opset"] < 99
    assert only(judged(CPU, model(ir=99))) == ("ir_version_too_new", "lower", "error")


def test_a_newer_release_that_fits_and_loads_the_model_is_the_remedy() -> None:
    old = {"ort.version": "1.10.0", "ort.distributions": [{"name": "onnxruntime", "version": "1.10.0"}]}
    report = judged(CPU, {**old, **model(opset=16, ir=8)})
    assert only(report) == ("opset_too_new", "upgrade", "error")
    finding = report.findings[0]
    assert "install" in finding.commands[-1]
    name, version = finding.values["fitting"].split()
    assert name == "onnxruntime"
    limits = recorded.matrix().limits(version)
    assert limits is not None
    assert limits.opset >= 16
    assert (finding.values["to_opset"], finding.values["max_ir"], finding.values["export_opset"]) == (15, 8, 15)


def test_a_release_that_takes_any_model_is_warned_of() -> None:
    old = {"ort.version": "1.0.0", "ort.distributions": [{"name": "onnxruntime", "version": "1.0.0"}]}
    for session in ({}, {"session": {"cpu": S}}):
        report = judged(CPU, {**old, **model(opset=13, ir=7, **session)})
        assert only(report) == ("opset_too_new", "not_enforced_upgrade", "warning")


def test_without_onnxruntime_the_plan_is_asked() -> None:
    causes = [row.cause for row in judged(EMPTY, model()).findings]
    assert causes == [row.cause for row in judge(recorded.machine(EMPTY)["document"], recorded.matrix()).findings]
    assert "opset_too_new" in [row.cause for row in judged(EMPTY, model(opset=99)).findings]


def test_a_broken_environment_is_not_blamed_on_the_model() -> None:
    name = "linux-half-removed-folder"
    before = judge(recorded.machine(name)["document"], recorded.matrix()).findings
    after = judged(name, model(session=RuntimeError("none works here at all"))).findings
    assert [row.cause for row in after] == [row.cause for row in before] != []


def test_a_session_without_an_answer_is_undetermined() -> None:
    report = judged(CPU, model(session=RuntimeError("gave no answer within 300 s")))
    assert (report.verdict, [row.question for row in report.undetermined]) == ("undetermined", ["model_loads"])
    unread = judged(CPU, {**model(), "model.content": RuntimeError("odd")})
    assert [row.question for row in unread.undetermined] == ["model_read"]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("not_found", "model_file_not_found"),
        ("unreadable", "model_file_permission"),
        ("too_large", "model_over_2gb"),
        ("truncated", "corrupt_or_lfs_model"),
        ("other", "corrupt_or_lfs_model"),
    ],
)
def test_a_file_that_is_no_model_is_told_whatever_else_is_known(code: str, cause: str) -> None:
    file = {"path": "/m/net.onnx", "size": 5, "code": code, "problem": "is something."}
    gone = RuntimeError("is something")
    assert only(judged(CPU, model(file=file, content=gone, operators=gone))) == (cause, "file", "error")


@pytest.mark.parametrize(("problem", "variant"), [("missing", "file"), ("outside", "outside"), ("short", "short")])
def test_external_data_is_told_by_its_file(problem: str, variant: str) -> None:
    rows = [{"location": f"w{at}.bin", "needs": 9, "size": 3, "problem": problem} for at in range(6)]
    report = judged(CPU, model(external_data=[{"location": "fine.bin"}, *rows]))
    assert only(report) == ("external_data_missing", variant, "error")
    assert report.findings[0].values["files"] == "w0.bin, w1.bin, w2.bin, w3.bin, +2"


#: What released wheels said of models that they refuse, measured with 1.0.0, 1.4.0, 1.16.3 and 1.32.0.
SAID = [
    (
        (
            "Load model from m.onnx failed:/src/onnxruntime/core/graph/model.cc:149 "
            "onnxruntime::Model::Model(onnx::ModelProto) Unsupported model IR version: 13, max supported IR version: 9"
        ),
        "ir_version_too_new",
        "Unsupported model IR version: 13, max supported IR version: 9",
    ),
    ("Failed to load model with error: Unknown model file format version.", "ir_version_too_new", None),
    (
        (
            "load_utils.h:46 void f(int) ONNX Runtime only *guarantees* support for models stamped with official "
            "released onnx opset versions. Opset 22 is under development. Current official support for domain "
            "ai.onnx is till opset 19."
        ),
        "opset_too_new",
        None,
    ),
    ("Fatal error: my.ops:Foo(-1) is not a registered function/op", "op_not_registered", None),
    ("Error in Node: : No Op registered for Foo with domain_version of 13", "op_not_registered", None),
    ("Could not find an implementation for ConvInteger(10) node with name ''", "kernel_not_implemented", None),
    ("NOT_IMPLEMENTED : Could not find an implementation for the node ConvInteger(10)", "kernel_not_implemented", None),
    ("7 : INVALID_PROTOBUF : Load model from cut.onnx failed:Protobuf parsing failed.", "corrupt_or_lfs_model", None),
    ("External data path validation failed for initializer: w.", "external_data_missing", None),
    ("1 : FAIL : GetFileLength for /m/gone.bin failed:Invalid fd was supplied: -1", "external_data_missing", None),
    ("SystemError : 2", "external_data_missing", None),
    ("Exception during initialization: std::bad_alloc", "model_needs_memory", None),
    ("INVALID_GRAPH : This is an invalid model. Type Error: Type 'tensor(string)'", "model_not_loaded", None),
    ("something that nobody has seen", "model_not_loaded", None),
]


@pytest.mark.parametrize(("error", "cause", "line"), SAID)
def test_what_a_session_says_names_the_cause(error: str, cause: str, line: str | None) -> None:
    found = judged(CPU, model(session=refused(error))).findings
    assert [row.cause for row in found] == [cause]
    assert (found[0].severity, found[0].values["error"]) == ("error", line or found[0].values["error"])


def test_an_operator_of_another_library_is_told_as_such() -> None:
    operators = [
        {"domain": "my.ops", "name": "Foo", "count": 1, "where": "graph", "local": False},
        {"domain": "local", "name": "Twice", "count": 1, "where": "graph", "local": True},
        {"domain": "com.microsoft", "name": "FusedConv", "count": 1, "where": "graph", "local": False},
    ]
    error = "Fatal error: my.ops:Foo(-1) is not a registered function/op"
    by_session = judged(CPU, model(operators=operators, session=refused(error)))
    assert only(by_session) == ("op_not_registered", "custom", "error")
    by_matrix = judged(CPU, model(operators=operators))
    assert only(by_matrix) == ("op_not_registered", "custom_matrix", "warning")
    assert by_matrix.findings[0].values["operator"] == "my.ops:Foo"


def test_a_crash_and_a_kill_are_told_apart() -> None:
    crash = judged(CPU, model(session=refused("x was ended by SIGSEGV", signal="SIGSEGV")))
    assert only(crash) == ("model_not_loaded", "signal", "error")
    killed = judged(CPU, model(session=refused("x was ended by SIGKILL", signal="SIGKILL")))
    assert only(killed) == ("model_needs_memory", "killed", "error")


def test_the_provider_that_loads_the_model_settles_it() -> None:
    cpu = refused("NOT_IMPLEMENTED : Could not find an implementation for Sin(22) node with name ''")["cpu"]
    on_gpu = judged(GPU, model(session={"cpu": cpu, "cuda": ON_CUDA}))
    assert (only(on_gpu), on_gpu.verdict) == (("kernel_not_implemented", "default", "info"), "healthy")
    full = {**ON_CUDA, "active": [], "error": "CUDA failure 2: out of memory ; Failed to allocate memory for requested"}
    assert only(judged(GPU, model(session={"cpu": S, "cuda": full}))) == ("gpu_out_of_memory", "default", "error")


@pytest.mark.skipif(not CASES.is_file(), reason="needs the cases of ../shared")
def test_reported_texts_on_models_are_known_by_their_cause() -> None:
    rows = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    wanted = {row["id"]: row["cause"] for row in rows if row["family"] in ("model_file", "model_version", "model_ops")}
    told = {row["id"]: model_texts.told(row["text"]) for row in rows if row["id"] in wanted}
    named = {key: entry.cause if entry else None for key, entry in told.items()}
    assert {key: (named[key], wanted[key]) for key in wanted if named[key] != wanted[key]} == {}
