"""Every command that a finding may carry is told apart: run here, or the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ortdoctor.diagnose.judge import judge
from ortdoctor.treat import steps
from tests import recorded

if TYPE_CHECKING:
    from pathlib import Path

PY = "/env/bin/python"


def kinds(*commands: str, uv: str | None = None) -> list[str]:
    return [step.kind for step in steps.steps(commands, PY, {"uv": uv})]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (f"{PY} -m pip install onnxruntime==1.20.1 'numpy<2'", steps.PIP),
        (f"{PY} -m pip uninstall -y onnxruntime", steps.PIP),
        (f"{PY} -m pip install --upgrade pip", steps.PIP),
        (f"{PY} -m ensurepip --upgrade", steps.ENSUREPIP),
        ("rm -rf -- /env/lib/python3.10/site-packages/onnxruntime", steps.REMOVE),
        ("export LD_LIBRARY_PATH=/a:/b${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}", steps.LOADER_PATH),
        ("unset CUDA_VISIBLE_DEVICES", steps.YOURS),
        ("export CUDA_VISIBLE_DEVICES=0", steps.YOURS),
        ("sudo apt-get install libcuda1", steps.YOURS),
        ("/other/bin/python -m pip install onnxruntime", steps.YOURS),
        ("curl -L -o x.whl https://somewhere/x.whl", steps.YOURS),
        (f"{PY} -m pip install onnxruntime; rm -rf /", steps.YOURS),
        (f"{PY} -m pip install $(cat names)", steps.YOURS),
        (f'{PY} -m pip download --index-url "$ORT_INDEX" -d wheels onnxruntime-gpu', steps.YOURS),
        (f"{PY} -m pip install not-there.whl", steps.YOURS),
        (f"{PY} -m pip install wheels/onnxruntime_gpu-1.19.2-*.whl", steps.YOURS),
        (f"{PY} -m pip install --find-links wheels onnxruntime-gpu==1.0", steps.YOURS),
        ("rm -rf -- /home/me", steps.YOURS),
        (f"{PY} -c 'print(1)'", steps.YOURS),
        ("an 'open quote", steps.YOURS),
        ("", steps.YOURS),
    ],
)
def test_what_a_command_is(command: str, kind: str) -> None:
    assert kinds(command) == [kind]


def test_a_search_path_names_its_folders() -> None:
    (step,) = steps.steps(["export LD_LIBRARY_PATH='/a b:/c'${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"], PY, {})
    assert step.folders == ["/a b", "/c"]


def test_what_is_removed_only_to_be_installed_by_hand_stays() -> None:
    told = steps.steps([f"{PY} -m pip uninstall -y a", f"{PY} -m pip install gone.whl"], PY, {})
    assert [step.kind for step in told] == [steps.YOURS, steps.YOURS]
    assert steps.changes(told) == []


def test_a_shell_of_the_users_does_not_stop_the_rest() -> None:
    assert kinds(f"{PY} -m pip install a", "unset CUDA_VISIBLE_DEVICES") == [steps.PIP, steps.YOURS]


def test_a_wheel_that_is_there_is_installed_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a-1-py3-none-any.whl").touch()
    monkeypatch.chdir(tmp_path)
    (step,) = steps.steps([f"{PY} -m pip install wheels/a-1-*.whl"], PY, {})
    assert step.argv[4:] == [str(tmp_path / "wheels" / "a-1-py3-none-any.whl")]


def test_uv_is_run_where_it_is() -> None:
    command = f"uv pip install --python {PY} onnxruntime"
    (step,) = steps.steps([command], PY, {"uv": "/bin/uv"})
    assert step.argv == ["/bin/uv", "pip", "install", "--python", PY, "onnxruntime"]


def test_without_uv_pip_is_fetched_first() -> None:
    told = steps.steps([f"uv pip uninstall --python {PY} onnxruntime"], PY, {"uv": None})
    assert [step.argv for step in told] == [
        [PY, "-m", "ensurepip", "--upgrade"],
        [PY, "-m", "pip", "uninstall", "-y", "onnxruntime"],
    ]


def test_a_new_environment_is_what_is_installed_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = steps.steps([f"{PY} -m venv ort-env", "ort-env/bin/python -m pip install a"], PY, {})
    assert [step.kind for step in told] == [steps.NEW_ENVIRONMENT, steps.PIP]
    assert told[0].argv[3:] == [str(tmp_path / "ort-env")]
    assert told[1].argv[0] == str(tmp_path / "ort-env" / "bin" / "python")


@pytest.mark.parametrize("name", [name for name in recorded.MACHINES if not name.startswith("windows")])
def test_every_recorded_machine_is_told_apart(name: str) -> None:
    document = recorded.machine(name)["document"]
    python = document["facts"]["python.executable"]["value"]
    for row in judge(document, recorded.matrix()).findings:
        for step in steps.steps(row.commands, python, {"uv": None}):
            assert step.argv or step.folders or step.why or step.kind == steps.LOADER_PATH, step
