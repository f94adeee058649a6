"""The limits are what a release does: its models, its refusals, its crashes, and what was known before."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.interpreters import interpreter
from tools import measure_limits, measure_limits_wheels
from tools.import_facts import LISTING
from tools.import_facts_limits import prefer
from tools.measure_limits import BrokenRelease, LimitsFile, is_known, known, try_all
from tools.measure_limits_child import OPERATORS, model_of, varint
from tools.measure_limits_rows import Row, Trial, Wheel, bounds, measured, shortened, trials, unmeasured
from tools.measure_limits_wheels import Choice, Interpreter, choose, runs_here

if TYPE_CHECKING:
    from collections.abc import Callable

TODAY = "2026-11-22"
NEWEST = {"opset": 12, "ir": 8, "ml_opset": 4}
WHEEL = Wheel("onnxruntime", "1.4.0", "onnxruntime-1.4.0-cp38-cp38-manylinux2010_x86_64.whl", "0" * 64, "3.8.18")
TOO_NEW = "InvalidGraph: [ONNXRuntimeError] : 10 : INVALID_GRAPH : No Op registered for Relu with domain_version of 11"


# The models


@pytest.mark.parametrize(("number", "content"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_varint(number: int, content: bytes) -> None:
    assert varint(number) == content


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_model_is_what_onnx_reads(operator: str) -> None:
    onnx = pytest.importorskip("onnx")
    kind = "ml_opset" if operator in ("Binarizer", "Scaler") else "opset"
    read = onnx.load_model_from_string(model_of(kind, 3 if kind == "ml_opset" else 13, operator))
    onnx.checker.check_model(read, full_check=True)
    imports = {entry.domain: entry.version for entry in read.opset_import}
    assert imports == ({"": 7, "ai.onnx.ml": 3} if kind == "ml_opset" else {"": 13})
    assert (read.ir_version, read.graph.node[0].op_type) == (3, operator)


def test_an_ir_trial_changes_the_ir_version_alone() -> None:
    assert model_of("ir", 9, "Relu") == model_of("opset", 7, "Relu").replace(b"\x08\x03", b"\x08\x09", 1)


def test_every_number_is_tried_with_every_operator() -> None:
    found = trials(NEWEST)
    assert len(found) == len(set(found)) == 4 * 6 + 4 * 6 + 2 * 4
    assert bounds([{"opset": 8, "ir": 4, "ml_opset": 1}, {"opset": 7, "ir": 3, "ml_opset": 1}])["opset"] == 12


# The child


def test_the_child_parses_on_its_floor() -> None:
    code = f"compile(open({str(measure_limits.CHILD)!r}, encoding='utf-8').read(), 'child', 'exec')"
    subprocess.run([interpreter("3.6"), "-c", code], check=True, timeout=60)


def test_the_onnxruntime_here_is_measured(tmp_path: Path) -> None:
    spec = find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        pytest.skip("onnxruntime is not installed here")
    site = Path(spec.origin).parents[1]
    wanted = [("opset", 7, "Relu"), ("opset", 99, "Relu"), ("ir", 8, "Conv"), ("ml_opset", 2, "Scaler")]
    results = try_all(Path(sys.executable), site, tmp_path, wanted)
    assert list(results) == wanted
    assert [trial for trial, refusal in results.items() if refusal is not None] == [("opset", 99, "Relu")]
    assert "till opset" in (results["opset", 99, "Relu"] or "")


#: A child that does to the trial of opset 9 what the test wants, and refuses from 11 on.
FAKE = """
import json, os, sys, time
with open(sys.argv[2], "a") as log:
    if {dies}:
        sys.exit("ImportError: libfoo.so.1: cannot open")
    log.write(json.dumps(dict(version="1.0")) + "\\n")
    for kind, number, operator in json.load(sys.stdin):
        if (kind, number) == ("opset", 9):
            {deed}
        log.write(json.dumps(dict(trial=[kind, number, operator], error="no" if number > 10 else None)) + "\\n")
        log.flush()
"""
WANTED: list[Trial] = [("opset", number, "Relu") for number in range(7, 13)]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[Trial, str | None]]:
    def run(deed: str = "pass", *, dies: bool = False, wanted: list[Trial] = WANTED) -> dict[Trial, str | None]:
        script = tmp_path / "child.py"
        script.write_text(FAKE.format(deed=deed, dies=dies), encoding="utf-8")
        monkeypatch.setattr(measure_limits, "CHILD", script)
        return try_all(Path(sys.executable), tmp_path, tmp_path, wanted)

    return run


def test_a_crash_is_the_refusal_of_its_own_trial(fake: Callable[..., dict[Trial, str | None]]) -> None:
    results = fake("os.abort()")
    assert set(results) == set(WANTED)
    assert "exit code -6" in (results["opset", 9, "Relu"] or "")
    assert [results["opset", number, "Relu"] for number in (8, 10, 11)] == [None, None, "no"]


def test_a_hang_is_ended(fake: Callable[..., dict[Trial, str | None]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_limits, "_CHILD_LIMIT", 2)
    results = fake("time.sleep(600)")
    assert results["opset", 9, "Relu"] == "the process ran past 2 seconds"
    assert results["opset", 12, "Relu"] == "no"


def test_a_release_that_does_not_import_is_given_up(fake: Callable[..., dict[Trial, str | None]]) -> None:
    with pytest.raises(BrokenRelease, match="libfoo"):
        fake(dies=True)


def test_a_release_that_always_crashes_is_given_up(fake: Callable[..., dict[Trial, str | None]]) -> None:
    with pytest.raises(BrokenRelease, match="exit code"):
        fake("os.abort()", wanted=[("opset", 7, "Abs")] + [("opset", 9, str(name)) for name in range(20)])


# Refusals


SOURCE = (
    "Fail: [ONNXRuntimeError] : 1 : FAIL : Load model from model.onnx failed:/onnxruntime_src/onnxruntime/core/graph"
)
IR_REFUSED = f"""{SOURCE}/model.cc:129 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::Logger&)
 Unsupported model IR version: 9, max supported IR version: 8
"""
OPSET_REFUSED = f"""{SOURCE}/model_load_utils.h:46 void f(const std::map<std::__cxx11::basic_string<char>, int>&)
 ONNX Runtime only *guarantees* support for models stamped with official released onnx opset versions. Opset 29 is under
 development and support for this is limited. The operator schemas and or other functionality may change before the
 next ONNX release. Current official support for domain ai.onnx is till opset 28.
"""
OPSET_SHORT = """Fail: ONNX Runtime only *guarantees* support for models stamped with official released onnx opset
 versions. ... Current official support for domain ai.onnx is till opset 28."""


@pytest.mark.parametrize(
    ("said", "short"),
    [
        (IR_REFUSED, "Fail: Unsupported model IR version: 9, max supported IR version: 8"),
        (OPSET_REFUSED, OPSET_SHORT.replace("\n", "")),
        ("OSError: /tmp/x/onnxruntime/capi/lib.so: cannot open", "OSError: lib.so: cannot open"),
        ("x" * 500, "x" * 236 + " ..."),
    ],
)
def test_a_refusal_is_shortened(said: str, short: str) -> None:
    assert shortened(said) == short


# Rows


def results(opset: int = 10, ir: int = 7, ml_opset: int = 2) -> dict[Trial, str | None]:
    limit = {"opset": opset, "ir": ir, "ml_opset": ml_opset}
    return {trial: TOO_NEW if trial[1] > limit[trial[0]] else None for trial in trials(NEWEST)}


def test_limits_of_a_release_that_enforces_them() -> None:
    row = measured(WHEEL, results(), NEWEST, TODAY)
    assert (row["enforced"], row["max_opset"], row["max_ir"], row["max_ml_opset"]) == (True, 10, 7, 2)
    assert row["refusal"]["opset"] == "InvalidGraph: No Op registered for Relu with domain_version of 11"
    assert "gaps" not in row


def test_a_release_that_takes_anything_enforces_nothing() -> None:
    row = measured(WHEEL, results(12, 8, 4), NEWEST, TODAY)
    assert (row["enforced"], row["max_opset"], row["max_ir"], row["max_ml_opset"]) == (False, None, None, None)
    assert "refusal" not in row


def test_the_gap_of_one_operator_is_no_limit() -> None:
    found = results()
    found["opset", 9, "Conv"] = "no kernel"
    row = measured(WHEEL, found, NEWEST, TODAY)
    assert (row["max_opset"], row["gaps"]) == (10, {"opset": {"Conv": [9]}})


def test_a_hole_is_no_limit_either() -> None:
    found = results()
    for operator in ("Identity", "Relu", "Abs", "Conv"):
        found["opset", 9, operator] = "no"
    with pytest.raises(ValueError, match="opset 9 is refused and 10 runs"):
        measured(WHEEL, found, NEWEST, TODAY)


def test_a_release_that_runs_nothing_is_broken() -> None:
    with pytest.raises(ValueError, match="not even opset 7 ran: InvalidGraph"):
        measured(WHEEL, results(opset=6), NEWEST, TODAY)


# Which wheel, which interpreter


P38, P312 = Interpreter("/p38", "cp38", "3.8.18"), Interpreter("/p312", "cp312", "3.12.1")
LINUX = "manylinux_2_27_x86_64.manylinux_2_28_x86_64"
PROJECTS = {
    "onnxruntime": {
        "1.4.0": {"manylinux2010_x86_64": ["cp37", "cp38"], "win_amd64": ["cp312"]},
        "1.17.0": {LINUX: ["cp38", "cp312"]},
        "1.40.0": {LINUX: ["cp318", "cp318t"]},
        "1.41.0": {"win_amd64": ["cp38"]},
    },
    "onnxruntime-gpu": {"1.4.0": {}, "1.20.2": {LINUX: ["cp312"]}, "1.42.0.dev1": {LINUX: ["cp312"]}},
}


@pytest.fixture
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.usefixtures("on_linux")
@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.0", ("onnxruntime", "cp38")),
        ("1.17.0", ("onnxruntime", "cp312")),
        ("1.20.2", ("onnxruntime-gpu", "cp312")),
        ("1.40.0", "its wheels are for cp318, cp318t, and no such interpreter is at hand"),
        ("1.41.0", "the index has no wheel of it for Linux x86_64"),
        ("0.2.0", "the index has no wheel of it for Linux x86_64"),
    ],
)
def test_the_newest_interpreter_with_a_wheel_is_chosen(version: str, expected: Any) -> None:
    found = choose(version, PROJECTS, "<2", [P312, P38])
    assert (found if isinstance(found, str) else (found.distribution, found.interpreter.tag)) == expected


def test_wheels_of_other_machines_do_not_run_here() -> None:
    assert runs_here(LINUX, "Linux", "x86_64")
    assert not runs_here("manylinux_2_27_aarch64", "Linux", "x86_64")
    assert not runs_here(LINUX, "Darwin", "x86_64")


def test_every_release_of_the_listing_is_known() -> None:
    assert known(PROJECTS) == ["0.2.0", "1.4.0", "1.17.0", "1.20.2", "1.40.0", "1.41.0"]


# What was known before


def test_a_measured_wheel_is_known_while_the_index_has_it() -> None:
    row = measured(WHEEL, results(), NEWEST, TODAY)
    assert is_known(row, PROJECTS, NEWEST)
    assert not is_known(row, {"onnxruntime": {"1.4.0": {"manylinux2010_x86_64": ["cp37"]}}}, NEWEST)
    assert not is_known(unmeasured("1.4.0", "no wheel", TODAY), PROJECTS, NEWEST)
    assert not is_known(None, PROJECTS, NEWEST)


def test_a_newer_onnx_is_tried_where_there_was_no_limit() -> None:
    newer = {**NEWEST, "opset": NEWEST["opset"] + 1}
    assert is_known(measured(WHEEL, results(), NEWEST, TODAY), PROJECTS, newer)
    assert not is_known(measured(WHEEL, results(12, 8, 4), NEWEST, TODAY), PROJECTS, newer)


def test_a_free_threaded_wheel_is_told_by_its_abi() -> None:
    file = f"onnxruntime-1.40.0-cp318-cp318t-{LINUX}.whl"
    row = measured(WHEEL._replace(version="1.40.0", file=file), results(), NEWEST, TODAY)
    assert is_known(row, {"onnxruntime": {"1.40.0": {LINUX: ["cp318t"]}}}, NEWEST)


def test_measuring_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "limits.json"
    assert LimitsFile(path).put(measured(WHEEL, results(), NEWEST, TODAY))
    before = path.read_bytes()
    assert not LimitsFile(path).put(measured(WHEEL, results(), NEWEST, "2027-01-01"))
    assert not LimitsFile(path).put(unmeasured("1.4.0", "the index was away", "2027-01-01"))
    assert path.read_bytes() == before
    assert LimitsFile(path).put(measured(WHEEL, results(opset=11), NEWEST, "2027-01-01"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["limits.json"]


def test_rows_are_in_the_order_of_releases(tmp_path: Path) -> None:
    file = LimitsFile(tmp_path / "limits.json")
    for version in ("1.10.0", "1.9.0", "1.24.0.dev1"):
        file.put(unmeasured(version, "no wheel", TODAY))
    written = json.loads((tmp_path / "limits.json").read_text(encoding="utf-8"))
    assert [row["version"] for row in written] == ["1.9.0", "1.10.0", "1.24.0.dev1"]


@pytest.mark.usefixtures("on_linux")
def test_a_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    broken = {"1.17.0"}

    def measure(choice: Choice, *_: object) -> Row:
        asked.append(choice.version)
        if choice.version in broken:
            return unmeasured(choice.version, "pip: no route", TODAY)
        python = choice.interpreter.tag
        platform = next(name for name in PROJECTS[choice.distribution][choice.version] if "manylinux" in name)
        file = f"onnxruntime-{choice.version}-{python}-{python}-{platform}.whl"
        return measured(Wheel(*choice[:2], file, "0" * 64, "3.8.18"), results(), NEWEST, TODAY)

    listing = tmp_path / "listing.json"
    listing.write_text(json.dumps({"projects": PROJECTS}), encoding="utf-8")
    monkeypatch.setattr("tools.measure_limits.LISTING", listing)
    monkeypatch.setattr(measure_limits, "measure", measure)
    monkeypatch.setattr(measure_limits, "interpreters", lambda: [P312, P38])
    monkeypatch.setattr(measure_limits, "bounds", lambda _: NEWEST)
    monkeypatch.setattr("sys.argv", ["measure_limits", "-o", str(tmp_path / "limits.json"), "--jobs", "1"])
    measure_limits.main()
    assert asked == ["1.4.0", "1.17.0", "1.20.2"]
    assert "2 measured, 4 not, 6 rows changed" in capsys.readouterr().out
    broken.clear()
    measure_limits.main()
    assert asked[3:] == ["1.17.0"]
    written = (tmp_path / "limits.json").read_bytes()
    measure_limits.main()
    assert asked[4:] == []
    assert (tmp_path / "limits.json").read_bytes() == written


@pytest.mark.heavy
def test_a_release_is_measured_through_pip(tmp_path: Path) -> None:
    listing = json.loads(LISTING.read_text(encoding="utf-8"))
    choice = choose("1.10.0", listing["projects"], "<2", measure_limits_wheels.interpreters())
    if isinstance(choice, str):
        pytest.skip(choice)
    newest = {"opset": 18, "ir": 10, "ml_opset": 4}
    row = measure_limits.measure(choice, measure_limits_wheels.Environments(tmp_path), newest, TODAY)
    assert (row["enforced"], row["max_opset"], row["max_ir"], row["max_ml_opset"]) == (True, 15, 8, 2), row
    assert row["refusal"]["ir"] == "Fail: Unsupported model IR version: 9, max supported IR version: 8"


# Measurements go before documents


def entry(kind: str, confidence: str, where: str, *fields: str) -> Row:
    return {"kind": kind, "where": where, "when": TODAY, "confidence": confidence, "fields": list(fields)}


def release(**row: Any) -> Row:
    document = entry("document", "doc", "a table", "ir", "ml_opset", "onnx", "opset")
    neighbour = entry("measurement", "derived", "1.4.1, the same minor release: its loader", "opset")
    base = {"version": "1.4.0", "opset": 10, "ir": 6, "ml_opset": 2, "enforced": True, "onnx": "1.5"}
    return {**base, **row, "evidence": [document, neighbour]}


def test_a_measurement_goes_before_a_document() -> None:
    (row,), (conflict,) = prefer([release()], [measured(WHEEL, results(), NEWEST, TODAY)])
    assert (row["opset"], row["ir"], row["ml_opset"], row["enforced"]) == (10, 7, 2, True)
    assert [(each["kind"], each["fields"]) for each in row["evidence"]] == [
        ("measurement", ["enforced", "ir", "ml_opset", "opset"]),
        ("document", ["ml_opset", "onnx", "opset"]),
    ]
    assert row["evidence"][0]["where"].startswith(f"limits:1.4.0: {WHEEL.file} under Python 3.8.18")
    told = [conflict[name] for name in ("topic", "a", "b", "chosen")]
    assert told == ["IR version of 1.4.0", "6", "7", "b"]
    assert [each["kind"] for each in conflict["evidence"]] == ["document", "measurement"]


def test_where_nothing_is_enforced_documents_keep_the_limits() -> None:
    (row,), conflicts = prefer([release(enforced=False)], [measured(WHEEL, results(12, 8, 4), NEWEST, TODAY)])
    assert (row["opset"], row["enforced"], conflicts) == (10, False, [])
    assert [each["fields"] for each in row["evidence"]] == [["enforced"], ["ir", "ml_opset", "onnx", "opset"]]


def test_a_release_that_was_not_measured_says_so() -> None:
    (row, other), conflicts = prefer([release(), release(version="1.5.0")], [unmeasured("1.4.0", "no wheel", TODAY)])
    assert [each["where"][:25] for each in row["evidence"]] == ["not measured (no wheel); "] * 2
    assert conflicts == []
    assert other == release(version="1.5.0")
