"""NVIDIA Jetson: which release of Linux for Tegra (L4T), which board."""

from typing import Dict, Optional, Tuple

from .context import Context
from .fact import Facts, absent, failed, found
from .reading import Text, read_text
from .texts import parse

KEY = "system.jetson"

RELEASE = "/etc/nv_tegra_release"
PACKAGES = "/var/lib/dpkg/status"
#: The same folder by its two names; a container may hide /proc/device-tree but sees /sys.
DEVICE_TREES = ("/proc/device-tree", "/sys/firmware/devicetree/base")


def collect(context: Context) -> Facts:
    """Return ``system.jetson``.

    The release comes from /etc/nv_tegra_release, then from the package nvidia-l4t-core. In a container that
    has neither, the device tree still shows the host's board: ``l4t`` is None there.
    """
    release = read_text(context, RELEASE)
    packages = read_text(context, PACKAGES)
    model = _device_tree(context, "model")
    searched = "%s, nvidia-l4t-core in %s, %s/model" % (RELEASE, PACKAGES, DEVICE_TREES[0])
    seen: Dict[str, Optional[str]] = {}
    sources = []
    if release.text:
        parsed = parse("tegra-release", release.text)
        seen.update({name: parsed.get(name) for name in ("l4t", "release", "revision", "board")})
        sources.append(RELEASE)
    if not seen.get("l4t"):
        version = _package_version(packages.text or "", "nvidia-l4t-core")
        if version:
            # 32.6.1-20210726122859: the release of L4T, then the build's date.
            seen["l4t"] = version.partition("-")[0]
            sources.append("nvidia-l4t-core in " + PACKAGES)
    if not sources and not _is_tegra(context, model):
        return {KEY: failed(release.error, RELEASE) if release.error else absent(searched)}
    if model.text:
        seen["model"] = parse("device-tree", model.text).get("model")
        sources.append(model.path)
    value = {name: seen.get(name) for name in ("l4t", "release", "revision", "board", "model")}
    return {KEY: found(value, ", ".join(sources))}


def _device_tree(context: Context, name: str) -> Text:
    """Return the property ``name`` of the device tree's root; its strings end in NUL."""
    texts = [read_text(context, "%s/%s" % (folder, name)) for folder in DEVICE_TREES]
    return next((text for text in texts if text.text), texts[0])


def _is_tegra(context: Context, model: Text) -> bool:
    compatible = _device_tree(context, "compatible").text or ""
    return "nvidia,tegra" in compatible or "jetson" in (model.text or "").lower()


def _package_version(status: str, name: str) -> Optional[str]:
    """Return the version of the installed package ``name`` in the text of dpkg's status file."""
    for stanza in status.split("\n\n") if "Package: " + name in status else ():
        fields = dict(_field(line) for line in stanza.splitlines() if ":" in line and line[:1].strip())
        if fields.get("Package") == name and fields.get("Status", "").endswith(" installed"):
            return fields.get("Version")
    return None


def _field(line: str) -> Tuple[str, str]:
    name, _, text = line.partition(":")
    return name, text.strip()
