"""What ``recommend`` says: the document for programs and the page for people."""

from typing import Any, Dict, List, NamedTuple

from ortdoctor.diagnose.plans import CPU_DISTRIBUTION, Ranked, Recommendation
from ortdoctor.diagnose.plans_rank import source_order
from ortdoctor.diagnose.plans_unlock import Unlock
from ortdoctor.report import words

SCHEMA = "ortdoctor.recommendation/1"

UNLOCKS = {
    "driver": "driver {to} or newer allows {distribution} {version}",
    "driver_cuda": "a driver that knows CUDA {to} allows {distribution} {version}",
    "python": "Python {to} allows {distribution} {version}",
    "glibc": "glibc {to} or newer allows {distribution} {version}",
}

#: How a program reaches libraries that the loader does not find by itself.
LOADERS = {
    "preload": "call onnxruntime.preload_dlls() before the first session, or set the search path as above",
    "path": "the folders of the libraries have to be on the loader's search path when the program starts",
    "torch": "import torch before onnxruntime: it loads the libraries",
}


def document(found: Recommendation, version: str) -> Dict[str, Any]:
    """Return the recommendation as JSON values; the schema is compat/schema/recommend.schema.json."""
    return {
        "schema": SCHEMA,
        "ortdoctor": version,
        "plans": [_plan(row) for row in found.plans],
        "rejected": [
            {
                "distribution": row.distribution,
                "version": row.version,
                "build": row.build.row_id,
                "reason": row.reason.code,
                "detail": words.refusal(row.reason),
            }
            for row in found.rejected
        ],
        "unlocks": [
            {
                "change": row.change,
                "to": row.to,
                "distribution": row.distribution,
                "version": row.version,
                "text": unlock(row),
            }
            for row in found.unlocks
        ],
    }


def _plan(row: Ranked) -> Dict[str, Any]:
    build = row.plan.build
    return {
        "rank": row.rank,
        "distribution": row.plan.distribution,
        "version": row.plan.version,
        "build": build.row_id if build else None,
        "source": row.source,
        "cuda": build.cuda if build else None,
        "cudnn": build.cudnn if build else None,
        "supply": row.supply,
        "loader": row.plan.loader,
        "requirements": row.requirements,
        "commands": row.plan.commands,
        "max_opset": row.max_opset,
        "max_ir": row.max_ir,
        "model": row.model._asdict() if row.model else None,
        "because": words.because(row.plan),
        "cannot_tell": [text for text in map(words.reason, row.unclear) if text],
        "evidence": row.evidence,
        "confidence": row.confidence,
    }


def unlock(row: Unlock) -> str:
    """Return the sentence for one change that would allow a better release."""
    values = row._asdict()
    if row.change == "python":
        values["to"] = "%s.%s" % (row.to[2], row.to[3:])
    return words.filled(UNLOCKS[row.change], values)


class Text(NamedTuple):
    """A line of the page; a ``strong`` one is a heading or a command."""

    text: str
    strong: bool = False


def page(found: Recommendation) -> List[Text]:
    """Return the best plan as commands, why, what stands beside it, and what would allow a better one."""
    lines: List[Text] = []
    if not found.plans:
        lines.append(Text("No released wheel of ONNX Runtime fits this machine.", strong=True))
    shown = _shown(found.plans)
    for at, row in enumerate(shown):
        if at:
            lines.append(Text(""))
        lines += _plan_lines(row, "Beside it" if at else "Best")
    more = len(found.plans) - len(shown)
    if more:
        lines.append(Text("%d other plans fit: --json lists them." % more))
    lines += _listed("What would allow a better one:", [unlock(change) for change in found.unlocks])
    lines += _listed("What does not fit:", words.grouped_rejections(found.rejected))
    return lines


def text(found: Recommendation) -> str:
    """Return the page as plain text that ends in a line end."""
    return "".join(line.text + "\n" for line in page(found))


def _plan_lines(row: Ranked, title: str) -> List[Text]:
    said = ["because %s" % reason for reason in words.because(row.plan)]
    said += ["cannot tell: %s" % reason for reason in map(words.reason, row.unclear) if reason]
    if row.plan.loader:
        said.append(LOADERS[row.plan.loader])
    if row.model is not None:
        said.append(_model(row))
    if row.confidence not in ("measured", "doc"):
        said.append("the matrix has this from %s evidence only" % row.confidence)
    return [
        Text("%s: %s" % (title, name(row)), strong=True),
        *[Text("    " + command, strong=True) for command in row.plan.commands],
        *[Text("  - " + line) for line in said],
    ]


def _listed(title: str, items: List[str]) -> List[Text]:
    return [Text(""), Text(title, strong=True), *[Text("  - " + item) for item in items]] if items else []


def name(row: Ranked) -> str:
    """Return what a plan installs, on one line."""
    build = row.plan.build
    if row.plan.distribution == CPU_DISTRIBUTION or build is None:
        return "%s %s on the CPU" % (row.plan.distribution, row.plan.version)
    cudnn = " and cuDNN %s" % build.cudnn if build.cudnn else ""
    return "%s %s for CUDA %s%s" % (row.plan.distribution, row.plan.version, build.cuda, cudnn)


def _shown(plans: List[Ranked]) -> List[Ranked]:
    """Return the best plan, and where it is no GPU plan that commands carry out, the best of the other kinds."""
    shown = plans[:1]
    if not plans or (_is_easy(plans[0]) and plans[0].plan.kind == "gpu"):
        return shown
    for row in plans[1:]:
        if (row.plan.kind, _is_easy(row)) not in [(known.plan.kind, _is_easy(known)) for known in shown]:
            shown.append(row)
    return shown


def _is_easy(row: Ranked) -> bool:
    return row.plan.build is not None and source_order(row.plan.build) == 0 and row.supply != "install"


def _model(row: Ranked) -> str:
    model = row.model
    if model is None or model.fits:
        return "it loads the model (opset %s and IR version %s at most)" % (row.max_opset, row.max_ir)
    said = "it may compute the model wrongly" if model.fits is None else "it does not load the model as it is"
    return "%s: lower it to opset %s and IR version %s, or export it again with opset %s" % (
        said,
        model.downgrade_to,
        row.max_ir,
        model.export_opset,
    )
