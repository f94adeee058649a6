"""The order of what fits: no system change first, what was asked for, newest that fits, measured before documented."""

import re
from typing import List, Optional, Tuple

from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_rows import CONFIDENCES, Build
from ortdoctor.diagnose.plans_model import ModelNeeds, model_fit
from ortdoctor.diagnose.plans_options import GPU_DISTRIBUTION, Option
from ortdoctor.diagnose.plans_ways import KINDS
from ortdoctor.diagnose.versions import parse


def ranked(
    options: List[Option], matrix: Matrix, *, gpu_first: bool, model: Optional[ModelNeeds] = None
) -> List[Option]:
    """Return the options, the best first."""

    def first(option: Option) -> Tuple[bool, bool, bool, bool, int]:
        other = (option.build.distribution == GPU_DISTRIBUTION) is not gpu_first
        fit = model_fit(matrix, option.build.version, model)
        refuses = fit is not None and fit.fits is False
        return (option.way.changes_system, other, refuses, leaves_driver_open(option), source_order(option.build))

    # Several passes of a stable sort, the weakest reason first: versions cannot be negated in one key.
    # The order in which the ways came is the weakest.
    result = sorted(options, key=lambda option: CONFIDENCES.index(confidence(matrix, option.build)))
    result = sorted(result, key=lambda option: parse(option.build.version), reverse=True)
    return sorted(result, key=first)


def source_order(build: Build) -> int:
    """Return 0 where a command fetches the wheel, 1 where a person has to look it up first, 2 where it was removed."""
    if build.availability == "index" or has_file_address(build):
        return 0
    return 2 if build.availability == "removed" else 1


def has_file_address(build: Build) -> bool:
    """Return whether ``where`` is the address of the very wheel, not of a page about it."""
    return bool(build.where and re.match(r"https://\S+\.whl$", build.where))


def confidence(matrix: Matrix, build: Build) -> str:
    """Return how sure the weaker one of a build's CUDA version and its wheels' tags is."""
    fields = ("python", "cuda") if build.distribution == GPU_DISTRIBUTION else ("python",)
    return max((matrix.confidence(build.row_id, field) for field in fields), key=CONFIDENCES.index)


def leaves_driver_open(option: Option) -> bool:
    """Return whether only an unknown driver decides: a toolkit that is installed already was put there for a driver."""
    unknown = any(answer.reason == "driver_unknown" for answer in option.unclear)
    return unknown and KINDS.index(option.way.kind) in (KINDS.index("wheels"), KINDS.index("torch"))
