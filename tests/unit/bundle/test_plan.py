from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ortdoctor.bundle.plan import BundlePlan, make_plan
from ortdoctor.bundle.requirements import requirements
from ortdoctor.bundle.targets import find
from ortdoctor.data import compat_json
from ortdoctor.errors import BundleError, UsageError

if TYPE_CHECKING:
    from ortdoctor.diagnose.matrix import Matrix


def plan(matrix: Matrix, target: str, facts: dict[str, Any] | None = None) -> BundlePlan:
    return make_plan(find(target, compat_json("targets")), matrix, facts)


def document(**facts: Any) -> dict[str, Any]:
    """Return a facts document; two underscores in a name stand for the dot."""
    named = {key.replace("__", "."): {"value": value, "source": "test", "error": None} for key, value in facts.items()}
    return {"schema": "ortdoctor.facts/1", "facts": named}


def installed(name: str = "onnxruntime-gpu", version: str = "1.17.0", **more: Any) -> dict[str, Any]:
    return document(ort__distributions=[{"name": name, "version": version}], ort__version=version, **more)


CUDA = {"cuda": {"active": ["CUDAExecutionProvider", "CPUExecutionProvider"]}}


def test_cpu_takes_the_newest_release_and_its_limits(matrix: Matrix) -> None:
    made = plan(matrix, "cpu")
    limits = matrix.limits(made.version)
    assert limits is not None
    assert (made.opset, made.ir) == (limits.opset, limits.ir)
    assert made.expected_providers == ("CPUExecutionProvider",)
    assert (made.distribution, made.availability) == ("onnxruntime", "index")


@pytest.mark.parametrize(
    ("facts", "version", "why"),
    [
        (None, "1.4.0", "not known"),
        (document(cuda__toolkits=[{"cuda": "10.0"}]), "1.1.2", "CUDA 10.0"),
        (document(cuda__libraries=[{"name": "cudart", "version": "10.2.89", "loader": True}]), "1.6.0", "CUDA 10.2"),
        (document(cuda__toolkits=[{"cuda": "10.1"}, {"cuda": "10.2"}]), "1.6.0", "newest of them"),
        (document(cuda__toolkits=[{"cuda": "11.8"}]), "1.4.0", "CUDA 11.8 only"),
        (document(cuda__toolkits=None, cuda__nvcc=[{"cuda": "10.0"}]), "1.1.2", "CUDA 10.0"),
        (document(cuda__toolkits=["garbage", 3]), "1.4.0", "not known"),
    ],
)
def test_cuda10_follows_the_toolkit_of_the_facts(
    matrix: Matrix, facts: dict[str, Any] | None, version: str, why: str
) -> None:
    made = plan(matrix, "cuda10", facts)
    assert (made.version, made.opset, made.ir, made.availability) == (version, 11, 6, "removed")
    assert made.expected_providers == ("CUDAExecutionProvider",)
    assert why in made.because[0]


def test_host_needs_facts_and_an_onnxruntime(matrix: Matrix) -> None:
    with pytest.raises(UsageError, match="needs the facts"):
        plan(matrix, "host")
    with pytest.raises(BundleError, match="no ONNX Runtime distribution"):
        plan(matrix, "host", document(system__os="linux"))


def test_host_expects_what_a_session_really_got(matrix: Matrix) -> None:
    assert plan(matrix, "host", installed(ort__session=CUDA)).expected_providers == ("CUDAExecutionProvider",)
    fell_back = {"cuda": {"active": ["CPUExecutionProvider"]}}
    assert plan(matrix, "host", installed(ort__session=fell_back)).expected_providers == ("CPUExecutionProvider",)
    assert plan(matrix, "host", installed()).expected_providers == ("CPUExecutionProvider",)


def test_host_keeps_to_the_limits_of_its_release(matrix: Matrix) -> None:
    made = plan(matrix, "host", installed("onnxruntime", "1.6.0"))
    assert (made.distribution, made.version, made.opset, made.ir) == ("onnxruntime", "1.6.0", 13, 7)


@pytest.mark.parametrize(
    ("name", "version"),
    [("onnxruntime\n--index-url=x", "1.17.0"), ("onnxruntime", "1.17.0\nevil"), ("onnxruntime", "1; rm"), (None, None)],
)
def test_names_of_recorded_facts_are_not_believed(matrix: Matrix, name: Any, version: Any) -> None:
    with pytest.raises(BundleError):
        plan(matrix, "host", installed(name, version))


def test_requirements_for_any_python(matrix: Matrix) -> None:
    lines = requirements(plan(matrix, "cpu"), matrix, 11, 6).splitlines()
    assert 'onnxruntime==1.10.0; python_version == "3.6"' in lines
    assert 'numpy==1.19.5; python_version == "3.6"' in lines
    assert not [line for line in lines if line.startswith("opencv-python==")]


def test_a_python_whose_last_release_is_too_old_for_the_model_is_left_out(matrix: Matrix) -> None:
    text = requirements(plan(matrix, "cpu"), matrix, 17, 8)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert not [line for line in lines if '"3.6"' in line]
    assert 'python_version == "3.6": nothing loads opset 17 and IR 8; 1.10.0 is the last.' in text
    assert 'onnxruntime==1.14.1; python_version == "3.7"' in lines


def test_requirements_tell_the_truth_about_removed_releases(matrix: Matrix) -> None:
    text = requirements(plan(matrix, "cuda10", document(cuda__toolkits=[{"cuda": "10.0"}])), matrix, 11, 6)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines[0] == 'onnxruntime==1.1.2; python_version <= "3.7"'
    assert not [line for line in lines if "onnxruntime-gpu" in line or "3.8" in line]
    for words in ("can no longer be installed", "CUDA 10.2: onnxruntime-gpu==1.6.0", "Jetson", "exit code 3"):
        assert words in " ".join(text.replace("\n#", " ").split())


def test_requirements_of_a_machine_are_what_it_has(matrix: Matrix) -> None:
    facts = installed(
        python__packages={"numpy": "1.26.4", "opencv-contrib-python": "4.9.0.80", "opencv-python": "4\n--evil"},
        ort__session=CUDA,
    )
    text = requirements(plan(matrix, "host", facts), matrix, 11, 6)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == ["onnxruntime-gpu==1.17.0", "numpy==1.26.4", "opencv-contrib-python==4.9.0.80"]
