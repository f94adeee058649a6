"""Commands can be pasted: quoted for their shell, one line each, with the diagnosed interpreter."""

from __future__ import annotations

import shlex
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ortdoctor.diagnose import remedies
from ortdoctor.diagnose.facts import Facts
from tests import recorded


def facts(**values: Any) -> Facts:
    return Facts(recorded.document({name.replace("__", "."): value for name, value in values.items()}))


def test_posix_and_windows_quoting() -> None:
    posix = facts(
        system__os="linux", python__executable="/home/a user/bin/python", python__pip={"version": "24.0"}
    )
    assert remedies.install(posix, ["nvidia-cudnn-cu12==9.*"]) == [
        "'/home/a user/bin/python' -m pip install 'nvidia-cudnn-cu12==9.*'"
    ]
    windows = facts(
        system__os="windows", python__executable=r"C:\Program Files\py.exe", python__pip={"version": "24.0"}
    )
    assert remedies.install(windows, ["numpy<2", "onnx"], uninstall=["onnxruntime"]) == [
        r'"C:\Program Files\py.exe" -m pip uninstall -y onnxruntime',
        r'"C:\Program Files\py.exe" -m pip install "numpy<2" onnx',
    ]


def test_a_system_that_manages_its_python_gets_a_new_environment() -> None:
    managed = facts(
        system__os="linux",
        python__executable="/usr/bin/python3",
        python__environment={"kind": "system", "externally_managed": True},
        python__pip=None,
    )
    assert remedies.install(managed, ["onnxruntime==1.23.2"], uninstall=["onnxruntime-gpu"]) == [
        "/usr/bin/python3 -m venv ort-env",
        "ort-env/bin/python -m pip install onnxruntime==1.23.2",
    ]


def test_without_pip_it_is_fetched_or_uv_is_used() -> None:
    bare = {"system__os": "linux", "python__executable": "/v/bin/python", "python__pip": None}
    assert remedies.install(facts(**bare), ["onnx"])[0] == "/v/bin/python -m ensurepip --upgrade"
    made_by_uv = facts(
        **bare, python__environment={"kind": "venv", "tool": "uv", "externally_managed": False}
    )
    assert remedies.install(made_by_uv, ["onnx"], uninstall=["onnxruntime"]) == [
        "uv pip uninstall --python /v/bin/python onnxruntime",
        "uv pip install --python /v/bin/python onnx",
    ]


def test_only_a_folder_of_that_name_is_deleted() -> None:
    here = facts(system__os="linux", python__executable="python", python__pip={"version": "24.0"})
    assert remedies.remove(here, [], "/v/lib/onnxruntime") == ["rm -rf -- /v/lib/onnxruntime"]
    for folder in ("/", "/v/lib", "/onnxruntime/..", "/v/../onnxruntime", "onnxruntime", "/onnxruntime"):
        assert remedies.remove(here, [], folder) == []


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=30))
def test_a_quoted_word_is_one_word_of_one_line(word: str) -> None:
    quoted = remedies.quote(word, "linux")
    assert shlex.split(quoted) == ["".join(character for character in word if character.isprintable())]
    on_windows = remedies.quote(word, "windows")
    assert on_windows.isprintable()
    assert on_windows.count('"') in (0, 2)


def test_a_wheel_is_put_back_without_what_it_needs() -> None:
    box = facts(system__os="linux", python__executable="/v/bin/python", python__pip={"version": "24.0"})
    assert remedies.reinstall(box, ["nvidia-cudnn-cu12==9.1.0.70"]) == [
        "/v/bin/python -m pip install --force-reinstall --no-deps nvidia-cudnn-cu12==9.1.0.70"
    ]
    uv = {"kind": "venv", "path": "/v", "tool": "uv", "externally_managed": False}
    with_uv = facts(
        system__os="linux", python__executable="/v/bin/python", python__pip=None, python__environment=uv
    )
    assert remedies.reinstall(with_uv, ["a==1"]) == [
        "uv pip install --force-reinstall --no-deps --python /v/bin/python a==1"
    ]


def test_a_folder_is_taken_off_the_search_path() -> None:
    def without(folder: str, path: str, system: str = "linux") -> list[str]:
        return remedies.without_folder(facts(system__os=system, python__env={"LD_LIBRARY_PATH": path}), folder)

    assert without("/s", "/s") == ["unset LD_LIBRARY_PATH"]
    assert without("/s", "/a:/s/:/b c") == ["export LD_LIBRARY_PATH='/a:/b c'"]
    assert without("/s", "/a:/stubs") == []
    assert without("", "/a:") == []
    assert without("/s", "/s", "windows") == []
