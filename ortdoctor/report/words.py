"""The words of a report: templates filled, facts cleaned; what is missing is said to be, never raised."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ortdoctor.diagnose.findings import Finding, Undetermined
from ortdoctor.diagnose.plans import Plan, Reason, Rejected

#: A fact may be a page of native stderr; a sentence shows this much of it.
LONGEST_VALUE = 400

UNKNOWN = "(not known)"

QUESTIONS = {
    "environment_works": "whether ONNX Runtime works here",
    "onnxruntime_imports": "whether ONNX Runtime can be imported",
    "one_distribution": "whether several ONNX Runtime distributions share one folder",
    "providers": "which providers the installed build has",
    "cpu_session_works": "whether a CPU session can be made",
    "cuda_provider_works": "whether a session gets the CUDA provider",
    "nvidia_driver": "whether an NVIDIA driver is there",
    "nvidia_gpu_present": "whether there is an NVIDIA GPU that the CPU package leaves idle",
    "cuda_libraries_on_disk": "whether the missing CUDA libraries are somewhere on the disk",
    "cudnn_on_disk": "whether the missing cuDNN is somewhere on the disk",
    "search_path": "whether the variables of the environment put more folders on the loader's search path",
    "model_read": "what the model needs",
    "model_loads": "whether a session loads the model",
}

REASONS = {
    "has_gpu": "{gpu} with driver {driver} can be used",
    "has_gpu_only": "{gpu} is there",
    "has_jetson": "this is a Jetson, whose image brings the driver",
    "beside_gpu": "it runs on the CPU alone and needs no driver",
    "no_gpu_build": "no GPU build that can still be installed fits {gpu} with driver {driver}",
    "no_gpu_build_for": "no GPU build that can still be installed fits {gpu}",
    "no_driver": "no NVIDIA driver was found, so the CPU package is the one that fits",
    "driver_not_known": "whether an NVIDIA driver is there could not be told",
    "not_jetson": "",
    "jetpack": "it is made for JetPack {built_for} (this is {jetpack})",
    "python": "it has a wheel for {tag} (all: {offered})",
    "python_unknown": "its Python versions, or this one's tag, are not known",
    "platform": "",
    "platform_unknown": "which C library its wheels need, or which one is here, is not known",
    "bits": "there are no wheels for a {bits}-bit Python",
    "musl": "its wheels are for glibc, and the C library here is musl",
    "glibc": "it needs glibc {needs} (this machine has {glibc})",
    "pip": "pip {pip} has to be upgraded to see its wheel ({tag})",
    "driver": "driver {driver} runs CUDA {cuda} (needed: {minimum} or newer)",
    "driver_unknown": "whether the driver runs CUDA {cuda} is not known (needed: {minimum} or newer)",
    "driver_branch": "driver {driver} is only a branch; CUDA {cuda} needs {minimum} or newer of it",
    "toolkit_differs": (
        "the driver decides, not the toolkit: CUDA {toolkit} is installed, and libraries of CUDA {cuda} run beside it"
    ),
    "sass": "it holds machine code for compute capability {capability}",
    "ptx": "the driver compiles its code for compute capability {capability}; the first start is slow",
    "gpu_unknown": "what code it holds for this GPU is not known",
    "gpu_code": "it holds no code for compute capability {capability} (it has: {code})",
    "gpu_driver": "its code for compute capability {capability} needs a driver that knows CUDA {cuda}",
    "gpu_libraries": "the libraries of CUDA {cuda} have no code for compute capability {capability}",
    "supply_found": "the loader finds CUDA {cuda} and cuDNN {cudnn} already",
    "supply_wheels": "CUDA {cuda} and cuDNN {cudnn} come as nvidia-* wheels: nothing changes outside this Python",
    "supply_torch": "PyTorch brings CUDA {cuda} and cuDNN {cudnn}",
    "supply_toolkit": "the installed toolkit is CUDA {cuda}, with a cuDNN of the major of {cudnn}",
    "supply_jetson": "the Jetson image brings CUDA and cuDNN",
    "supply_unknown": "whether CUDA {cuda} and cuDNN {cudnn} are installed is not known; they do not come as wheels",
    "cudnn_unknown": "CUDA {cuda} is installed; whether a cuDNN of the major of {cudnn} is, too, is not known",
    "install_supply": "CUDA {cuda} and cuDNN {cudnn} do not come as wheels and have to be installed first",
    "install_cudnn": "CUDA {cuda} is installed; a cuDNN of the major of {cudnn} has to be installed first",
    "index": "it is on the index",
    "jetson": "there is a wheel for this JetPack at {where}",
    "page": "there is a wheel for this JetPack, to be fetched by hand from {where}",
    "removed": (
        "removed from the index; a wheel kept elsewhere (a mirror, an old image, pip's cache), or a build from source, "
        "would run"
    ),
    "extra_index": "it is on the extra index {channel} only; {variable} stands for its address",
    "archive": "it is offered as an archive only, not as a wheel",
}

#: The reasons of a CPU plan for a machine whose GPU has to go without.
NO_BUILD = ("no_gpu_build", "no_gpu_build_for")

#: Said where the commands of a finding install the CPU package because no GPU build fits.
FALLBACK = "Until then no GPU build that can still be installed fits; these commands install the CPU package."

#: Said in the place of commands that are printed already.
SAME_COMMANDS = "The commands above do this, too."

#: Names as people write them, for values that rules take from the facts.
NAMES = {"linux": "Linux", "windows": "Windows", "macos": "macOS", "intel": "Intel", "amd": "AMD"}

#: The same question answered with no reads differently.
REFUSALS = {
    "python": "no wheel for {tag}",
    "platform": "no wheel for this platform",
    "driver": "CUDA {cuda} needs driver {minimum} or newer (this is {driver})",
    "supply": "CUDA {cuda} and cuDNN {cudnn} do not come as wheels and are not installed",
    "cudnn": "CUDA {cuda} is installed, but no cuDNN of the major of {cudnn}",
    "extra_index": "it is on the extra index {channel} only",
    "no_driver": "no NVIDIA driver",
    "jetpack": "not made for JetPack {jetpack}",
    "not_jetson": "made for Jetson",
}


class Said(NamedTuple):
    """The words of one finding."""

    title: str
    detail: str
    remedy: str


class _Values(Dict[str, str]):
    """Values for ``str.format_map``: what was not given is said to be unknown."""

    def __missing__(self, name: str) -> str:
        return UNKNOWN


def clean(text: Any) -> str:
    """Return ``text`` on one line without control characters: what is printed cannot steer the terminal."""
    flat = " ".join(str(text).split())
    return "".join(character if character.isprintable() else "?" for character in flat)


def shortened(text: Any) -> str:
    """Return ``text`` cleaned and cut to what a sentence can hold."""
    whole = clean(text)
    return whole if len(whole) <= LONGEST_VALUE else whole[: LONGEST_VALUE - 2] + ".."


def filled(template: str, values: Dict[str, Any]) -> str:
    """Return the template with ``values``; a value that is None or was not given reads as not known."""
    shown = _Values({n: shortened(NAMES.get(str(v), v)) for n, v in values.items() if v not in (None, "")})
    return template.format_map(shown)


def by_id(causes: Sequence[Dict[str, Any]]) -> Dict[str, Dict[str, Any]]:
    """Return the rows of compat/causes.json by their ids."""
    return {row["id"]: row for row in causes}


def finding(row: Finding, causes: Dict[str, Dict[str, Any]], plan: Plan) -> Said:
    """Return the words of a finding; a cause that the vocabulary lacks is told by its id."""
    cause = causes.get(row.cause)
    if cause is None:
        return Said(row.cause, "", "")
    detail = _variant(cause["detail"], row.variant)
    if row.under is not None:
        # What cures the cause cures its consequences; few have anything to add.
        own = cause["remedy"].get("under") or cause["remedy"].get(row.variant if row.variant != "default" else "")
        return Said(cause["title"], filled(detail, row.values), filled(own or "", row.values))
    cure = filled(_variant(cause["remedy"], row.variant), row.values)
    if row.commands and row.commands == plan.commands and plan.because[0].code in NO_BUILD:
        cure = "%s %s" % (cure, FALLBACK)
    return Said(cause["title"], filled(detail, row.values), cure)


def _variant(templates: Dict[str, str], variant: str) -> str:
    return templates.get(variant) or templates.get("default") or ""


def undetermined(row: Undetermined) -> str:
    """Return the sentence for a question that is left open."""
    question = QUESTIONS.get(row.question, row.question)
    return "Could not determine %s; missing: %s" % (question, ", ".join(row.missing))


def reason(row: Reason) -> str:
    """Return the words for what speaks for a plan; ``""`` for what goes without saying."""
    return filled(REASONS.get(row.code, row.code), row.values)


def plan_title(plan: Plan) -> str:
    """Return what a plan installs."""
    if plan.kind == "none":
        return "No released wheel of %s fits this machine" % plan.distribution
    beside = " with CUDA and cuDNN as wheels" if plan.supply else ""
    return "%s %s%s" % (plan.distribution, plan.version, beside)


def because(plan: Plan) -> List[str]:
    """Return the reasons of a plan, in order, without what goes without saying."""
    return [text for text in map(reason, plan.because) if text]


def rejections(plan: Plan) -> List[str]:
    """Return why newer or better builds do not fit: one sentence for each reason, with the range of versions."""
    return grouped_rejections(plan.rejected)


def grouped_rejections(rejected: Sequence[Rejected]) -> List[str]:
    """Return one sentence for each reason, with the range of versions that it is given for, newest first."""
    groups: Dict[Any, List[Rejected]] = {}
    for row in rejected:
        groups.setdefault((row.distribution, row.reason.code, row.reason.values.get("minimum")), []).append(
            row
        )
    return [_rejection(rows) for rows in groups.values()]


def _rejection(rows: List[Rejected]) -> str:
    newest, oldest = rows[0], rows[-1]
    versions = (
        newest.version if newest.version == oldest.version else "%s to %s" % (oldest.version, newest.version)
    )
    return "%s %s: %s" % (newest.distribution, versions, refusal(oldest.reason))


def refusal(row: Reason) -> str:
    """Return the words for what speaks against a build."""
    return filled(REFUSALS.get(row.code, REASONS.get(row.code, row.code)), row.values)


#: Said of a machine that was only read.
BY_FILES = "nothing was run, imported or loaded"


def verdict(outcome: str, errors: int, warnings: int, first: Optional[str], static: bool = False) -> str:
    """Return the one line at the end; ``static`` says that files alone were read."""
    counted = [
        "%d %s%s" % (count, name, "" if count == 1 else "s")
        for count, name in ((errors, "problem"), (warnings, "warning"))
        if count
    ]
    if outcome == "healthy":
        begin = "Healthy by its files (%s)" % BY_FILES if static else "Healthy"
        return begin + (", with %s." % counted[0] if counted else ": nothing is wrong.")
    tail = " By files alone: %s." % BY_FILES if static else ""
    if outcome == "undetermined":
        return "Undetermined: the machine could not be asked everything that the verdict needs." + tail
    return "%s. First: %s.%s" % (" and ".join(counted).capitalize(), first, tail)


def inside(root: Optional[str], commands: bool) -> str:
    """Return where the commands of a report on a root are to be run; "" for a machine that runs, or without any."""
    if root is None or not commands:
        return ""
    return " The commands are for inside it: chroot %s, or the machine that starts from it." % clean(root)
