"""Parsers of what commands and files really print: pure functions, one module a kind.

Each takes the text as captured or pasted (with colours, prompts, a log's prefixes, Windows line ends) and
returns a dictionary whose keys its docstring lists. None means that the text says there is no such value; an
absent key, that it does not say. A text that tells of a failure gives ``{"error": cause}``, one that the
parser does not know at all ``{"error": "unreadable"}``. No parser raises, whatever the text.
"""

from typing import Any, Callable, Dict

from . import (
    collect_env,
    cuda_version_file,
    cudnn_header,
    device_tree,
    dpkg,
    jetson_release,
    ldconfig,
    ldd,
    nvcc,
    nvidia_smi,
    nvidia_smi_query,
    ort_debug,
    os_release,
    pip_list,
    pip_version,
    proc_driver,
    tegra_release,
    windows_env,
)

Parser = Callable[[str], Dict[str, Any]]

PARSERS = {
    "collect-env": collect_env.parse,
    "cuda-version-file": cuda_version_file.parse,
    "cudnn-header": cudnn_header.parse,
    "device-tree": device_tree.parse,
    "dpkg": dpkg.parse,
    "jetson-release": jetson_release.parse,
    "ldconfig": ldconfig.parse,
    "ldd": ldd.parse,
    "nvcc": nvcc.parse,
    "nvidia-smi": nvidia_smi.parse,
    "nvidia-smi-query": nvidia_smi_query.parse,
    "ort-debug": ort_debug.parse,
    "os-release": os_release.parse,
    "pip-list": pip_list.parse,
    "pip-version": pip_version.parse,
    "proc-driver": proc_driver.parse,
    "tegra-release": tegra_release.parse,
    "windows-env": windows_env.parse,
}  # type: Dict[str, Parser]


def parse(kind: str, text: str) -> Dict[str, Any]:
    """Parse ``text`` as what ``kind`` prints; raises KeyError for a kind that is not in PARSERS."""
    return PARSERS[kind](text)
