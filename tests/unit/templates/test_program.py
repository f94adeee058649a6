"""``python scrfd.py``: what it prints, what it exits with, and that it never shows a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def _run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-B", str(folder / "scrfd.py"), *arguments],
        capture_output=True, encoding="utf-8", timeout=120, check=False, env={**os.environ, **env},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed, tmp_path / "a bundle")


def test_json_for_one_picture_is_an_object_and_for_several_a_list(bundle: Path) -> None:
    picture, golden = (
        str(bundle / "golden" / "input.png"),
        json.loads((bundle / "golden/detections.json").read_text()),
    )
    one = _run(bundle, picture, "--json")
    assert (one.returncode, one.stderr) == (0, "")
    document = json.loads(one.stdout)
    assert document == {
        "image": picture,
        "provider": "CPUExecutionProvider",
        "detections": golden["detections"],
    }
    assert len(document["detections"]) == 2
    assert json.loads(_run(bundle, picture, picture, "--json").stdout) == [document, document]


def test_thresholds_are_those_given(bundle: Path) -> None:
    picture = str(bundle / "golden" / "input.png")
    counts = [
        len(json.loads(_run(bundle, picture, "--json", *more).stdout)["detections"])
        for more in ([], ["--nms", "0.99"], ["--score", "0.85"], ["--score", "0.99"])
    ]
    assert counts == [2, 3, 1, 0]


def test_the_faces_are_drawn_on_a_copy(bundle: Path, tmp_path: Path) -> None:
    source, target = bundle / "golden" / "input.png", tmp_path / "ven ku.png"
    done = _run(bundle, str(source), "-o", str(target))
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"{source}: 2 found on CPUExecutionProvider"
    drawn, before = (np.asarray(cv2.imread(str(path))) for path in (target, source))
    assert drawn.shape == before.shape
    assert not np.array_equal(drawn, before)


def test_a_bad_picture_does_not_cost_the_others(bundle: Path, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.jpg", str(bundle / "golden" / "input.png")
    bad.write_text("<html>404</html>")
    done = _run(bundle, str(bad), good, str(tmp_path / "none.jpg"), "--json")
    assert done.returncode == 1
    assert [row["image"] for row in json.loads(done.stdout)] == [good]
    assert [line.split(":", 1)[0] for line in done.stderr.splitlines()] == ["error", "error"]
    alone = _run(bundle, str(bad), "--json")
    assert (alone.returncode, alone.stdout) == (1, "")


@pytest.mark.parametrize(
    "arguments", [[], ["a.png", "--score", "much"], ["a.png", "b.png", "-o", "c.png"], ["a", "--no"]]
)
def test_wrong_usage_exits_with_2(bundle: Path, arguments: list[str]) -> None:
    done = _run(bundle, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: scrfd.py")


def test_another_provider_than_the_asked_one_is_told_on_standard_error(bundle: Path) -> None:
    done = _run(bundle, str(bundle / "golden" / "input.png"), "--json", "--provider", "NoSuchProvider")
    assert done.returncode == 0
    assert json.loads(done.stdout)["provider"] == "CPUExecutionProvider"
    assert done.stderr.startswith(
        "warning: NoSuchProvider is not active, CPUExecutionProvider is used: onnxruntime"
    )


def test_a_terminal_without_the_characters_of_a_name_is_no_error(bundle: Path) -> None:
    named = bundle / "顔.png"
    shutil.copy(bundle / "golden" / "input.png", named)
    done = _run(bundle, str(named), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\\u9854.png: 2 found" in done.stdout


@pytest.mark.parametrize("module", ["numpy", "onnxruntime", "cv2"])
def test_a_missing_library_is_a_sentence(bundle: Path, tmp_path: Path, module: str) -> None:
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    (fakes / f"{module}.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')\n")
    done = _run(bundle, str(bundle / "golden" / "input.png"), PYTHONPATH=str(fakes))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "libGL.so.1" in done.stderr


@pytest.mark.parametrize("name", ["spec.json", "model.onnx", "manifest.json"])
def test_a_damaged_bundle_is_a_sentence(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes(b"\x00\xff not what it was")
    done = _run(bundle, str(bundle / "golden" / "input.png"))
    assert done.returncode == 1
    assert name in done.stderr
