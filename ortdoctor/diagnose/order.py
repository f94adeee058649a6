"""The order that findings are told in: root causes first, and below each what follows from it."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ortdoctor.diagnose.findings import ERROR, INFO, SEVERITIES, Finding

#: What has to hold before what needs it: causes, or whole families of compat/causes.json. A cause that is named
#: counts before its family. What stands nowhere comes with the provider's own errors, before what is left over.
_STAGES: Tuple[Tuple[str, ...], ...] = (
    ("no_wheel", "onnxruntime_not_installed"),
    ("installed_in_other_environment", "shadowed_or_source_dir_import"),
    ("broken_onnxruntime_install",),
    ("python_dependency_missing", "python_dependency_broken"),
    ("glibc", "os_policy", "cpu", "numpy", "protobuf", "macos", "windows_import"),
    ("native_ort_conflict", "masked_import", "onnxruntime_import_crashes"),
    ("onnxruntime_import_hangs", "onnxruntime_import_fails"),
    ("both_cpu_and_gpu_packages", "autoinstall_overwrites_gpu_package"),
    ("cpu_session_fails",),
    ("wrong_package_for_gpu_vendor", "gpu_package_without_nvidia_gpu"),
    ("no_nvidia_driver", "cuda_driver_library_missing", "cuda_driver_fails", "driver_too_old"),
    ("no_usable_gpu",),
    ("gpu_arch",),
    ("cuda_libs", "windows_dll"),
    ("cudnn",),
    ("cuda_ep_absent",),
    ("cpu_only_package",),
    ("model_file", "model_version", "model_ops"),
)

_PROVIDER = next(at for at, stage in enumerate(_STAGES) if "cuda_ep_absent" in stage)

#: Consequence, and the causes that explain it wherever both are found. Rules that know more set ``under`` themselves.
_FOLLOWS: Dict[str, Tuple[str, ...]] = {
    "onnxruntime_not_installed": (
        "no_wheel_musl",
        "no_wheel_platform",
        "no_wheel_python_version",
        "pip_too_old_for_wheel",
    ),
    "installed_in_other_environment": ("onnxruntime_not_installed",),
    "broken_onnxruntime_install": ("both_cpu_and_gpu_packages",),
    "onnxruntime_import_fails": ("broken_onnxruntime_install", "both_cpu_and_gpu_packages"),
    "onnxruntime_import_crashes": ("broken_onnxruntime_install", "both_cpu_and_gpu_packages"),
    "masked_native_import_error": ("broken_onnxruntime_install", "both_cpu_and_gpu_packages"),
    "cpu_session_fails": ("numpy2_abi_mismatch", "broken_onnxruntime_install", "both_cpu_and_gpu_packages"),
    "cuda_major_mismatch": ("driver_too_old",),
    "cudnn_major_mismatch": ("driver_too_old",),
}


def arrange(found: Sequence[Finding], family: Callable[[str], str]) -> List[Finding]:
    """Return roots by severity and by what comes first, each with its consequences right after it.

    A consequence has no commands and is no error of its own; where it was one, its root is. ``family`` tells the
    family of a cause, ``""`` where it is not known.
    """
    by_cause = {row.cause: row for row in found}
    root_of = {row.cause: _root(row, by_cause) for row in found}
    groups: Dict[str, List[Finding]] = {row.cause: [] for row in found}
    for row in found:
        groups[root_of[row.cause] or row.cause].append(row)

    def place(row: Finding) -> Tuple[int, int]:
        return SEVERITIES.index(row.severity), _stage(row, family)

    def told(cause: str) -> List[Finding]:
        below = sorted((row for row in groups[cause] if row.cause != cause), key=place)
        worst = min((row.severity for row in groups[cause]), key=SEVERITIES.index)
        root = by_cause[cause]._replace(under=None, severity=worst)
        return [root] + [row._replace(under=cause, severity=INFO, commands=[]) for row in below]

    whole = [told(row.cause) for row in found if root_of[row.cause] is None]
    whole.sort(key=lambda group: place(group[0]))
    return [row for group in whole for row in group]


def roots(found: Sequence[Finding]) -> List[Finding]:
    """Return the findings that are no consequence of another."""
    return [row for row in found if row.under is None]


def _root(row: Finding, by_cause: Dict[str, Finding]) -> Optional[str]:
    """Return the first cause of the chain above ``row``; None where it is a root itself, or the chain a ring."""
    chain = [row.cause]
    above = _above(row, by_cause)
    while above is not None:
        if above in chain:
            return None
        chain.append(above)
        above = _above(by_cause[above], by_cause)
    return chain[-1] if len(chain) > 1 else None


def _above(row: Finding, by_cause: Dict[str, Finding]) -> Optional[str]:
    if row.under is not None:
        return row.under if row.under in by_cause and row.under != row.cause else None
    candidates = [cause for cause in _FOLLOWS.get(row.cause, ()) if cause in by_cause]
    if row.cause == "onnxruntime_not_installed":
        # Where some wheel fits, what keeps pip from newer ones is not why nothing is installed.
        candidates = [cause for cause in candidates if by_cause[cause].severity == ERROR]
    return candidates[0] if candidates else None


def _stage(row: Finding, family: Callable[[str], str]) -> int:
    if row.severity != ERROR and family(row.cause) == "no_wheel":
        return len(_STAGES)  # it keeps from newer releases only
    for name in (row.cause, family(row.cause)):
        for at, stage in enumerate(_STAGES):
            if name in stage:
                return at
    return _PROVIDER
