"""The requirements.txt of a bundle: pinned for the target, and true about what can no longer be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from ortdoctor.diagnose.matrix_answers import INCOMPATIBLE

if TYPE_CHECKING:
    from ortdoctor.bundle.plan import BundlePlan
    from ortdoctor.bundle.targets import Choice, Pin
    from ortdoctor.diagnose.matrix import Matrix

_OTHERS = ("numpy", "opencv-python-headless")

_OLD_PIP = (
    "# A pip before 20.3, such as the one that comes with Python 3.6, does not see these wheels. Upgrade it first:",
    '#   python -m pip install --upgrade "pip<22"',
)


def requirements(plan: BundlePlan, matrix: Matrix, opset: int, ir: int) -> str:
    """Return the text of requirements.txt for a model of this ``opset`` and IR version."""
    if plan.choice is not None:
        return _removed(plan, plan.choice)
    if plan.packages or not plan.target.ort:
        return _measured(plan)
    return _by_python(plan, matrix, opset, ir)


def _by_python(plan: BundlePlan, matrix: Matrix, opset: int, ir: int) -> str:
    """One line for each Python: the newest release that has a wheel for it and loads the model."""
    too_old = [
        pin for pin in plan.target.pins if matrix.loads(pin.packages["onnxruntime"], opset, ir).value == INCOMPATIBLE
    ]
    pins = [pin for pin in plan.target.pins if pin not in too_old]
    lines = ["# python -m pip install -r requirements.txt", *_OLD_PIP]
    lines += [
        f"# {pin.marker}: nothing loads opset {opset} and IR {ir}; {pin.packages['onnxruntime']} is the last."
        for pin in too_old
    ]
    for name in ("onnxruntime", *_OTHERS):
        lines += [f"{name}=={pin.packages[name]}; {pin.marker}" for pin in pins]
    return "\n".join(lines) + "\n"


def _measured(plan: BundlePlan) -> str:
    """Pin what the machine of the facts has; a package that it lacks is pinned for each Python."""
    lines = [
        "# What the machine had when its facts were collected.",
        f"{plan.distribution}=={plan.version}",
    ]
    if plan.availability != "index":
        lines.insert(1, f"# Where {plan.distribution} {plan.version} is to be had: {plan.availability}.")
    for name in _OTHERS:
        have = {other: plan.packages[other] for other in _same_module(name) if other in plan.packages}
        lines += [f"{other}=={version}" for other, version in sorted(have.items())]
        if not have:
            lines += _pinned(plan.target.pins, name)
    return "\n".join(lines) + "\n"


def _same_module(name: str) -> tuple[str, ...]:
    """Any OpenCV will do; two of them in one environment overwrite each other."""
    if name != "opencv-python-headless":
        return (name,)
    return (name, "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")


def _removed(plan: BundlePlan, choice: Choice) -> str:
    table = "\n".join(
        f"#   CUDA {entry.cuda}: {plan.distribution}=={entry.version} (Python {', '.join(entry.pythons)})"
        for entry in plan.target.choices
    )
    pins = [pin for pin in plan.target.pins if _is_built_for(pin, choice.pythons)]
    lines = [
        f"# {plan.distribution} for CUDA 10 can no longer be installed from the index: every release up to 1.10.0",
        "# was removed there to make room. For a GPU you need a wheel (or a build) of the release for your CUDA:",
        table,
        "# Where to get one:",
        "#   - a wheel that was kept: a pip cache, an image or a mirror of your own, another box of the same kind;",
        "#   - on a Jetson with CUDA 10.2: NVIDIA's wheels in the Jetson Zoo (JetPack 4.4 to 4.6, Python 3.6);",
        f"#   - build it: the tag v{choice.version} of microsoft/onnxruntime with --use_cuda --build_wheel.",
        "# With the wheel at hand: install it by its path, then the lines below but the first. Never have both: they",
        "# share one folder and overwrite each other.",
        "#",
        "# The line below is the same release for the CPU, which does install. The bundle's smoke test then ends",
        "# with exit code 3: passed, but not on the expected provider.",
        *_OLD_PIP,
        f'onnxruntime=={choice.version}; python_version <= "{choice.pythons[-1]}"',
    ]
    for name in _OTHERS:
        lines += _pinned(tuple(pins), name)
    return "\n".join(lines) + "\n"


def _pinned(pins: tuple[Pin, ...], name: str) -> list[str]:
    return [f"{name}=={pin.packages[name]}; {pin.marker}" for pin in pins]


def _is_built_for(pin: Pin, pythons: tuple[str, ...]) -> bool:
    return any(SpecifierSet(pin.python).contains(version) for version in pythons)
