"""What ``recommend`` says: the document for programs and the page for people."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ortdoctor.diagnose.plans import CPU_DISTRIBUTION
from ortdoctor.diagnose.plans_rank import source_order
from ortdoctor.report import words

if TYPE_CHECKING:
    from rich.console import Console

    from ortdoctor.diagnose.plans import Ranked, Recommendation
    from ortdoctor.diagnose.plans_unlock import Unlock

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


def document(found: Recommendation, version: str) -> dict[str, Any]:
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


def _plan(row: Ranked) -> dict[str, Any]:
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
        values["to"] = f"{row.to[2]}.{row.to[3:]}"
    return words.filled(UNLOCKS[row.change], values)


@dataclasses.dataclass(frozen=True)
class _Page:
    """Lines in the order that people need: what to run, why, what else."""

    console: Console

    def line(self, text: str, indent: int = 0, style: str = "") -> None:
        self.console.print(" " * indent + text, style=style or None, highlight=False, markup=False, soft_wrap=True)

    def plan(self, row: Ranked, title: str) -> None:
        self.line(f"{title}: {name(row)}", style="bold")
        for command in row.plan.commands:
            self.line(command, 4, "bold")
        for text in words.because(row.plan):
            self.line(f"- because {text}", 2)
        for text in filter(None, map(words.reason, row.unclear)):
            self.line(f"- cannot tell: {text}", 2)
        if row.plan.loader:
            self.line(f"- {LOADERS[row.plan.loader]}", 2)
        if row.model is not None:
            self.line(f"- {_model(row)}", 2)
        if row.confidence not in ("measured", "doc"):
            self.line(f"- the matrix has this from {row.confidence} evidence only", 2)


def print_recommendation(console: Console, found: Recommendation) -> None:
    """Print the best plan as commands, why, what stands beside it, and what would allow a better one."""
    page = _Page(console)
    if not found.plans:
        page.line("No released wheel of ONNX Runtime fits this machine.", style="bold")
    for at, row in enumerate(_shown(found.plans)):
        if at:
            page.line("")
        page.plan(row, "Beside it" if at else "Best")
    more = len(found.plans) - len(_shown(found.plans))
    if more:
        page.line(f"{more} other plans fit: --json lists them.")
    if found.unlocks:
        page.line("")
        page.line("What would allow a better one:", style="bold")
        for change in found.unlocks:
            page.line(f"- {unlock(change)}", 2)
    if found.rejected:
        page.line("")
        page.line("What does not fit:", style="bold")
        for text in words.grouped_rejections(found.rejected):
            page.line(f"- {text}", 2)


def name(row: Ranked) -> str:
    """Return what a plan installs, on one line."""
    build = row.plan.build
    if row.plan.distribution == CPU_DISTRIBUTION or build is None:
        return f"{row.plan.distribution} {row.plan.version} on the CPU"
    cudnn = f" and cuDNN {build.cudnn}" if build.cudnn else ""
    return f"{row.plan.distribution} {row.plan.version} for CUDA {build.cuda}{cudnn}"


def _shown(plans: list[Ranked]) -> list[Ranked]:
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
        return f"it loads the model (opset {row.max_opset} and IR version {row.max_ir} at most)"
    said = "it may compute the model wrongly" if model.fits is None else "it does not load the model as it is"
    return (
        f"{said}: lower it to opset {model.downgrade_to} and IR version {row.max_ir}, "
        f"or export it again with opset {model.export_opset}"
    )
