"""Which wheels are read, in which order, and the rows of wheels.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.version import Version

from tools.import_facts_builds import glibc_floor, platforms_of
from tools.import_facts_common import CPU, GPU, LINUX, LINUX_ARM, WINDOWS, Wheels
from tools.import_facts_evidence import evidence, tag_order
from tools.refresh_pip import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Most asked-for first: a run that is cut short has read what counts.
ORDER = ((GPU, LINUX), (GPU, WINDOWS), (GPU, LINUX_ARM), (CPU, LINUX))

_FIELDS = (
    *("id", "file", "sha256", "size", "distribution", "version", "os", "arch", "tag", "python", "platform_tag"),
    *("requires_python", "requires", "build_info", "needed", "run_time", "preload", "rpath", "glibc", "glibcxx"),
    *("gpu_code", "evidence"),
)


def targets(projects: Mapping[str, Wheels]) -> list[Target]:
    """Return one wheel per release and platform of the listing, newest releases first within each of ORDER."""
    found = []
    for distribution, platform in ORDER:
        released = [version for version in projects.get(distribution, {}) if not Version(version).is_prerelease]
        for version in sorted(released, key=Version, reverse=True):
            wheels = projects[distribution][version]
            tags = sorted((tag for tag in wheels if platform in platforms_of(tag)), key=_oldest_first)
            if tags:
                pythons = sorted(wheels[tags[0]], key=tag_order)
                # A free-threaded build is read only where there is no other.
                read = [tag for tag in pythons if not tag.endswith("t")] or pythons
                found.append(Target(distribution, version, *platform, tags[0], read[-1], tuple(pythons)))
    return found


def _oldest_first(tag: str) -> tuple[Version, str]:
    return Version(glibc_floor([tag]) or "0"), tag


def row_of(target: Target, file: str, facts: Mapping[str, Any], when: str) -> dict[str, Any]:
    """Return the row of a wheel that was read on ``when`` (a date)."""
    row = {
        **target._asdict(),
        **facts,
        "id": row_id(target),
        "file": file,
        "python": list(target.tags),
        "evidence": [evidence(f"the wheel {file}", "measured", when=when, kind="wheel")],
    }
    return {name: row[name] for name in _FIELDS if name in row}


def row_id(target: Target) -> str:
    """Return the id of a wheel's row, which is the one of its row in builds.json."""
    return f"{target.distribution}-{target.version}-{target.os}-{target.arch}"


def in_order(rows: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows by distribution, release, platform: the order of the file."""
    return sorted(
        rows.values(),
        key=lambda row: (row["distribution"], Version(row["version"]), row["id"]),
    )
