"""Which finding is treated: the root cause first, and of warnings only what nobody can have meant to have."""

from typing import List, Optional, Sequence, Set, Tuple

from ortdoctor.diagnose.findings import ERROR, WARNING, Finding

#: Warnings that are treated unasked: they work today by luck, and their cure takes nothing away. The others are
#: choices (the CPU package on a GPU machine, a patched file), and are treated where warnings count as problems.
_NEVER_MEANT = ("both_cpu_and_gpu_packages",)


def root(findings: Sequence[Finding], done: Set[Tuple[str, ...]], strict: bool) -> Optional[Finding]:
    """Return the first finding that is no consequence of another, matters, and has commands that were not run yet."""
    for row in findings:
        if matters(row, strict) and row.commands and tuple(row.commands) not in done:
            return row
    return None


def matters(row: Finding, strict: bool) -> bool:
    """Return whether a treatment is for this finding; what is only its consequence goes away with the cause."""
    if getattr(row, "under", None) is not None:
        return False
    if row.severity == ERROR:
        return True
    return row.severity == WARNING and (strict or row.cause in _NEVER_MEANT)


def left(findings: Sequence[Finding], strict: bool) -> List[Finding]:
    """Return the findings that matter and are still there."""
    return [row for row in findings if matters(row, strict)]
