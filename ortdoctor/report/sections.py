"""The content of a report for people, built once; text and console only print it."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ortdoctor.diagnose.facts import ABSENT, FAILED, FOUND, Facts
from ortdoctor.diagnose.findings import ERROR, INFO, WARNING, Finding
from ortdoctor.diagnose.judge import Report
from ortdoctor.diagnose.order import roots
from ortdoctor.report import libraries, summary, words

OK = "ok"
OPEN = "open"

#: Which group a cause counts for, by its family; the rest belongs to ONNX Runtime.
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
    """One finding or open question: ``mark`` is a severity, OPEN or OK; ``table`` are lines that belong together.

    ``below`` are the consequences of a finding.
    """

    mark: str
    text: str
    details: List[str]
    remedy: str
    commands: List[str]
    table: Sequence[str] = ()
    below: Sequence["Line"] = ()


class Section(NamedTuple):
    """A group of facts, its state, and what of it is not known; ``facts`` are lines for the verbose report."""

    title: str
    mark: str
    summary: str
    lines: List[Line]
    facts: List[str]


class Sheet(NamedTuple):
    """A whole report: what is wrong, first the worst, then the state of each group.

    ``plan`` is None where it would only repeat a finding's commands.
    """

    findings: List[Line]
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
    marks, left_open = _marks(report, known), _left_open(report)
    sections = [
        _section(title, marks[title], left_open[title] + _unanswered(facts, prefixes), facts)._replace(
            facts=_fact_lines(facts, prefixes) if verbose else []
        )
        for title, prefixes in GROUPS
        if title != "Model" or "model.file" in facts.raw
    ]
    causes_found = roots(report.findings)
    errors, warnings = (sum(row.severity == severity for row in causes_found) for severity in (ERROR, WARNING))
    first = words.finding(report.findings[0], known, report.plan).title if report.findings else None
    mark = {"healthy": OK, "problems": ERROR}.get(report.verdict, OPEN)
    text = words.verdict(report.verdict, errors, warnings, first, facts.static)
    text += words.inside(facts.root, any(row.commands for row in report.findings))
    return Sheet(_told(report, known, verbose), sections, _plan(report, verbose=verbose), mark, text)


def _section(title: str, marks: List[str], lines: List[Line], facts: Facts) -> Section:
    marks = marks + [line.mark for line in lines]
    if title == "ONNX Runtime" and summary.session_falls_short(facts):
        marks.append(WARNING)  # the cause stands in another group, and this one is no less affected
    return Section(title, _worst(marks), summary.of(title, facts), lines, [])


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


def _told(report: Report, causes: Dict[str, Dict[str, Any]], verbose: bool) -> List[Line]:
    """Return the root causes, each with its consequences."""
    lines: List[Line] = []
    told: List[List[str]] = []
    for row in roots(report.findings):
        # The same commands cure several findings: they are printed under the first.
        again = bool(row.commands) and row.commands in told
        line = _line(row, causes, report, [] if again else row.commands, verbose)
        told.append(row.commands)
        below = [_line(other, causes, report, [], verbose) for other in report.findings if other.under == row.cause]
        remedy = "%s %s" % (line.remedy, words.SAME_COMMANDS) if again else line.remedy
        lines.append(line._replace(remedy=remedy.strip(), below=below))
    return lines


def _line(
    row: Finding, causes: Dict[str, Dict[str, Any]], report: Report, commands: List[str], verbose: bool
) -> Line:
    said = words.finding(row, causes, report.plan)
    # Where no GPU is to be used, the libraries that it would take are of no interest.
    quiet = row.severity != ERROR and row.under is None and not verbose
    return Line(
        mark=row.severity,
        text=said.title,
        details=[said.detail] if said.detail else [],
        remedy=said.remedy,
        commands=[_one_line(command) for command in commands],
        table=[] if quiet else libraries.table(row.libraries),
    )


def _marks(report: Report, causes: Dict[str, Dict[str, Any]]) -> Dict[str, List[str]]:
    """Return, for each group, how bad the findings about it are; what follows from another is a warning there."""
    marks: Dict[str, List[str]] = {title: [] for title, _ in GROUPS}
    for row in report.findings:
        title = _GROUP_OF_FAMILY.get(causes.get(row.cause, {}).get("family", ""), "ONNX Runtime")
        marks[title].append(row.severity if row.under is None else WARNING)
    return marks


def _left_open(report: Report) -> Dict[str, List[Line]]:
    lines: Dict[str, List[Line]] = {title: [] for title, _ in GROUPS}
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
