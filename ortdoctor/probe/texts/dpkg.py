"""``dpkg -l``, ``dpkg-query -W``, ``dpkg -s`` and ``apt list``: which NVIDIA packages are installed."""

import re
from typing import Any, Dict, List, Optional

from ._common import UNREADABLE, clean, first, shell_failure, version_parts

# Desired state, state, error; then name, version. States n (not installed) and c (only its settings) are left
# out.
_LIST_LINE = re.compile(r"(?:^|\s)([uihrp])([iUFHWt])R?\s+([a-z0-9][\w.+-]*(?::\w+)?)\s+(\d\S*)")

_SHOW_LINE = re.compile(r"^[ \t]*([a-z0-9][a-z0-9.+-]+(?::\w+)?)\t(\d\S*)\s*$")

_APT_LINE = re.compile(r"^[ \t]*([a-z0-9][a-z0-9.+-]+)/\S+ (\d\S*) (\w+) \[installed")

# libnvidia-compute-550, nvidia-driver-580-open, nvidia-headless-535-server, nvidia-384 of the first years.
_DRIVER = re.compile(r"(?:lib)?nvidia-(?:[a-z0-9]+-)*?(\d{3})(?:-server|-open)*(?::\w+)?$")

_TOOLKIT = re.compile(
    r"cuda(?:-(?:toolkit|runtime|libraries|compiler|cudart|nvcc|minimal-build))?-(\d+)-(\d+)(?::\w+)?$"
)

# A paragraph of `dpkg -s`: Package first, Version after lines that do not matter.
_PARAGRAPH = re.compile(r"^Package: (\S+)\n(?:[^\n]+\n){0,40}?Version: (\S+)", re.M)


def parse(text: str) -> Dict[str, Any]:
    """Return the packages and what follows from them; ``{error}`` where nothing is listed.

    The keys are ``packages: {name: version}`` and, where there is any, ``held: [name], l4t, cuda: [str],
    cudnn, cudnn_for_cuda, driver_packages: [str]``. ``packages`` are those whose files are there,
    half-configured ones too; ``held`` those that an upgrade leaves alone. ``cuda`` are toolkits (``"11.0"``)
    in the order of the list, ``driver_packages`` driver branches (``"550"``): more than one of either is a
    frequent fault.
    """
    text = clean(text)
    packages = {}  # type: Dict[str, str]
    held = []  # type: List[str]
    for line in text.splitlines():
        listed = _LIST_LINE.search(line)
        shown = _SHOW_LINE.match(line) or _APT_LINE.match(line)
        if listed:
            packages[listed.group(3)] = listed.group(4)
            if listed.group(1) == "h":
                held.append(listed.group(3))
        elif shown:
            packages[shown.group(1)] = shown.group(2)
    packages.update(_PARAGRAPH.findall(text))
    if not packages:
        nothing = re.search(r"\bdpkg(?:-query)?: ", text)
        return {"error": "not-found" if nothing else shell_failure(text, "dpkg") or UNREADABLE}
    found = {"packages": packages}  # type: Dict[str, Any]
    derived = {
        "held": held,
        "l4t": _l4t(packages),
        "cuda": _toolkits(packages),
        "driver_packages": _drivers(packages),
    }
    found.update({key: value for key, value in derived.items() if value})
    found.update(_cudnn(packages))
    return found


def _l4t(packages: Dict[str, str]) -> Optional[str]:
    names = sorted(packages, key=lambda name: name != "nvidia-l4t-core")
    return next((packages[name].split("-")[0] for name in names if name.startswith("nvidia-l4t-")), None)


def _toolkits(packages: Dict[str, str]) -> List[str]:
    found = []  # type: List[str]
    for name, version in packages.items():
        named = _TOOLKIT.match(name)
        release = ""
        if named:
            release = "%s.%s" % named.groups()
        elif name in ("nvidia-cuda-toolkit", "cuda", "cuda-toolkit"):
            release = ".".join(str(part) for part in version_parts(version)[:2])
        if release and release not in found:
            found.append(release)
    return found


def _drivers(packages: Dict[str, str]) -> List[str]:
    matches = [_DRIVER.match(name) for name in packages]
    return sorted({match.group(1) for match in matches if match})


def _cudnn(packages: Dict[str, str]) -> Dict[str, str]:
    """Read the runtime package: libcudnn8 (version ends in +cuda12.2) or libcudnn9-cuda-12."""
    for name, version in packages.items():
        runtime = re.match(r"libcudnn\d+(?:-cuda-(\d+))?(?::\w+)?$", name)
        if runtime:
            found = {"cudnn": version.split("-")[0]}
            cuda = first(r"\+cuda(\d+(?:\.\d+)*)", version) or runtime.group(1)
            if cuda:
                found["cudnn_for_cuda"] = cuda
            return found
    return {}
