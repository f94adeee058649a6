"""Whether this environment runs a model: by its file, by the session over it, else by what the matrix promises."""

from typing import Any, Dict, List, Optional

from ortdoctor.diagnose import model_texts, plans
from ortdoctor.diagnose.facts import FAILED, FOUND, UNCOLLECTED, Record
from ortdoctor.diagnose.findings import ERROR, INFO, WARNING, Finding, Undetermined
from ortdoctor.diagnose.machine import CUDA
from ortdoctor.diagnose.matrix_answers import CANNOT_TELL, COMPATIBLE
from ortdoctor.diagnose.plans import Ranked
from ortdoctor.diagnose.plans_model import ModelNeeds, model_fit, needs_of
from ortdoctor.diagnose.rules import reported
from ortdoctor.diagnose.rules.case import Case, Result, first_line, said

#: Domains of operators that every full build brings; others need a library that the program registers.
_BUILT_IN = ("ai.onnx", "com.microsoft", "ai.onnxruntime", "com.ms.internal", "org.pytorch.aten")

_CAUSE_OF_FILE = {
    "not_found": "model_file_not_found",
    "unreadable": "model_file_permission",
    "too_large": "model_over_2gb",
}

_CAUSE_OF_LIMIT = {"opset": "opset_too_new", "ml-opset": "opset_too_new", "ir": "ir_version_too_new"}

_SHOWN = 4


def rules(case: Case) -> List[Result]:
    """Return what keeps the named model from running here; nothing where no model was named."""
    facts = case.facts
    if facts.state("model.file") == UNCOLLECTED:
        return []
    file = facts.record("model.file")
    if file and file["code"]:
        values = {"model": file["path"], "problem": file["problem"], "size": file["size"]}
        cause = _CAUSE_OF_FILE.get(file["code"], "corrupt_or_lfs_model")
        return [Finding(cause, "file", ERROR, values, ["model.file"], [])]
    needs = _needs(case)
    if needs is None:
        return [Undetermined("model_read", ["model.file", "model.content"])]
    external = _external(case)
    if external:
        return external
    session = facts.record("model.session").get("cpu")
    if isinstance(session, dict):
        return _by_session(case, needs, session)
    judged = _by_matrix(case, needs)
    works = case.session("cpu")
    if not judged and works and _loads(works) and facts.state("model.session") == FAILED:
        return [Undetermined("model_loads", ["model.session"])]
    return judged


def _needs(case: Case) -> Optional[ModelNeeds]:
    content = case.facts.record("model.content")
    return needs_of(content) if content else None


def _external(case: Case) -> List[Result]:
    """Return files of weights that are not where the model says, or shorter than it needs."""
    rows = [row for row in case.facts.records("model.external_data") if row["problem"]]
    if not rows:
        return []
    variant = rows[0]["problem"] if rows[0]["problem"] in ("outside", "short") else "file"
    names = [str(row["location"] or "''") for row in rows if row["problem"] == rows[0]["problem"]]
    values = {
        "model": case.facts.record("model.file").get("path"),
        "files": ", ".join(names[:_SHOWN]) + (", +%d" % (len(names) - _SHOWN) if len(names) > _SHOWN else ""),
        "needs": rows[0]["needs"],
        "size": rows[0]["size"],
    }
    return [Finding("external_data_missing", variant, ERROR, values, ["model.external_data"], [])]


def _by_session(case: Case, needs: ModelNeeds, session: Record) -> List[Result]:
    """Judge by what really happened: the provider that loads the model settles it."""
    cuda = case.facts.record("model.session").get("cuda")
    if _loads(session):
        results = _beyond_promise(case, needs)
        if isinstance(cuda, dict) and not (_loads(cuda) and CUDA in cuda["active"]):
            results = results + [_failed(case, needs, cuda, ERROR)]
        return results
    runs_on_gpu = isinstance(cuda, dict) and _loads(cuda)
    return [_failed(case, needs, session, INFO if runs_on_gpu else ERROR)]


def _loads(session: Record) -> bool:
    return bool(session["active"]) and not (session["error"] or session["signal"])


def _beyond_promise(case: Case, needs: ModelNeeds) -> List[Result]:
    """Return that a release takes any model, and promises to compute it rightly only up to an opset."""
    installed = case.installed
    if installed is None:
        return []
    fit = model_fit(case.matrix, installed.version, needs)
    if fit is None or fit.fits is not None or not _is_known(case):
        return []
    return [_version(case, needs, "opset_too_new", WARNING, variant="not_enforced")]


def _is_known(case: Case) -> bool:
    """Return whether the matrix has the very release: of another it knows no limits."""
    limits = case.matrix.limits(case.installed.version) if case.installed else None
    return limits is not None and limits.exact


def _failed(case: Case, needs: ModelNeeds, session: Record, severity: str) -> Finding:
    text = said(session)
    told = model_texts.told(text)
    asked = (session["requested"] or ["CPUExecutionProvider"])[0]
    if asked == CUDA:
        known = reported.known(text, "linux")
        if known is not None and (told is None or told.cause == "model_needs_memory"):
            values = dict(case.names, error=reported.line_of(text, known))
            return Finding(known.cause, known.variant, severity, values, ["model.session"], [])
    if told is not None and told.cause in ("ir_version_too_new", "opset_too_new"):
        return _version(case, needs, told.cause, severity, error=told.line)
    if told is not None and told.cause in ("op_not_registered", "model_not_loaded"):
        beyond = _beyond(case, needs)
        if beyond is not None and not _is_custom(case, told.operator):
            return _version(case, needs, beyond, severity, error=told.line)
    values = dict(
        case.names,
        model=case.facts.record("model.file").get("path"),
        error=told.line if told else first_line(text),
        operator=told.operator if told else None,
        signal=session["signal"],
        provider=asked,
    )
    evidence = ["model.session", "model.content"]
    if told is None:
        variant = "signal" if session["signal"] else "default"
        if session["signal"] == "SIGKILL":
            return Finding("model_needs_memory", "killed", severity, values, evidence, [])
        return Finding("model_not_loaded", variant, severity, values, evidence, [])
    variant = "custom" if _is_custom(case, told.operator) else told.variant
    return Finding(told.cause, variant, severity, values, evidence, [])


def _beyond(case: Case, needs: ModelNeeds) -> Optional[str]:
    """Return the cause where the model is newer than the installed release: whatever it says then follows from that."""
    limits = case.matrix.limits(case.installed.version) if case.installed else None
    if limits is None:
        return None
    if needs.opset > limits.opset:
        return "opset_too_new"
    return "ir_version_too_new" if needs.ir > limits.ir else None


def _is_custom(case: Case, operator: Optional[str]) -> bool:
    """Return whether an operator that is not known belongs to a domain of somebody's own."""
    name = (operator or "").partition("(")[0].rpartition(":")[2]
    return any(row["name"] == name for row in _custom(case))


def _custom(case: Case) -> List[Record]:
    rows = case.facts.records("model.operators")
    return [row for row in rows if not row["local"] and not row["domain"].startswith(_BUILT_IN)]


def _by_matrix(case: Case, needs: ModelNeeds) -> List[Result]:
    """Judge the installed release by its limits; where none is installed, those that fit the machine."""
    installed = case.installed
    if installed is None:
        best = _fitting(case, needs)
        limit = case.plan.version
        if best is not None or limit is None:
            return _custom_operators(case)
        verdict = case.matrix.loads(limit, *needs)
        return [_version(case, needs, _CAUSE_OF_LIMIT.get(verdict.why, "opset_too_new"), ERROR)]
    verdict = case.matrix.loads(installed.version, *needs)
    if verdict.value == COMPATIBLE:
        return _custom_operators(case)
    if verdict.value == CANNOT_TELL:
        if verdict.why == "not-enforced":
            return [_version(case, needs, "opset_too_new", WARNING, variant="not_enforced")]
        return [Undetermined("model_loads", ["model.session"])]
    return [_version(case, needs, _CAUSE_OF_LIMIT[verdict.why], ERROR)]


def _custom_operators(case: Case) -> List[Result]:
    """Return operators of other domains: whether the program registers their library is not in any file."""
    rows = _custom(case)
    if not rows:
        return []
    names = ["%s:%s" % (row["domain"], row["name"]) for row in rows]
    values = dict(
        case.names, model=case.facts.record("model.file").get("path"), operator=", ".join(names[:_SHOWN])
    )
    return [Finding("op_not_registered", "custom_matrix", WARNING, values, ["model.operators"], [])]


def _version(
    case: Case, needs: ModelNeeds, cause: str, severity: str, *, variant: str = "", error: Optional[str] = None
) -> Finding:
    """Return that the model is newer than the release: what loads it here, or what it has to be lowered to."""
    version = case.installed.version if case.installed else case.plan.version
    best = _fitting(case, needs)
    limits = case.matrix.limits(version or "")
    fit = model_fit(case.matrix, version or "", needs)
    values: Dict[str, Any] = dict(case.names, opset=needs.opset, ir=needs.ir, ml_opset=needs.ml_opset, error=error)
    values.update(model=case.facts.record("model.file").get("path"), version=version)
    evidence = ["model.content"] + (["model.session"] if error else [])
    if limits is not None:
        values.update(max_opset=limits.opset, max_ir=limits.ir, max_ml_opset=limits.ml_opset)
        evidence.append(limits.row_id)
    newest = case.matrix.limits(case.plan.version or "")
    if newest is not None:
        named = "%s %s" % (case.plan.distribution, case.plan.version)
        values.update(newest=named, newest_opset=newest.opset, newest_ir=newest.ir)
    if fit is not None:
        values.update(to_opset=fit.downgrade_to or min(needs.opset, fit.export_opset), export_opset=fit.export_opset)
    if best is not None and best.plan.version != version:
        values.update(fitting="%s %s" % (best.plan.distribution, best.plan.version))
        way, commands = "upgrade", best.plan.commands
    else:
        way, commands = "lower", []
    names = [variant, way] + (["said"] if error else [])
    return Finding(cause, "_".join(name for name in names if name), severity, values, evidence, commands)


def _fitting(case: Case, needs: ModelNeeds) -> Optional[Ranked]:
    """Return the best plan that fits the machine, loads the model for certain, and is carried out by commands."""
    if case.facts.state("system.os") != FOUND:
        return None
    for row in plans.recommend(case.facts, case.matrix, needs).plans:
        if row.model is not None and row.model.fits and row.plan.commands and row.supply != "install":
            return row
    return None
