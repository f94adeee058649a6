from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from ortdoctor import data
from ortdoctor.diagnose.plans_options import REJECTIONS
from tests.unit.cli.test_cli import invoke, machines, recorded

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads((data.folder("compat") / "schema" / "recommend.schema.json").read_text(encoding="utf-8"))

MISSION = ["--os", "windows", "--python", "3.7", "--driver", "411.31", "--cuda", "10.0", "--cudnn", "7.6"]
T4 = ["--os", "linux", "--arch", "x86_64", "--glibc", "2.31", "--python-version", "3.12", "--gpu", "7.5"]


def answer(*arguments: str) -> dict[str, Any]:
    code, out, error = invoke("recommend", "--json", *arguments)
    document: dict[str, Any] = json.loads(out)
    assert (code, error) == (0 if document["plans"] else 1, "")
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def test_the_vocabulary_of_rejections_is_the_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["rejected"]["items"]["properties"]["reason"]["enum"] == list(REJECTIONS)


@pytest.mark.parametrize("machine", machines())
def test_every_recorded_machine_gets_an_answer_of_the_schema(machine: str, tmp_path: Path) -> None:
    document = answer("--facts", str(recorded(tmp_path, machine)))
    assert [row["rank"] for row in document["plans"]] == list(range(1, len(document["plans"]) + 1))
    planned = {row["build"] for row in document["plans"]}
    assert not planned & {row["build"] for row in document["rejected"]}


@pytest.mark.parametrize(
    "arguments",
    [MISSION, [*T4, "--driver", "470.57.02"], ["--jetpack", "6.2"], ["--glibc", "musl"], ["--os", "linux"], ["--wsl"]],
)
def test_whatever_is_left_out_the_answer_fits_the_schema(arguments: list[str]) -> None:
    document = answer(*arguments)
    assert document["plans"] or arguments == ["--glibc", "musl"]


def test_the_page_has_commands_reasons_and_what_would_unlock_more() -> None:
    code, out, _ = invoke("recommend", *T4, "--driver", "470.57.02")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Best: onnxruntime-gpu 1.18.1 for CUDA 11.8 and cuDNN 8"
    assert "python -m pip install onnxruntime-gpu==1.18.1" in lines[1]
    assert any("driver 525.60.13 or newer allows onnxruntime-gpu 1.26.0" in line for line in lines)
    assert "(not known)" not in out


def test_the_page_of_the_mission_says_the_truth_and_the_fallback() -> None:
    _, out, _ = invoke("recommend", *MISSION)
    assert "Best: onnxruntime-gpu 1.1.2" in out
    assert "removed from the index" in out
    assert "Beside it: onnxruntime 1.14.1 on the CPU" in out


def test_nothing_for_alpine() -> None:
    code, out, _ = invoke("recommend", "--os", "linux", "--arch", "x86_64", "--glibc", "musl", "--python", "3.12")
    assert code == 1
    assert "No released wheel" in out
    assert "glibc" in out


def test_options_take_the_place_of_what_was_recorded(tmp_path: Path) -> None:
    path = str(recorded(tmp_path, "linux-driver470-with-cuda12-build"))
    before, after = answer("--facts", path), answer("--facts", path, "--driver", "535.104.05")
    assert before["plans"][0]["cuda"].startswith("11")
    assert after["plans"][0]["cuda"].startswith("12")


def test_the_extra_index_is_a_download_of_its_own() -> None:
    rows = [row for row in answer(*T4, "--driver", "470.57.02")["plans"] if row["source"] == "extra-index"]
    assert rows[0]["commands"][0] == (
        'python -m pip download --no-deps --index-url "$ONNXRUNTIME_CUDA_11_INDEX" -d wheels onnxruntime-gpu==1.21.1'
    )
    assert rows[0]["commands"][1].startswith("python -m pip install wheels/onnxruntime_gpu-1.21.1-*.whl ")


def test_the_model_is_read_where_it_is_given() -> None:
    sample = str(data.template_path("sample/sample.onnx"))
    model = answer(*T4, "--driver", "535.104.05", "--model", sample)["plans"][0]["model"]
    assert model == {"fits": True, "downgrade_to": None, "export_opset": 26}
    assert answer(*T4, "--driver", "535.104.05")["plans"][0]["model"] is None


def test_a_model_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    code, _, error = invoke("recommend", *T4, "--model", str(path))
    assert (code, error.strip()) == (1, f"ortdoctor: the model {path} does not exist.")
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    code, _, error = invoke("recommend", *T4, "--model", str(path))
    assert code == 1
    assert "git lfs pull" in error


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--python-version", "three"], "3.7"),
        (["--python", "3.7", "--python-version", "3.8"], "--python-version"),
        (["--python", "python3", "--os", "linux"], "--python"),
        (["--gpu", "fast"], "7.5"),
        (["--driver", "new"], "535.104.05"),
        (["--cuda", "ten"], "10.0"),
        (["--cudnn", "x"], "7.6"),
        (["--glibc", "old"], "2.17"),
        (["--jetpack", "1"], "4.6"),
        (["--facts", "/nowhere.json"], "does not exist"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(arguments: list[str], word: str) -> None:
    code, out, error = invoke("recommend", *arguments)
    assert (code, out) == (2, "")
    assert error.startswith("ortdoctor: ")
    assert word in error


def test_the_matrix_says_the_same_in_every_form() -> None:
    releases = [row["release"] for row in json.loads(invoke("matrix", "--json")[1])["releases"]]
    table = list(csv.reader(io.StringIO(invoke("matrix", "--csv")[1])))
    markdown = invoke("matrix", "--markdown")[1].splitlines()
    text = invoke("matrix")[1].splitlines()
    assert [row[0] for row in table[1:]] == releases
    assert [line.split(" | ")[0].strip("| ") for line in markdown[2:]] == releases
    assert [line.split()[0] for line in text[1 : len(releases) + 1]] == releases
    row = dict(zip(table[0], table[1 + releases.index("1.18.1")], strict=True))
    assert (row["opset"], row["IR"], row["CUDA"], row["Python"]) == ("21", "10", "11.8", "3.8-3.12")
    gone = dict(zip(table[0], table[1 + releases.index("1.1.2")], strict=True))
    assert (gone["opset"], gone["GPU wheel"], gone["CPU wheel"]) == ("11*", "removed", "index")


def test_a_release_is_explained_with_its_evidence() -> None:
    whole = json.loads(invoke("matrix", "explain", "1.26.0", "--json")[1])
    _, out, _ = invoke("matrix", "explain", "1.26.0")
    for row in [whole["release"], *whole["builds"]]:
        assert row["row"] in out.splitlines()
        assert all(entry["where"] in out for entry in row["evidence"])


@pytest.mark.parametrize(
    "arguments",
    [["explain"], ["explain", "99.0"], ["show", "1.0.0"], ["--json", "--csv"], ["explain", "1.0.0", "--csv"]],
)
def test_wrong_calls_of_matrix_are_sentences(arguments: list[str]) -> None:
    code, out, error = invoke("matrix", *arguments)
    assert (code, out, error.startswith("ortdoctor: ")) == (2, "", True)


def test_an_unknown_command_is_wrong_usage() -> None:
    assert invoke("nonsense")[0] == 2
