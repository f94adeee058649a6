"""All facts of this machine as one document; see docs/facts.md."""

import os
import re
import time
from typing import Any, Dict, Optional, Tuple

from . import ort_use
from .context import Context, here
from .fact import Facts, failed
from .once import Memo
from .together import together

SCHEMA = "ortdoctor.facts/1"

#: Seconds for everything. The groups run side by side and each of their children has a limit of its own;
#: this net is for what is stuck in the kernel.
TOTAL_LIMIT = 120.0

#: Every fact that a document has, by the group that finds it. docs/facts.md says what they mean.
KEYS = {
    "system": (
        "os",
        "kernel",
        "arch",
        "distribution",
        "libc",
        "container",
        "wsl",
        "jetson",
        "cpu",
        "pci_gpus",
    ),
    "python": (
        "version",
        "implementation",
        "abi_tag",
        "executable",
        "prefix",
        "bits",
        "environment",
        "pip",
        "wheel_tags",
        "packages",
        "env",
    ),
    "gpu": ("driver_version", "driver_cuda", "cuda_api", "nvidia_smi", "proc_driver", "devices"),
    "cuda": ("nvcc", "toolkits", "libraries"),
    "cudnn": ("header", "runtime", "wheels"),
    "ort": (
        "distributions",
        "folder",
        "module",
        "elsewhere",
        "import",
        "version",
        "build_info",
        "cuda_build",
        "device",
        "available_providers",
        "provider_libraries",
        "session",
        "preload",
    ),
}

#: The facts of a model, which a document has where one was named.
MODEL_KEYS = ("file", "content", "operators", "external_data", "session")


def collect(
    context: Optional[Context] = None,
    version: str = "",
    limit: float = TOTAL_LIMIT,
    model_path: str = "",
    *,
    imported: bool = True
) -> Dict[str, Any]:
    """Return the document of docs/facts.md for ``context`` (this machine) and the interpreter that runs this.

    ``version`` is the tool's own, for the document. Where onnxruntime is not to be ``imported``, the document has
    no facts ``ort.*`` but what is installed, which is all that a recommendation needs.
    Never raises; takes ``limit`` seconds at most, and with the file ``model_path``, whose facts are added, those of
    its sessions on top. A key whose group broke down or came too late is there as a failed fact.
    """
    box = (here() if context is None else context)._replace(memo=Memo(full=imported))
    ort_use.shared(box, full=imported)  # this child takes longest
    from . import groups  # noqa: PLC0415 - all of the probe is loaded while it runs

    found = together(groups.steps(box, imported), limit)
    facts: Facts = {}
    for name, parts in KEYS.items():
        owed = parts if imported or name != "ort" else ("distributions",)
        facts.update(completed(name, found[name], owed))
    if model_path:
        from . import model  # noqa: PLC0415 - few name one, and reading a model is a tenth of all code

        facts.update(model.collect(box, model_path))
        facts.update(model.sessions(box, facts))
    return document(facts, version)


def document(facts: Facts, version: str) -> Dict[str, Any]:
    """Return the document that holds ``facts``."""
    return {
        "schema": SCHEMA,
        "ortdoctor": version or version_beside(),
        "collected": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "facts": facts,
    }


def completed(name: str, facts: Facts, owed: Tuple[str, ...]) -> Facts:
    """Return the facts of the group ``name`` with every key that it owes, in that order."""
    broken = facts.get(name)  # what together() and guarded() leave of a group that broke down
    missing = broken or failed("the probe of %s did not answer for it" % name, name)
    whole = {key: facts.get(key, missing) for key in ("%s.%s" % (name, part) for part in owed)}
    whole.update((key, fact) for key, fact in facts.items() if key != name)
    return whole


def version_beside() -> str:
    """Return the version that the package around the probe states; "unknown" where there is none."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        with open(os.path.join(package, "__init__.py"), encoding="utf-8") as stream:
            match = re.search(r'^__version__ = "([^"]+)"', stream.read(), re.MULTILINE)
    except OSError:
        return "unknown"
    return match.group(1) if match else "unknown"
