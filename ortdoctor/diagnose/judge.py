"""Facts and the matrix in, a judgement out: what is asked, and what is asked only where it can be answered."""

from typing import Any, Dict, List, NamedTuple

from ortdoctor.diagnose import findings as told
from ortdoctor.diagnose import installed, loading, needed, order, plans
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.findings import ERROR, Finding, Undetermined
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.plans import Plan
from ortdoctor.diagnose.rules import driver, files, imports, install, model, packages, provider, python
from ortdoctor.diagnose.rules.case import Case, Result


class Report(NamedTuple):
    """A judgement: findings, questions left open, and what would be installed here.

    Of the findings root causes come first, the worst before the others, each with its consequences right after it.
    """

    verdict: str
    findings: List[Finding]
    undetermined: List[Undetermined]
    plan: Plan


def judge(document: Any, matrix: Matrix, strict: bool = False) -> Report:
    """Judge a facts document; ``strict`` counts warnings as problems.

    Raises :class:`ortdoctor.diagnose.facts.FactsDocumentError` where the document is not one of facts.
    """
    facts = Facts(document)
    case = Case(facts, matrix, installed.find(facts, matrix), plans.plan(facts, matrix))
    results = _results(case) + model.rules(case)
    found = _with_libraries(case, order.arrange(_once(results), lambda cause: _family(matrix, cause)))
    left_open = list({row.question: row for row in results if isinstance(row, Undetermined)}.values())
    if told.verdict(found, left_open) == told.HEALTHY and not facts.static:
        # The rules ask for these themselves; this net is for a rule that forgets to.
        lacking = needed.missing(facts)
        left_open = [Undetermined("environment_works", lacking)] if lacking else []
    return Report(told.verdict(found, left_open, strict=strict), found, left_open, case.plan)


def _once(results: List[Result]) -> List[Finding]:
    """Return the findings, each cause once: the same one from a second rule would only repeat itself."""
    found: Dict[str, Finding] = {}
    for row in results:
        if isinstance(row, Finding):
            found.setdefault(row.cause, row)
    return list(found.values())


def _family(matrix: Matrix, cause: str) -> str:
    try:
        return str(matrix.raw("causes:" + cause)["family"])
    except KeyError:
        return ""


def _with_libraries(case: Case, found: List[Finding]) -> List[Finding]:
    """Put what the loader does with the provider's libraries beside the first finding that it explains."""
    at = next((at for at, row in enumerate(found) if _about_libraries(case.matrix, row)), None)
    if at is None or case.cuda_works:
        return found
    return found[:at] + [found[at]._replace(libraries=loading.libraries(case))] + found[at + 1 :]


def _about_libraries(matrix: Matrix, row: Finding) -> bool:
    families = ("cuda_libs", "cudnn", "windows_dll")
    causes = ("cuda_provider_fails", "silent_cpu_fallback", "gpu_package_without_nvidia_gpu")
    # Files that another distribution wrote over have no provider that could load.
    return row.variant != "lost" and (row.cause in causes or _family(matrix, row.cause) in families)


def _results(case: Case) -> List[Result]:
    """Ask what must hold before what needs it: something to import, the import, one package, a session, CUDA."""
    absent = install.presence(case)
    if absent:
        return python.pip(case) + absent + python.wheels(case) + python.for_gpu(case) + driver.missing_for_cpu(case)
    failed = imports.failures(case)
    if failed:
        return packages.conflicts(case) + failed
    native = files.natives(case)
    if native:
        return packages.conflicts(case) + install.damage(case) + native
    numpy = imports.numpy_of_another_abi(case)
    if any(row.severity == ERROR for row in numpy):
        # Whatever fails after that may be its doing.
        fails = [row for row in provider.cpu_session(case) if isinstance(row, Finding)]
        return packages.conflicts(case) + numpy + fails
    results = packages.conflicts(case) + install.damage(case) + numpy + provider.cpu_session(case)
    listed = installed.lists_cuda(case.facts)
    if listed is None:
        return results + [Undetermined("providers", ["ort.available_providers"])]
    if listed:
        return results + provider.rules(case)
    return results + provider.lost(case, results) + packages.cpu_only(case) + driver.missing_for_cpu(case)
