from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ortdoctor.treat import steps
from ortdoctor.treat.fetch import fetch

from .fakes import Fake

if TYPE_CHECKING:
    from pathlib import Path

#: A pip that answers --dry-run with a report and downloads nothing but says so.
REPORTS = """
if "--report" in rest:
    json = __import__("json")
    rows = [dict(metadata=dict(name=n, version=v), download_info=dict(url="https://x/y.whl")) for n, v in {rows!r}]
    json.dump(dict(install=rows), open(rest[rest.index("--report") + 1], "w"))
elif verb == "download":
    open(os.path.join(rest[rest.index("-d") + 1], {file!r}), "w")
"""


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path / "box")


def fetched(fake: Fake, folder: Path, pip: str | None, *commands: str) -> list[list[str]]:
    told = steps.steps(commands or fake.commands(), str(fake.python), {"uv": None})
    done = fetch(told, pip, str(folder), print)
    assert done.failed is None
    return [step.argv[4:] for step in done.steps]


def asked(fake: Fake, folder: Path) -> list[str]:
    return [words.replace(str(folder), "DIR") for words in fake.asked]


def test_an_old_pip_downloads_everything(fake: Fake, tmp_path: Path) -> None:
    assert fetched(fake, tmp_path, "9.0.1")[1][1:3] == ["--no-index", "--find-links"]
    assert asked(fake, tmp_path) == ["pip download -d DIR/1 onnxruntime==9"]


def test_a_new_pip_downloads_what_is_not_there_yet(fake: Fake, tmp_path: Path) -> None:
    fake.behave(REPORTS.format(rows=[("OnnxRuntime", "9"), ("nvidia_x", "1")], file="a.whl"))
    fetched(fake, tmp_path, "23.0")
    assert asked(fake, tmp_path) == [
        "pip install --dry-run --quiet --report DIR/1/report.json onnxruntime==9",
        "pip download -d DIR/1 --no-deps OnnxRuntime==9 nvidia_x==1",
    ]


def test_what_is_removed_first_is_downloaded_though_it_is_there_now(fake: Fake, tmp_path: Path) -> None:
    fake.behave(REPORTS.format(rows=[], file="a.whl"))
    remove = f"{fake.python} -m pip uninstall -y Onnx_Runtime"
    fetched(fake, tmp_path, "23.0", remove, f"{fake.python} -m pip install onnx-runtime==9 b")
    assert asked(fake, tmp_path)[1] == "pip download -d DIR/1 --no-deps onnx-runtime==9"


def test_nothing_is_downloaded_where_all_is_there(fake: Fake, tmp_path: Path) -> None:
    fake.behave(REPORTS.format(rows=[], file="a.whl"))
    fetched(fake, tmp_path, "23.0", f"{fake.python} -m pip install numpy")
    assert len(fake.asked) == 1


def test_a_source_archive_is_installed_with_the_index_at_hand(fake: Fake, tmp_path: Path) -> None:
    fake.behave(REPORTS.format(rows=[("a", "1")], file="a-1.tar.gz"))
    assert "--no-index" not in fetched(fake, tmp_path, "23.0")[1]


def test_a_pip_that_is_replaced_first_is_not_asked(fake: Fake, tmp_path: Path) -> None:
    python = fake.python
    commands = [f"{python} -m pip install --upgrade pip", f"{python} -m pip install onnxruntime"]
    assert fetched(fake, tmp_path, "9.0", *commands) == [["--upgrade", "pip"], ["onnxruntime"]]
    assert fake.asked == []


def test_a_report_of_an_unknown_form_means_that_all_is_downloaded(fake: Fake, tmp_path: Path) -> None:
    report = json.dumps({"install": [1]})
    fake.behave(
        f"if '--report' in rest: open(rest[rest.index('--report') + 1], 'w').write({report!r})\n"
        "else: open(os.path.join(rest[1], 'a.whl'), 'w')"
    )
    fetched(fake, tmp_path, "23.0")
    assert asked(fake, tmp_path)[1] == "pip download -d DIR/1 onnxruntime==9"


def test_uv_is_asked_whether_it_could(fake: Fake, tmp_path: Path) -> None:
    told = steps.steps([f"uv pip install --python {fake.python} a"], str(fake.python), {"uv": str(fake.python)})
    done = fetch(told, None, str(tmp_path), print)
    assert done.failed is None
    assert done.steps == told
    assert fake.asked == [f"install --python {fake.python} a --dry-run"]
