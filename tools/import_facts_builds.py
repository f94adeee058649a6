"""Facts and the listing of the index to builds.json: a row per distribution, release, platform, channel."""

from __future__ import annotations

import re

from packaging.version import Version

from tools.import_facts_channels import feeds, jetson
from tools.import_facts_common import (
    CPU,
    GPU,
    GPU_ONLY,
    LINUX,
    LINUX_ARM,
    WINDOWS,
    Platform,
    Sources,
    new_row,
    toolkit,
)
from tools.import_facts_evidence import Row, evidence, expand, tag_order
from tools.import_facts_wheels import OPTIONAL, Disagreement, fill

#: GPU releases that were on the index and are gone, with what shows it: facts "removed from pypi", and for
#: 1.24.2 and 1.24.3 lock files and build scripts that name their wheels. Releases up to 1.9.0 and 1.10.0 come
#: from the issues in :func:`_removed`.
_REMOVED = {
    "1.16.1": ("hallo2 issue #74, pip output of 2025-02", "secondary"),
    "1.16.2": ("hallo2 issue #74, pip output of 2025-02", "secondary"),
    "1.17.3": ("pypi/support issue #3986: uploaded in part", "secondary"),
    "1.20.1": ("hallo2 issue #74, pip output of 2025-02; wilbowes/EchoMuse PR #131", "secondary"),
    "1.24.2": (
        "a public build script with name, size and digest of its Windows wheel (file id 61040430082)",
        "secondary",
    ),
    "1.24.3": (
        "a public lock file with name and digest of its Linux wheel (file id 66698147526)",
        "secondary",
    ),
}


def builds(sources: Sources) -> tuple[list[Row], list[Disagreement]]:
    """Return every build, sorted by distribution, release, platform and channel, and what wheels contradict."""
    rows = _on_index(sources) + _gone(sources)
    gpu = {(row["version"], row["os"], row["arch"]): row for row in rows if row["distribution"] == GPU}
    for row in gpu.values():
        if row["availability"] != "never":
            _documented(row, sources, sorted({version for version, _, _ in gpu}, key=Version))
    differ = fill(gpu, sources)
    _like_linux(gpu, sources)
    _cpu_wheels(rows, sources)
    rows += feeds(sources, gpu) + jetson(sources)
    for row in rows:
        if row["python"] and Version(row["version"]) < Version("1.19"):
            row["numpy"] = "<2"
            source = "measured: onnxruntime-gpu 1.18.1 fails to import with NumPy 2, 1.19.2 imports"
            sure = "measured" if (row["distribution"], row["version"]) == (GPU, "1.18.1") else "derived"
            row["evidence"].append(evidence(source, sure, "numpy", when=sources.when))
    return sorted(rows, key=lambda row: (row["distribution"], Version(row["version"]), row["id"])), differ


def platforms_of(tag: str) -> list[Platform]:
    """Return the platforms of a wheel's platform tag; a universal2 wheel is for two."""
    if tag.startswith("macosx"):
        arches = {"universal2": ["x86_64", "aarch64"], "arm64": ["aarch64"], "x86_64": ["x86_64"]}
        return [("macos", arch) for arch in arches[re.sub(r"macosx_\d+_\d+_", "", tag)]]
    known = {"win_amd64": WINDOWS, "win32": ("windows", "x86"), "win_arm64": ("windows", "aarch64")}
    return [known[tag]] if tag in known else [LINUX if tag.endswith("x86_64") else LINUX_ARM]


def glibc_floor(tags: list[str]) -> str | None:
    """Return the oldest glibc that one of the tags takes (PEP 513, 571, 599, 600), if any is manylinux."""
    legacy = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
    floors = [legacy[name] for name in re.findall(r"manylinux(?:1|20\d\d)(?=_)", ".".join(tags))]
    floors += [f"{major}.{minor}" for major, minor in re.findall(r"manylinux_(\d+)_(\d+)_", ".".join(tags))]
    return min(floors, key=Version, default=None)


def _on_index(sources: Sources) -> list[Row]:
    rows: list[Row] = []
    for distribution, versions in sources.wheels.items():
        # Development snapshots that were left on the index are no releases.
        for version in (name for name in versions if not Version(name).is_prerelease):
            found: dict[Platform, Row] = {}
            for tag, pythons in versions[version].items():
                for platform in platforms_of(tag):
                    fresh = new_row(distribution, version, platform, channel="index", availability="index")
                    row = found.setdefault(platform, fresh)
                    row["platform_tags"] = sorted({*row["platform_tags"], tag})
                    row["python"] = sorted({*row["python"], *pythons}, key=tag_order)
            for row in found.values():
                _glibc(row)
                source = f"file names on the index, read {sources.read}"
                fields = [name for name in ("availability", "glibc", "platform_tags", "python") if name in row]
                entry = evidence(source, "measured", *fields, when=sources.read, kind="measurement")
                row["evidence"].append(entry)
            rows += found.values()
    return rows


def _glibc(row: Row) -> None:
    floor = glibc_floor(row["platform_tags"])
    row.update({"glibc": floor} if floor else {})


def _gone(sources: Sources) -> list[Row]:
    """Return the GPU releases that are not on the index: removed where something shows them, else never."""
    rows = []
    cpu, gpu = sources.wheels[CPU], sources.wheels[GPU]
    versions = {name for name in cpu if not Version(name).is_prerelease} | set(GPU_ONLY)
    for version in sorted(versions - set(gpu), key=Version):
        why = _removed(version)
        for platform in (LINUX, WINDOWS):
            availability = "removed" if why else "never"
            row = new_row(GPU, version, platform, channel="index", availability=availability)
            source, confidence = why or (
                f"not on the index, read {sources.read}; nothing shows that it was",
                "derived",
            )
            row["evidence"] = [evidence(source, confidence, "availability", when=sources.when)]
            if why:
                _tags_of_sibling(row, version, sources)
            rows.append(row)
    return rows


def _removed(version: str) -> tuple[str, str] | None:
    if version in _REMOVED:
        return _REMOVED[version]
    if Version("0.2") <= Version(version) <= Version("1.9.0"):
        return ("microsoft/onnxruntime issue #20737: removed for the size limit of the index", "doc")
    return ("microsoft/onnxruntime issue #22747: removal notice", "doc") if version == "1.10.0" else None


def _tags_of_sibling(row: Row, version: str, sources: Sources) -> None:
    """Take tags from GPU wheels of the same minor, else Python tags alone from its CPU wheel."""
    platform = (row["os"], row["arch"])
    minor = [name for name in sources.wheels[GPU] if name.split(".")[:2] == version.split(".")[:2]]
    near = min(minor, key=lambda name: abs(Version(name).micro - Version(version).micro), default=None)
    wheels = sources.wheels[GPU][near] if near else sources.wheels[CPU].get(version, {})
    tags = {tag: pythons for tag, pythons in wheels.items() if platform in platforms_of(tag)}
    row["python"] = sorted({python for pythons in tags.values() for python in pythons}, key=tag_order)
    row["platform_tags"] = sorted(tags) if near else []
    _glibc(row)
    if tags:
        source = f"{GPU} {near} on the index" if near else f"{CPU} {version} on the index"
        fields = ["python", "platform_tags"] if near else ["python"]
        row["evidence"].append(evidence(source, "derived", *fields, when=sources.read, kind="measurement"))


def _documented(row: Row, sources: Sources, versions: list[str]) -> None:
    """Fill cuda, cudnn and tensorrt from the tables in documents."""
    for fact in sources.facts["A_ort_cuda_cudnn"]:
        if fact["channel"] in _DOCUMENT_CHANNELS and row["version"] in _versions_of(fact, versions):
            found: Row = {"cuda": toolkit(fact["cuda"])}
            cudnn = _for_os(fact["cudnn"], row["os"])
            found.update({"cudnn": cudnn} if cudnn else {})
            found.update({"optional": OPTIONAL} if "optional" in (fact["cudnn"] or "") else {})
            row.update(found)
            # A measurement that a fact gives for a range of releases was made on one of them.
            measured = fact["confidence"] == "measured"
            sure, kind = ("derived", "wheel") if measured else (_document_part(fact), "document")
            source = re.split(r"(?: \+|;) measured:", fact["source"])[0]
            row["evidence"].append(evidence(source, sure, *found, when=sources.when, kind=kind))
    for fact in sources.facts["C_tensorrt"]:
        # Aarch64 wheels and development snapshots are not what this table is about.
        if (
            row["arch"] == "x86_64"
            and re.fullmatch(r"[0-9.]+(-[0-9.]+)?", fact["ort"])
            and row["version"] in expand(fact["ort"], versions)
        ):
            row["tensorrt"] = toolkit(fact["tensorrt"].split(" ")[0])
            row["evidence"].append(evidence(fact["source"], fact["confidence"], "tensorrt", when=sources.when))


#: Rows of the CUDA table on what the index has; 1.27+ is the first measured row for CUDA 13.
_DOCUMENT_CHANNELS = ("pypi", "source/pypi", "official doc", "pypi (default)", "all official GPU packages")


def _versions_of(fact: Row, versions: list[str]) -> list[str]:
    named = expand(fact["ort"], versions) if re.fullmatch(r"[0-9.x+-]+", fact["ort"]) else []
    # "Starting with 1.22, only CUDA 12" was true until 1.27 brought CUDA 13.
    return [name for name in named if Version(name) < Version("1.27")] if fact["ort"] == "1.22+" else named


def _document_part(fact: Row) -> str:
    return "doc" if fact["confidence"] == "doc+measured" else fact["confidence"]


def _for_os(cudnn: str | None, os: str) -> str | None:
    """Pick the part of ``8.0.4 (Linux) / 8.0.2.39 (Windows)``; ``9.x`` is ``9``, words are nothing."""
    if not cudnn:
        return None
    parts = cudnn.split(" / ")
    part = parts[-1] if os == "windows" else parts[0]
    return toolkit(part) if part[0].isdigit() else None


def _like_linux(gpu: dict[tuple[str, str, str], Row], sources: Sources) -> None:
    """Give a platform of which nothing is known the CUDA of the release's Linux build."""
    for key, row in gpu.items():
        linux = gpu.get((key[0], *LINUX))
        if "cuda" not in row and linux and "cuda" in linux:
            row.update({name: linux[name] for name in ("cuda", "cudnn")})
            source = f"{GPU} {key[0]} for Linux x86_64"
            row["evidence"].append(evidence(source, "derived", "cuda", "cudnn", when=sources.when, kind="wheel"))


def _cpu_wheels(rows: list[Row], sources: Sources) -> None:
    """Add which CPU wheel was read, and the glibc that its symbols need where it is newer than its tag says."""
    read = {wheel["id"]: wheel for wheel in sources.read_wheels if wheel["distribution"] == CPU}
    for row in rows:
        wheel = read.get(row["id"])
        if wheel and row["availability"] == "index":
            row["sha256"] = wheel["sha256"]
            row["glibc"] = max(row.get("glibc", "0"), wheel.get("glibc", "0"), key=Version)
            source = f"the wheel {wheel['file']}"
            when = wheel["evidence"][0]["when"]
            row["evidence"].append(evidence(source, "measured", "glibc", "sha256", when=when, kind="wheel"))
