"""Lines that ONNX Runtime and its company print where nothing is wrong: no rule takes one for a cause."""

import re

#: By what each says. Threads: a container or a cgroup gives fewer cores than the machine has. Device discovery: a
#: card without the file, a virtual machine. Nodes and copies: how a graph is split between the GPU and the CPU.
_HARMLESS = (
    r"pthread_setaffinity_np failed",
    r"GPU device discovery failed|device_discovery\.cc|/sys/class/drm/",
    r"cpuid_info warning: Unknown CPU vendor",
    r"Some nodes were not assigned to the preferred execution providers",
    r"Rerunning with verbose output on a non-minimal build",
    r"Node\(s\) placed on \[|All nodes placed on \[",
    r"Memcpy nodes are added to the graph",
    r"appears in graph inputs and will not be treated as constant value",
    r"CleanUnusedInitializers\w*\] Removing initializer",
    r"\bTracerWarning: ",
    r"\[[IV]:onnxruntime:",
)

_ANY = re.compile("|".join(_HARMLESS))


def without(text: str) -> str:
    """Return ``text`` without the lines that are harmless."""
    return "\n".join(line for line in text.splitlines() if not _ANY.search(line))
