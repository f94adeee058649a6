from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.bundle.members import name_problem, printable
from ortdoctor.bundle.readme import prose, quote
from ortdoctor.bundle.write import write_bundle
from tests.unit.model.made import constant_model, outputs_of, save

if TYPE_CHECKING:
    from pathlib import Path

    from ortdoctor.diagnose.matrix import Matrix

HOSTILE = "a\"b'c`d\n# e {x} __F__ </pre><script> \\ %s \u202e \x1b[31m"


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_a_quoted_text_stays_in_its_code_span(text: str) -> None:
    quoted = quote(text)
    assert re.fullmatch(r"`\"[ -_a-~]*\"`", quoted)
    assert not set("<>&|`") & set(quoted[1:-1])
    assert json.loads(quoted[1:-1]) == text


@given(st.text(min_size=1))
@settings(max_examples=200, deadline=None)
def test_prose_is_plain_or_quoted(text: str) -> None:
    assert prose(text) in {text, quote(text)}
    assert prose(text) == quote(text) or not set("`*_<>[]!#|\\\n&") & set(text)


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_a_printable_name_does_nothing_to_a_terminal(text: str) -> None:
    assert printable(text).isprintable()
    assert name_problem("golden/input.png") is None


def test_names_of_a_model_are_data_in_every_file(tmp_path: Path, matrix: Matrix, picture: Path, written: Path) -> None:
    outputs = {f"{HOSTILE}{name}": array for name, array in outputs_of("batched").items()}
    path = save(constant_model(outputs, input_name=HOSTILE, opset=12, ir=7), tmp_path, "it's {a} model.onnx")
    result = write_bundle(path, "cpu", tmp_path / "out", image=picture, matrix=matrix)
    spec = json.loads((result.path / "spec.json").read_text("utf-8"))
    assert spec["input"]["name"] == HOSTILE
    assert spec["levels"][0]["score"] == f"{HOSTILE}score_8"
    assert result.detections == 1
    for name in ("scrfd.py", "smoke_test.py", "requirements.txt"):
        assert (result.path / name).read_bytes() == (written / name).read_bytes()
    text = (result.path / "README.md").read_text("ascii")
    assert "\\u0060d\\n# e {x} __F__" in text
    assert "\n# e" not in text
    assert "it's" not in text
