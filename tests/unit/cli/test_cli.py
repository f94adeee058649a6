from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ortdoctor import __version__, data
from ortdoctor.bundle.targets import target_ids
from ortdoctor.cli import app

MACHINES = Path(__file__).resolve().parents[2] / "machines"
EXIT = {"healthy": 0, "problems": 1, "undetermined": 3}


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env={"NO_COLOR": "1", "COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def recorded(folder: Path, machine: str) -> Path:
    """Write what --save-facts would have written on a recorded machine."""
    path = folder / f"{machine}.json"
    document = json.loads((MACHINES / f"{machine}.json").read_text(encoding="utf-8"))["document"]
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def machines() -> list[str]:
    return sorted(path.stem for path in MACHINES.glob("*.json"))


def test_version() -> None:
    assert invoke("--version")[:2] == (0, f"ortdoctor {__version__}\n")


def test_help_of_bundle_names_every_target() -> None:
    _, out, _ = invoke("bundle", "--help")
    assert target_ids(data.compat_json("targets")) == ["cpu", "host", "cuda10"]
    assert "cpu, host or cuda10" in " ".join(out.split())


def test_an_unknown_option_is_wrong_usage() -> None:
    assert invoke("check", "--nonsense")[0] == 2


@pytest.mark.parametrize("machine", machines())
def test_the_exit_code_says_what_the_json_says(machine: str, tmp_path: Path) -> None:
    code, out, _ = invoke("check", "--json", "--facts", str(recorded(tmp_path, machine)))
    assert code == EXIT[json.loads(out)["verdict"]]


@pytest.mark.parametrize("machine", machines())
def test_strict_is_never_kinder(machine: str, tmp_path: Path) -> None:
    path = str(recorded(tmp_path, machine))
    code, out, _ = invoke("check", "--json", "--facts", path)
    warnings = [row for row in json.loads(out)["findings"] if row["severity"] == "warning"]
    assert invoke("check", "--strict", "--facts", path)[0] == (1 if warnings else code)


def test_ascii_prints_ascii(tmp_path: Path) -> None:
    _, out, _ = invoke("check", "--ascii", "--facts", str(recorded(tmp_path, machines()[0])))
    assert out
    assert out.isascii()


def test_saved_facts_are_judged_as_the_machine_was(tmp_path: Path) -> None:
    first = tmp_path / "box.json"
    source = str(recorded(tmp_path, machines()[0]))
    code, out, _ = invoke("check", "--json", "--save-facts", str(first), "--facts", source)
    again, text, _ = invoke("check", "--json", "--facts", str(first))
    assert (code, json.loads(out)) == (again, json.loads(text))
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "JSON"),
        ("nonsense", "JSON"),
        ("[]", "object"),
        ('{"schema": "ortdoctor.facts/99", "facts": {}}', "ortdoctor.facts/99"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_a_bad_record_is_a_sentence(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "box.json"
    path.write_text(text, encoding="utf-8")
    code, _, error = invoke("check", "--facts", str(path))
    assert code == 2
    assert error.startswith("ortdoctor: ")
    assert word in error


def test_a_missing_record_is_a_sentence(tmp_path: Path) -> None:
    code, _, error = invoke("check", "--facts", str(tmp_path / "none.json"))
    assert (code, "does not exist" in error) == (2, True)


def test_facts_and_python_exclude_each_other(tmp_path: Path) -> None:
    for other in (("--python", "python3"), ("--static",), ("--root", "/")):
        code, _, error = invoke("check", "--facts", str(tmp_path), *other)
        assert code == 2
        assert "give one of them" in error


@pytest.mark.parametrize("python", ["/nowhere/python", "/etc/passwd", "/"])
def test_an_interpreter_that_is_none_cannot_be_determined(python: str) -> None:
    code, _, error = invoke("check", "--python", python)
    assert code == 3
    assert error.startswith("ortdoctor: ")


def test_a_model_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="reading a model needs the extra cpu or gpu")
    for command in (["inspect"], ["bundle", "--target", "cpu"]):
        code, _, error = invoke(*command, str(tmp_path / "none.onnx"))
        assert (code, error.startswith("ortdoctor: ")) == (1, True)


def test_an_unknown_target_is_wrong_usage_and_names_those_that_are_known(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="recognising the sample needs the extra cpu or gpu")
    sample = data.template_path("sample/sample.onnx")
    code, _, error = invoke("bundle", str(sample), "--target", "tpu", "-o", str(tmp_path / "out"))
    assert code == 2
    assert all(target in error for target in ("cpu", "host", "cuda10"))
    assert not (tmp_path / "out").exists()


def test_inspect_prints_what_the_json_says() -> None:
    pytest.importorskip("onnxruntime", reason="recognising the sample needs the extra cpu or gpu")
    sample = str(data.template_path("sample/sample.onnx"))
    facts = json.loads(invoke("inspect", sample, "--json")[1])
    _, out, _ = invoke("inspect", sample)
    assert facts["scrfd"]["spec"]["form"] == "batched"
    assert "yes, batched form" in out
    assert f"ai.onnx {facts['opsets']['ai.onnx']}" in out
    assert all(name in invoke("inspect", sample, "--graph")[1] for name in ("Conv", "Sigmoid"))


def test_bundle_verify_and_a_changed_byte(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="packing the sample needs the extra cpu or gpu")
    pytest.importorskip("cv2", reason="packing the sample needs the extra cpu or gpu")
    sample, out = str(data.template_path("sample/sample.onnx")), tmp_path / "out"
    assert invoke("bundle", sample, "--target", "cpu", "-o", str(out))[0] == 0
    assert invoke("verify", str(out))[0] == 0
    with (out / "model.onnx").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    code, text, _ = invoke("verify", str(out))
    assert (code, "model.onnx" in text) == (1, True)
    report = json.loads(invoke("verify", str(out), "--json")[1])
    assert [row["file"] for row in report["problems"]] == ["model.onnx"]


def test_a_model_is_judged_with_a_recorded_machine(tmp_path: Path) -> None:
    facts = str(recorded(tmp_path, "linux-cpu-only"))
    sample = str(Path(__file__).resolve().parents[3] / "templates" / "sample" / "sample.onnx")
    code, out, _ = invoke("check", "--facts", facts, "--model", sample)
    assert code == 0
    assert "Model (sample.onnx, opset 11, IR version 6, 104 nodes, 303 KB)" in out
    page = tmp_path / "page.onnx"
    page.write_text("<!doctype html><html></html>")
    code, out, _ = invoke("check", "--facts", facts, "--model", str(page), "--json")
    assert (code, [row["id"] for row in json.loads(out)["findings"]]) == (1, ["corrupt_or_lfs_model"])


def test_files_alone_are_read_of_this_machine_and_of_a_root(tmp_path: Path) -> None:
    code, out, _ = invoke("check", "--static", "--json")
    assert json.loads(out)["mode"] == "static"
    assert code == EXIT[json.loads(out)["verdict"]]
    code, _, err = invoke("check", "--root", str(tmp_path))
    assert code == 2
    assert "should hold a Linux system" in err
    code, _, err = invoke("check", "--root", str(tmp_path), "--facts", str(recorded(tmp_path, "linux-cpu-only")))
    assert code == 2
    assert "give one of them" in err
    code, _, err = invoke("check", "--static", "--python", str(tmp_path / "python"))
    assert code == 3
    assert "expected the path of a Python interpreter" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fix"], "no terminal"),
        (["--yes"], "give --fix, too"),
        (["--fix", "--yes", "--facts", "FACTS"], "leave it out"),
        (["--fix", "--yes", "--static"], "leave it out"),
        (["--fix", "--yes", "--root", "/"], "leave it out"),
    ],
)
def test_a_fix_that_cannot_be_is_wrong_usage(arguments: list[str], said: str, tmp_path: Path) -> None:
    path = str(recorded(tmp_path, machines()[0]))
    code, out, error = invoke("check", *[path if word == "FACTS" else word for word in arguments])
    assert (code, out) == (2, "")
    assert said in error
