"""The content of a report for people, built once; text and console only print it."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ortdoctor.diagnose.facts import ABSENT, FAILED, FOUND, Facts
from ortdoctor.diagnose.findings import ERROR, INFO, WARNING
from ortdoctor.diagnose.judge import Report
from ortdoctor.report import summary, words

OK = "ok"
OPEN = "open"

#: Which group a cause is told in, by its family; the rest belongs to ONNX Runtime.
_GROUP_OF_FAMILY = {
    "glibc": "System",
    "os_policy": "System",
    "cpu": "System",
    "no_wheel": "Python",
    "numpy": "Python",
    "protobuf": "Python",
    "no_usable_gpu": "GPU and driver",
    "gpu_arch": "GPU and driver",
    "gpu_memory": "GPU and driver",
    "gpu_process": "GPU and driver",
    "cuda_libs": "CUDA and cuDNN",
    "cudnn": "CUDA and cuDNN",
    "windows_dll": "CUDA and cuDNN",
    "model_file": "Model",
    "model_version": "Model",
    "model_ops": "Model",
}

_GROUP_OF_QUESTION = {
    "nvidia_driver": "GPU and driver",
    "nvidia_gpu_present": "GPU and driver",
    "cuda_libraries_on_disk": "CUDA and cuDNN",
    "cudnn_on_disk": "CUDA and cuDNN",
    "model_read": "Model",
    "model_loads": "Model",
}

#: Group, and the prefixes of the facts that belong to it.
GROUPS: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("System", ("system.",)),
    ("Python", ("python.",)),
    ("GPU and driver", ("gpu.",)),
    ("CUDA and cuDNN", ("cuda.", "cudnn.")),
    ("ONNX Runtime", ("ort.",)),
    ("Model", ("model.",)),
)

#: What the other probes are asked for; where one of these is not known, the group is open.
_ANSWERS = ("gpu.driver_version", "gpu.driver_cuda", "gpu.devices", "cuda.libraries", "cudnn.runtime")

_WORST_FIRST = (ERROR, OPEN, WARNING, INFO, OK)


class Line(NamedTuple):
    """One finding or open question: ``mark`` is a severity, OPEN or OK."""

    mark: str
    text: str
    details: List[str]
    remedy: str
    commands: List[str]


class Section(NamedTuple):
    """A group of facts with what is wrong in it; ``facts`` are lines for the verbose report."""

    title: str
    mark: str
    summary: str
    lines: List[Line]
    facts: List[str]


class Sheet(NamedTuple):
    """A whole report; ``plan`` is None where it would only repeat a finding's commands."""

    sections: List[Section]
    plan: Optional[Line]
    mark: str
    verdict: str


def sheet(
    report: Report, document: Dict[str, Any], causes: Sequence[Dict[str, Any]], verbose: bool = False
) -> Sheet:
    """Build the report for people from a judgement and the facts that it is about."""
    facts = Facts(document)
    known = words.by_id(causes)
    grouped = _grouped(report, known)
    sections = [_section(title, prefixes, grouped[title], facts, verbose) for title, prefixes in GROUPS]
    sections = [section for section in sections if section.title != "Model" or "model.file" in facts.raw]
    errors, warnings = (
        sum(row.severity == severity for row in report.findings) for severity in (ERROR, WARNING)
    )
    first = words.finding(report.findings[0], known, report.plan).title if report.findings else None
    mark = {"healthy": OK, "problems": ERROR}.get(report.verdict, OPEN)
    text = words.verdict(report.verdict, errors, warnings, first, facts.static)
    text += words.inside(facts.root, any(row.commands for row in report.findings))
    return Sheet(sections, _plan(report, verbose=verbose), mark, text)


def _section(title: str, prefixes: Tuple[str, ...], told: List[Line], facts: Facts, verbose: bool) -> Section:
    lines = told + _unanswered(facts, prefixes)
    marks = [line.mark for line in lines]
    if title == "ONNX Runtime" and summary.session_falls_short(facts):
        marks.append(WARNING)  # the cause stands in another group, and this one is no less affected
    facts_shown = _fact_lines(facts, prefixes) if verbose else []
    return Section(title, _worst(marks), summary.of(title, facts), lines, facts_shown)


def _unanswered(facts: Facts, prefixes: Tuple[str, ...]) -> List[Line]:
    """Say which probes got no answer, each reason once; ONNX Runtime's own are told as open questions."""
    reasons: Dict[str, List[str]] = {}
    for key in sorted(facts.raw):
        if key.startswith(prefixes) and not key.startswith(("ort.", "model.")) and facts.state(key) == FAILED:
            reasons.setdefault(words.shortened(facts.error(key)), []).append(key)
    return [
        Line(OPEN if set(keys) & set(_ANSWERS) else INFO, "Not known: %s" % ", ".join(keys), [reason], "", [])
        for reason, keys in reasons.items()
    ]


def _grouped(report: Report, causes: Dict[str, Dict[str, Any]]) -> Dict[str, List[Line]]:
    lines: Dict[str, List[Line]] = {title: [] for title, _ in GROUPS}
    told: List[List[str]] = []
    for row in report.findings:
        said = words.finding(row, causes, report.plan)
        family = causes.get(row.cause, {}).get("family", "")
        # The same commands cure several findings: they are printed under the first.
        commands = [] if row.commands in told else row.commands
        told.append(row.commands)
        title = _GROUP_OF_FAMILY.get(family, "ONNX Runtime")
        details = [said.detail] if said.detail else []
        lines[title].append(
            Line(row.severity, said.title, details, said.remedy, [_one_line(c) for c in commands])
        )
    for question in report.undetermined:
        title = _GROUP_OF_QUESTION.get(question.question, "ONNX Runtime")
        lines[title].append(Line(OPEN, words.undetermined(question), [], "", []))
    return lines


def _plan(report: Report, verbose: bool) -> Optional[Line]:
    """Show the plan where asked for, and where a GPU has to go without a build: then the reasons are the answer."""
    plan = report.plan
    if not verbose and not (plan.because[0].code in words.NO_BUILD and report.findings):
        return None
    details = ["because " + text for text in words.because(plan)]
    details += ["not " + text for text in words.rejections(plan)]
    shown = any(row.commands == plan.commands for row in report.findings)
    commands = [] if shown else [_one_line(command) for command in plan.commands]
    return Line(INFO, words.plan_title(plan), details, "", commands)


def _worst(marks: Sequence[str]) -> str:
    for mark in _WORST_FIRST:
        if mark in marks:
            return OK if mark == INFO else mark
    return OK


def _one_line(command: str) -> str:
    """Unlike prose, a command keeps its spaces."""
    return "".join(character if character.isprintable() else "?" for character in command)


def _fact_lines(facts: Facts, prefixes: Tuple[str, ...]) -> List[str]:
    lines = []
    for key in sorted(facts.raw):
        if not key.startswith(prefixes):
            continue
        state = facts.state(key)
        shown = {
            FOUND: summary.short(facts.value(key)),
            ABSENT: "none",
            FAILED: "not known: %s" % words.shortened(facts.error(key) or ""),
        }[state]
        source = words.shortened(facts.source(key))
        lines.append("%s: %s%s" % (words.clean(key), shown, " (%s)" % source if source else ""))
    return lines
