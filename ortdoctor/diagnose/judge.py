"""Facts and the matrix in, a judgement out: the order in which causes are asked for."""

from typing import Any, Dict, List, NamedTuple

from ortdoctor.diagnose import findings as told
from ortdoctor.diagnose import installed, plans
from ortdoctor.diagnose.facts import Facts
from ortdoctor.diagnose.findings import ERROR, SEVERITIES, Finding, Undetermined
from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.plans import Plan
from ortdoctor.diagnose.rules import driver, imports, install, packages, provider, python
from ortdoctor.diagnose.rules.case import Case, Result


class Report(NamedTuple):
    """A judgement: findings with errors first, questions left open, and what would be installed here."""

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
    results = _results(case)
    found = sorted(_once(results), key=lambda row: SEVERITIES.index(row.severity))
    left_open = list({row.question: row for row in results if isinstance(row, Undetermined)}.values())
    return Report(told.verdict(found, left_open, strict=strict), found, left_open, case.plan)


def _once(results: List[Result]) -> List[Finding]:
    """Return the findings, each cause once: the same one from a second rule would only repeat itself."""
    found: Dict[str, Finding] = {}
    for row in results:
        if isinstance(row, Finding):
            found.setdefault(row.cause, row)
    return list(found.values())


def _results(case: Case) -> List[Result]:
    """Ask what must hold before what needs it: something to import, the import, one package, a session, CUDA."""
    absent = install.presence(case)
    if absent:
        return python.pip(case) + absent + python.wheels(case) + python.for_gpu(case) + driver.missing_for_cpu(case)
    failed = imports.failures(case)
    if failed:
        # Files of two distributions mixed in one folder explain an import that fails; the reverse cannot be.
        return packages.conflicts(case) + failed
    numpy = imports.numpy_of_another_abi(case)
    if any(row.severity == ERROR for row in numpy):
        return packages.conflicts(case) + numpy  # whatever fails after that may be its doing
    results = packages.conflicts(case) + install.damage(case) + numpy + provider.cpu_session(case)
    listed = installed.lists_cuda(case.facts)
    if listed is None:
        return results + [Undetermined("providers", ["ort.available_providers"])]
    if listed:
        return results + provider.rules(case)
    return results + packages.cpu_only(case) + driver.missing_for_cpu(case)
