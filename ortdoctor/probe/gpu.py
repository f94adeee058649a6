"""The ``gpu.*`` facts: several sources are asked side by side; the one nearest to ORT is believed."""

from typing import Dict, List, Tuple

from . import child, libcuda, nvidia_smi, nvml
from .context import Context
from .fact import Fact, Facts, absent, failed, found
from .libcuda import API, DEVICES, DRIVER_CUDA
from .nvml import DRIVER_VERSION
from .reading import read_text
from .texts import parse
from .together import together

PROC_DRIVER = "gpu.proc_driver"
PROC_FILE = "/proc/driver/nvidia/version"

#: Who is believed first. CUDA counts devices as ORT will see them (CUDA_VISIBLE_DEVICES included).
PREFERENCE = {
    DRIVER_VERSION: ("nvml", "proc", "nvidia-smi"),
    DRIVER_CUDA: ("cuda", "nvml", "nvidia-smi"),
    DEVICES: ("cuda", "nvml", "nvidia-smi"),
}


def collect(context: Context, limit: float = child.TIME_LIMIT) -> Facts:
    """Return all ``gpu.*`` facts; ``limit`` is for each child."""
    sources = together(
        {
            "cuda": lambda: libcuda.collect(context, limit),
            "nvml": lambda: nvml.collect(context, limit),
            "nvidia-smi": lambda: nvidia_smi.collect(context, limit),
            "proc": lambda: _proc_driver(context),
        },
        4 * limit,
    )
    facts = {key: _first(key, names, sources) for key, names in PREFERENCE.items()}
    facts[API] = _of(API, "cuda", sources)
    facts[nvidia_smi.KEY] = _of(nvidia_smi.KEY, "nvidia-smi", sources)
    facts[PROC_DRIVER] = _of(PROC_DRIVER, "proc", sources)
    return facts


def _proc_driver(context: Context) -> Facts:
    file = read_text(context, PROC_FILE)
    if file.text is None:
        miss = failed(file.error, PROC_FILE) if file.error else absent(PROC_FILE)
        return {PROC_DRIVER: miss, DRIVER_VERSION: miss}
    seen = parse("proc-driver", file.text)
    driver = seen.get("driver")
    if seen.get("error"):
        broken = failed("%s does not read as the driver writes it: %.120r" % (PROC_FILE, file.text), PROC_FILE)
        return {PROC_DRIVER: broken, DRIVER_VERSION: broken}
    return {
        PROC_DRIVER: found(seen, PROC_FILE),
        DRIVER_VERSION: found(driver, PROC_FILE) if driver else absent(PROC_FILE),
    }


def _of(key: str, name: str, sources: Dict[str, Facts]) -> Fact:
    """Return what the source ``name`` says of ``key``; a source that broke down has one failed fact only."""
    facts = sources[name]
    return facts.get(key) or facts.get(name) or failed("%s said nothing" % name, name)


def _first(key: str, names: Tuple[str, ...], sources: Dict[str, Facts]) -> Fact:
    """Return the first of the facts that was found; else a failure that tells all, else a miss that does."""
    facts: List[Fact] = [_of(key, name, sources) for name in names]
    for fact in facts:
        if fact["value"]:
            return fact
    searched = "; ".join(fact["source"] for fact in facts)
    errors = [fact["error"] for fact in facts if fact["error"]]
    return failed("; ".join(errors), searched) if errors else absent(searched)
