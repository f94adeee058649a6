"""``python smoke_test.py``: what passes, what fails, and that a crash is a row and not an end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.templates import bundles

if TYPE_CHECKING:
    from pathlib import Path

smoke = bundles.load_script("smoke_test")
steps = bundles.load_script("smoke_steps")


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed, tmp_path / "bundle")


def _run(folder: Path, *arguments: str, **env: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Return the exit code, the rows by step and the report."""
    runs = [] if "--runs" in arguments else ["--runs", "2"]
    done = subprocess.run(
        [sys.executable, "-B", str(folder / "smoke_test.py"), "--json", *runs, *arguments],
        capture_output=True, encoding="utf-8", timeout=120, check=False, env={**os.environ, **env},
        cwd=folder.parent,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    report = json.loads(done.stdout)
    assert report["exit"] == done.returncode
    return done.returncode, {row["step"]: row for row in report["steps"]}, report


def _statuses(rows: dict[str, Any]) -> dict[str, str]:
    return {step: row["status"] for step, row in rows.items()}


def _in_process(folder: Path) -> dict[str, Any]:
    """Do the steps without a child, which is quicker; return the rows by step."""
    messages: list[dict[str, Any]] = []
    bundles.load_script("smoke_steps", folder).work(["CPUExecutionProvider"], 0, messages.append)
    rows = [smoke.Row(*message["row"]) for message in messages if "row" in message]
    return {row.step: row._asdict() for row in rows}


def _files(folder: Path) -> dict[str, Any]:
    manifest = json.loads((folder / "manifest.json").read_text())
    row: dict[str, Any] = bundles.load_script("smoke_test", folder).check_files(manifest)._asdict()
    return row


def _failed(rows: dict[str, Any]) -> set[str]:
    return {step for step, row in rows.items() if row["status"] == "fail"}


PASSED = dict.fromkeys(("files", *smoke.STEPS), "pass")


def test_an_untouched_bundle_passes_and_stays_as_it_was(bundle: Path) -> None:
    before = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*"))
    code, rows, report = _run(bundle)
    assert code == 0
    assert _statuses(rows) == PASSED
    assert report["active_providers"] == ["CPUExecutionProvider"]
    assert rows["detections"]["data"]["matched"] == 2
    assert rows["latency"]["data"]["milliseconds"]["whole"]["runs"] == 2
    after = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*"))
    assert after == sorted([*before, "smoke_report.json"])
    assert json.loads((bundle / "smoke_report.json").read_text()) == report
    assert (
        _run(bundle)[1]["files"]["status"] == "pass"
    )  # the report and what the scripts leave are no difference


def test_the_table_has_a_line_for_each_step_and_the_verdict(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(bundle / "smoke_test.py"), "--runs", "0"],
        capture_output=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert [line[:4].strip() for line in lines[:-1]] == ["pass"] * 7 + ["skip"]
    assert lines[-1] == "pass (exit 0)"


def test_the_steps_that_the_parent_knows_are_those_of_the_child() -> None:
    assert tuple(name for name, _ in steps.STEPS) == smoke.STEPS
    assert steps.MARK == smoke.MARK


@pytest.mark.parametrize(
    "name", ["model.onnx", "scrfd.py", "spec.json", "golden/input.npy", "golden/detections.json"]
)
def test_one_changed_byte_fails_and_names_the_file(bundle: Path, name: str) -> None:
    path = bundle / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    row = _files(bundle)
    assert row["status"] == "fail"
    assert row["detail"].startswith(f"{name}: changed, its SHA-256 is ")


def test_a_changed_model_fails_the_program_and_is_named(bundle: Path) -> None:
    data = bytearray((bundle / "model.onnx").read_bytes())
    data[100] ^= 1
    (bundle / "model.onnx").write_bytes(data)
    code, rows, _ = _run(bundle, "--runs", "0")
    assert code == 1
    assert rows["files"]["detail"].startswith("model.onnx: changed")


def test_missing_longer_and_outlying_files_fail(bundle: Path) -> None:
    (bundle / "golden" / "output_3.npy").unlink()
    (bundle / "spec.json").write_text((bundle / "spec.json").read_text() + " ")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["../outside"] = {"sha256": "", "size": 0}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    size = manifest["files"]["spec.json"]["size"]
    assert _files(bundle)["data"]["faults"] == [
        "../outside: lies outside the bundle",
        "golden/output_3.npy: missing",
        f"spec.json: {size + 1} bytes instead of {size}",
    ]
    assert _failed(_in_process(bundle)) == {"raw outputs"}


def test_what_is_there_besides_is_told_and_what_the_scripts_write_is_not(bundle: Path) -> None:
    for name in ("extra.txt", "golden/more.npy", "out.png", "venv/bin/python", "__pycache__/scrfd.pyc"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).touch()
    row = _files(bundle)
    assert row["status"] == "warn"
    assert row["data"]["unexpected"] == ["extra.txt", "venv", "golden/more.npy"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"target": {"expected_providers": []}}',
        '{"files": {}, "target": {"expected_providers": []}}',
    ],
)
def test_a_manifest_that_is_of_no_use_fails(bundle: Path, text: str) -> None:
    (bundle / "manifest.json").write_text(text)
    code, rows, _ = _run(bundle)
    assert code == 1
    assert list(rows) == ["files"]
    assert rows["files"]["detail"].startswith("manifest.json is of no use: ")


#: What people get wrong in a port of the runner: (a text of scrfd.py, its replacement).
WRONG = {
    "blue and red exchanged": ('== "bgr" else reversed(planes)', '== "bgr" else planes'),
    "divided by 255": ("inside -= mean\n            inside *= factor", "inside /= 255"),
    "stretched": ("new_width, new_height, scale = letterbox(shape[1], shape[0], self._size)",
                  "new_width, new_height, scale = self._size + (self._size[1] / float(shape[0]),)"),
    "centred": ("return tensor, scale", "return np.roll(tensor, (64 - new_height) // 2, 2), scale"),
    "padded with gray": ("= -mean * factor", "= 0"),
    "another interpolation": ("cv2.INTER_LINEAR", "cv2.INTER_NEAREST"),
}  # fmt: skip


@pytest.mark.parametrize("fault", list(WRONG))
def test_wrong_preprocessing_fails_although_every_file_is_as_recorded(bundle: Path, fault: str) -> None:
    old, new = WRONG[fault]
    script = bundle / "scrfd.py"
    assert old in script.read_text()
    script.write_text(script.read_text().replace(old, new))
    assert _files(bundles.seal(bundle))["status"] == "pass"
    assert "preprocessing" in _failed(_in_process(bundle)) <= {"preprocessing", "detections"}


#: What must fail in the comparison of faces: how golden/detections.json is changed.
OFF = {
    "a box": lambda faces: faces[0]["bbox"].__setitem__(2, faces[0]["bbox"][2] + 1.1),
    "a score": lambda faces: faces[1].__setitem__("score", faces[1]["score"] - 0.011),
    "a keypoint": lambda faces: faces[1]["keypoints"][4].__setitem__(1, faces[1]["keypoints"][4][1] - 1.1),
    "no keypoints": lambda faces: faces[0].__setitem__("keypoints", None),
    "a face more": lambda faces: faces.append({"bbox": [0, 0, 9, 9], "score": 0.9, "keypoints": None}),
    "a face less": lambda faces: faces.pop(),
    "two on one": lambda faces: faces.__setitem__(1, faces[0]),
}


@pytest.mark.parametrize("fault", list(OFF))
def test_faces_are_compared_one_to_one_and_not_counted(bundle: Path, fault: str) -> None:
    path = bundle / "golden" / "detections.json"
    golden = json.loads(path.read_text())
    OFF[fault](golden["detections"])
    path.write_text(json.dumps(golden))
    assert _failed(_in_process(bundle)) == {"detections"}


def test_a_face_at_the_threshold_may_fall_on_either_side(bundle: Path) -> None:
    path = bundle / "golden" / "detections.json"
    golden = json.loads(path.read_text())
    golden["detections"].append({"bbox": [0, 0, 9, 9], "score": 0.505, "keypoints": None})
    path.write_text(json.dumps(golden))
    assert _failed(_in_process(bundle)) == set()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda raw: raw + 0.01, "is off by 0.0"),
        (lambda raw: raw[:, :-1], "has the shape"),
        (lambda raw: np.array([{"pickled": raw}], dtype=object), "allow_pickle"),
    ],
    ids=["value", "shape", "pickle"],
)
def test_raw_outputs_are_compared(bundle: Path, change: Any, match: str) -> None:
    path = bundle / "golden" / "output_4.npy"
    np.save(path, change(np.load(path)), allow_pickle=True)
    rows = _in_process(bundle)
    assert _failed(rows) == {"raw outputs"}
    assert match in rows["raw outputs"]["detail"]


def test_an_output_more_or_less_and_values_that_are_no_numbers_fail(bundle: Path) -> None:
    np.save(bundle / "golden" / "output_9.npy", np.zeros(3, np.float32))
    rows = _in_process(bundle)
    assert "the model gives only 9 outputs" in rows["raw outputs"]["detail"]
    np.save(bundle / "golden" / "input.npy", np.full((1, 3, 64, 64), np.nan, np.float32))
    rows = _in_process(bundle)
    assert "score_8 holds values that are no numbers" in rows["raw outputs"]["detail"]


def test_another_provider_than_expected_exits_with_3(bundle: Path) -> None:
    code, rows, report = _run(bundle, "--provider", "CUDAExecutionProvider")
    assert code == 3
    assert rows["session"]["status"] == "warn"
    assert rows["session"]["detail"].startswith(
        "on CPUExecutionProvider instead of CUDAExecutionProvider: onnxruntime"
    )
    assert (report["verdict"], report["expected_providers"]) == (
        "passed, but not on the expected provider", ["CUDAExecutionProvider"])  # fmt: skip


def test_another_version_than_planned_is_told(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["plan"]["version"] = "1.2.0"
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    rows = _in_process(bundle)
    assert rows["environment"]["status"] == "warn"
    assert "planned is onnxruntime 1.2.0, here is " in rows["environment"]["detail"]


def _fake(tmp_path: Path, name: str, text: str) -> str:
    folder = tmp_path / "fakes"
    folder.mkdir()
    (folder / f"{name}.py").write_text(text)
    return str(folder)


def test_without_opencv_pictures_are_skipped_and_faces_come_from_the_golden_input(
    bundle: Path, tmp_path: Path
) -> None:
    fakes = _fake(tmp_path, "cv2", "raise ImportError('libGL.so.1: cannot open shared object file')\n")
    code, rows, _ = _run(bundle, PYTHONPATH=fakes)
    assert code == 0
    assert _statuses(rows) == {**PASSED, "preprocessing": "skip"}
    assert "libGL.so.1" in rows["preprocessing"]["detail"]
    assert rows["detections"]["data"]["matched"] == 2
    assert set(rows["latency"]["data"]["milliseconds"]) == {"network"}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "the process was ended by SIGSEGV"),
        ("import os\nos._exit(7)\n", "the process ended with the code 7"),
        ("raise ImportError('libcublas.so.10: cannot open shared object file')\n", "libcublas.so.10"),
        ("import time\ntime.sleep(600)\n", "no answer within 2 s"),
        ("", "is no whole onnxruntime"),
        (
            "import os\nos.write(1, b'noise'); os.write(2, b'undefined symbol'); os.abort()\n",
            "undefined symbol",
        ),
    ],
    ids=["crash", "exit", "library", "hang", "hidden by an empty file", "abort"],
)
def test_an_onnxruntime_that_cannot_be_used_is_a_failed_import(
    bundle: Path, tmp_path: Path, text: str, match: str
) -> None:
    limit = ["--time-limit", "2"] if "sleep" in text else []
    code, rows, _ = _run(bundle, *limit, PYTHONPATH=_fake(tmp_path, "onnxruntime", text))
    assert code == 1
    assert _failed(rows) == {"import"}
    assert match in rows["import"]["detail"]
    assert rows["latency"] == {"step": "latency", "status": "skip", "detail": "not reached", "data": {}}


def test_a_crash_in_a_later_step_keeps_the_rows_before_it(bundle: Path) -> None:
    script = bundle / "scrfd.py"
    text = script.read_text().replace(
        "        cv2 = _import_cv2()\n        shape", "        os.abort()\n        shape"
    )
    script.write_text(text)
    code, rows, _ = _run(bundles.seal(bundle))
    assert code == 1
    assert (rows["raw outputs"]["status"], rows["preprocessing"]["status"]) == ("pass", "fail")
    assert rows["preprocessing"]["detail"].startswith("the process was ended by SIGABRT")


def test_a_crash_after_the_last_step_is_told_and_costs_nothing(bundle: Path) -> None:
    script = bundle / "scrfd.py"
    script.write_text(
        "import atexit, os\natexit.register(os.abort)\n" + script.read_text().split('"""', 2)[2]
    )
    code, rows, _ = _run(bundles.seal(bundle), "--runs", "0")
    assert code == 0
    assert rows["end"]["status"] == "warn"
    assert "SIGABRT" in rows["end"]["detail"]


def test_no_other_scrfd_and_nothing_in_the_bundle_takes_the_place_of_a_module(
    bundle: Path, tmp_path: Path
) -> None:
    (bundle.parent / "scrfd.py").write_text("raise RuntimeError('from the working folder')\n")
    fakes = _fake(tmp_path, "scrfd", "raise RuntimeError('from the path')\n")
    assert _run(bundle, "--runs", "0", PYTHONPATH=fakes, PYTHONSAFEPATH="1")[0] == 0
    (bundle / "onnxruntime").mkdir()
    (bundle / "onnxruntime" / "__init__.py").touch()
    code, rows, _ = _run(bundle)
    assert code == 1
    assert "is in the bundle's own folder and hides the real onnxruntime" in rows["import"]["detail"]


def test_a_report_that_cannot_be_written_is_told_and_does_not_fail(bundle: Path, tmp_path: Path) -> None:
    report = str(tmp_path / "no" / "r.json")
    done = subprocess.run(
        [sys.executable, str(bundle / "smoke_test.py"), "--runs", "0", "--report", report],
        capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "was not written to" in done.stderr
    assert "No such file or directory" in done.stderr


@pytest.mark.parametrize("arguments", [["--runs", "-1"], ["--runs", "x"], ["extra"], ["--what"]])
def test_wrong_usage_exits_with_2(bundle: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(bundle / "smoke_test.py"), *arguments],
        capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "usage: smoke_test.py" in done.stderr


# --- arithmetic ---

_FACES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20)).map(
        lambda box: {"bbox": [float(box[0]), float(box[1]), float(box[0] + box[2]), float(box[1] + box[3])]}
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(got=_FACES, want=_FACES)
def test_matching_is_one_to_one_and_loses_nobody(got: list[Any], want: list[Any]) -> None:
    pairs, lone = steps.match(got, want)
    assert len(pairs) * 2 + len(lone) == len(got) + len(want)
    assert all(steps._overlap(one["bbox"], other["bbox"]) >= steps.SAME_FACE for one, other in pairs)
    assert len({id(one) for one, _ in pairs}) == len(pairs)
    assert steps.match(got, got)[1] == []


def test_latency_figures_are_nearest_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, *[value for run in range(1, 21) for value in (0.0, 0.0, run / 1e3)][1:]])
    monkeypatch.setattr(steps.time, "perf_counter", lambda: next(clock))
    assert steps._timed(lambda: None, 20) == pytest.approx({"runs": 20, "median": 10.0, "p95": 19.0})
