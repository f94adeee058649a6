"""What was read out of GPU wheels, for the rows of builds.json: compat/wheels.json first, then the facts.

A wheel wins over a document; where they disagree, both go to conflicts.json. A document that is more exact
(``cudnn`` 8.2.4 where the wheel needs ``libcudnn.so.8``) stays. A release that was not read, or is gone, takes
what the nearest patch release of the same minor and platform says.
"""

from __future__ import annotations

import re
from statistics import median
from typing import NamedTuple

from packaging.version import Version

from ortdoctor.diagnose.sonames import parse_soname
from tools.import_facts_common import GPU, LINUX, LINUX_ARM, WINDOWS, Sources, toolkit
from tools.import_facts_evidence import Row, evidence
from tools.refresh_fatbin import code_order

#: Opened only when an operator asks for them since 1.28 (fact "1.28+").
OPTIONAL = ["cudnn", "cufft"]

Key = tuple[str, str, str]


class Reading(NamedTuple):
    """Fields for a row and where and when they were read."""

    found: Row
    where: str
    when: str


class Disagreement(NamedTuple):
    """``field`` of a build: what a document or an earlier reading says, and what the wheel says."""

    field: str
    platform: str
    said: str
    read: str
    version: str
    source: Row
    wheel: Row


def fill(gpu: dict[Key, Row], sources: Sources) -> list[Disagreement]:
    """Fill the rows of the GPU builds in; return where documents or earlier readings disagree with wheels."""
    facts = _facts_read(sources)
    read = {key: Reading(from_fact(fact, key[1]), fact["source"], sources.when) for key, fact in facts.items()}
    whole = {
        (row["version"], row["os"], row["arch"]): row for row in sources.read_wheels if row["distribution"] == GPU
    }
    read.update({key: Reading(from_wheel(row), row["file"], _when(row)) for key, row in whole.items()})
    differ: list[Disagreement] = []
    for key, row in gpu.items():
        if key in whole and row["availability"] == "index":
            differ += _apply_whole(row, read[key], whole[key])
            if key in facts:
                differ += _earlier(row, facts[key], read[key], whole[key], sources)
        elif key in read:
            _apply(row, read[key].found, evidence(read[key].where, "measured", when=sources.when))
        elif row["availability"] != "never":
            _from_sibling(row, key, read)
    return differ


def _when(wheel: Row) -> str:
    return str(wheel["evidence"][0]["when"])


def _facts_read(sources: Sources) -> dict[Key, Row]:
    channels = {
        "pypi wheel linux x86_64": LINUX,
        "pypi wheel win_amd64": WINDOWS,
        "pypi wheel manylinux_2_34_aarch64": LINUX_ARM,
    }
    facts = sources.facts["A_ort_cuda_cudnn"]
    return {(fact["ort"], *channels[fact["channel"]]): fact for fact in facts if fact["channel"] in channels}


def from_wheel(wheel: Row) -> Row:
    """Return the fields that a row of wheels.json gives."""
    provider = _of_library(wheel, "onnxruntime_providers_cuda")
    tensorrt = _of_library(wheel, "onnxruntime_providers_tensorrt")
    preloads = wheel.get("preload", [])
    # Where auditwheel removed NEEDED (1.11 to 1.15), the wheel preloads: one list per provider.
    if not _cuda_names(provider):
        provider = next((names for names in preloads if not _tensorrt_names(names)), [])
    if not _tensorrt_names(tensorrt):
        tensorrt = next((names for names in preloads if _tensorrt_names(names)), [])
    sonames = _cuda_names(provider)
    opened = [name for names in wheel.get("run_time", {}).values() for name in names]
    found: Row = {
        "sha256": wheel["sha256"],
        "sonames": sonames,
        "gpu_code": gpu_code(usual(wheel.get("gpu_code", {}))),
        "optional": sorted({library.name for library in map(parse_soname, opened) if library}),
        "tensorrt_sonames": _tensorrt_names(tensorrt),
        "extras": extras(wheel.get("requires", [])),
        "cuda": _version_of("cublas", sonames),
        "cudnn": _version_of("cudnn", [*sonames, *opened]),
        "cuda_build": cuda_build(wheel.get("build_info", {})),
        "glibc": wheel.get("glibc", ""),
    }
    return {name: value for name, value in found.items() if value}


def usual(counts: dict[str, int]) -> list[str]:
    """Return the codes that most kernels have: a GPU that only a few kernels have code for cannot use the build.

    The measure is the median, since some kernels are there for one GPU alone (1.31: 600 entries for 9.0a, 308
    for others), some not for the oldest (217 for 7.5). Windows has 38 entries of PTX in 1.31, 18 for 9.0a in 1.29.
    """
    if not counts:
        return []
    return [name for name, count in counts.items() if 4 * count >= median(counts.values())]


def _of_library(wheel: Row, stem: str) -> list[str]:
    needed = wheel.get("needed", {})
    return list(needed.get(f"lib{stem}.so") or needed.get(f"{stem}.dll") or [])


def _cuda_names(names: list[str]) -> list[str]:
    families = {"cuda", "cudnn", "driver"}
    return sorted(name for name in names if (library := parse_soname(name)) and library.family in families)


def _tensorrt_names(names: list[str]) -> list[str]:
    return sorted(name for name in names if re.match(r"(?:lib)?nv(?:infer|onnxparser)", name))


def _version_of(library: str, names: list[str]) -> str:
    versions = [found.version for found in map(parse_soname, names) if found and found.name == library]
    return (versions[0] or "") if versions else ""


def extras(requires: list[str]) -> dict[str, list[str]]:
    """Return ``{"cudnn": ["nvidia-cudnn-cu13~=9.0"]}`` of Requires-Dist lines."""
    found: dict[str, list[str]] = {}
    for line in requires:
        match = re.fullmatch(r"(.+?)\s*; extra == [\"'](\w+)[\"']", line)
        if match:
            found.setdefault(match.group(2), []).append(match.group(1))
    return {name: sorted(found[name]) for name in sorted(found)}


def cuda_build(info: Row) -> str:
    """Return the toolkit, major and minor, that a wheel's build information names; empty where it names none."""
    for name in ("build_and_package_info", "version_info"):
        match = re.match(r"\d+\.\d+", str(info.get(name, {}).get("cuda_version", "")))
        if match:
            return match[0]
    return ""


def from_fact(fact: Row, os: str) -> Row:
    """Return the fields that a fact read out of a wheel gives."""
    found: Row = {"gpu_code": gpu_code(fact["gpu_code"]), "sonames": sorted(fact.get("sonames", []))}
    if os == "windows":
        found["sonames"] = sorted(
            f"{name}.dll" for name in re.findall(r"\b[a-zA-Z]+64_\d+", f"{fact['notes']} {fact['cudnn']}")
        )
    if "optional" in fact["cudnn"]:
        # Named by the wheel's own extras (nvidia-cudnn-cu13~=9.0), opened only when an operator asks for it.
        found.update(cudnn="9", optional=OPTIONAL, sonames=[n for n in found["sonames"] if "cudnn" not in n])
    else:
        found["cudnn"] = re.search(r"(?:so\.|64_)(\d+)", fact["cudnn"])[1]  # type: ignore[index]
    found["cuda"] = toolkit(fact["cuda"])
    found["cuda_build"] = fact.get("build_info_cuda_version")
    found["tensorrt_sonames"] = sorted(fact.get("tensorrt_sonames", []))
    found["extras"] = extras(fact.get("cuda_extra_requires", []))
    return {name: value for name, value in found.items() if value}


def gpu_code(names: list[str]) -> list[str]:
    """Return ``SASS_75`` and ``PTX_75`` names in order; ``PTX+SASS 52,60`` stands for both of each."""
    spelled = []
    for name in names:
        if name.startswith("PTX+SASS "):
            numbers = name.removeprefix("PTX+SASS ").split(",")
            spelled += [f"{form}_{number}" for form in ("PTX", "SASS") for number in numbers]
        else:
            spelled.append(name)
    return sorted(spelled, key=code_order)


def _apply(row: Row, found: Row, entry: Row) -> None:
    """Copy what was read but for the glibc of its symbols; what a document says more exactly stays."""
    kept = {
        name: value
        for name, value in found.items()
        if name not in ("glibc", "sha256") and not (name in ("cuda", "cudnn") and _agree(row.get(name, ""), value))
    }
    row.update(kept)
    row["evidence"].append({**entry, "fields": sorted({*kept, *({"cuda", "cudnn"} & set(found))})})


def _agree(said: str, read: str) -> bool:
    return said.split(".", 1)[0] == read.split(".", 1)[0]


def _apply_whole(row: Row, reading: Reading, wheel: Row) -> list[Disagreement]:
    """Copy what the whole wheel says over what documents say, and the digest that says which wheel it was."""
    found = dict(reading.found)
    entry = evidence(f"the wheel {reading.where}", "measured", when=reading.when, kind="wheel")
    majors = {name: found.get(name, "") for name in ("cuda", "cudnn")}
    majors["tensorrt"] = _version_of("nvinfer", found.get("tensorrt_sonames", []))
    differ = []
    for name, read in majors.items():
        right = _corrected(row.get(name, ""), read, found.get("cuda_build", "") if name == "cuda" else "")
        if right:
            differ.append(_differs(row, name, row[name], right, _no_longer(row, name), entry))
            row[name] = found[name] = right
    # The platform tag says the oldest glibc, which pip goes by, unless the symbols need a newer one.
    tag, symbols = row.get("glibc"), found.get("glibc")
    if tag and symbols and Version(symbols) > Version(tag):
        differ.append(_differs(row, "glibc", tag, symbols, _no_longer(row, "glibc"), entry))
        row["glibc"] = symbols
    _apply(row, found, entry)
    row["sha256"] = wheel["sha256"]
    also = {"glibc", "sha256"} & set(row)
    row["evidence"][-1]["fields"] = sorted({*row["evidence"][-1]["fields"], *also})
    return differ


def _corrected(said: str, read: str, build: str) -> str:
    """Return what the wheel says instead of ``said``; empty where they agree or one of them says nothing.

    ``build`` is the toolkit, major and minor, of the wheel's build information: another minor is wrong, too.
    """
    if not said or not read or (_agree(said, read) and not (build and "." in said)):
        return ""
    right = build or read
    return "" if said.split(".")[:2] == right.split(".")[:2] else right


def _no_longer(row: Row, field: str) -> Row:
    """Take ``field`` from the entries that speak for it; return the first of them as it was."""
    speaking = [entry for entry in row["evidence"] if field in entry.get("fields", [])]
    others = [entry for entry in row["evidence"] if entry not in speaking]
    left = [{**entry, "fields": [name for name in entry["fields"] if name != field]} for entry in speaking]
    row["evidence"] = [entry for entry in left if entry["fields"]] + others
    return dict(speaking[0])


def _differs(row: Row, field: str, said: str, read: str, *entries: Row) -> Disagreement:
    """``entries``: whose word it was, and the wheel."""
    return Disagreement(field, f"{row['os']} {row['arch']}", said, read, row["version"], *entries)


def _earlier(row: Row, fact: Row, reading: Reading, wheel: Row, sources: Sources) -> list[Disagreement]:
    """Compare with what the facts read out of another wheel of the same release."""
    source = evidence(fact["source"], "measured", when=sources.when)
    entry = evidence(f"the wheel {wheel['file']}", "measured", when=reading.when, kind="wheel")
    before, now = from_fact(fact, row["os"]), reading.found
    differ = []
    for name in ("gpu_code", "sonames", "tensorrt_sonames", "cuda_build"):
        said, read = before.get(name), now.get(name)
        # What a fact leaves out it does not deny, but GPU code is told in full.
        less = name != "gpu_code" and isinstance(said, list) and set(said) <= set(read or [])
        if said and said != read and not less:
            texts = [value if isinstance(value, str) else ", ".join(value or ["none"]) for value in (said, read)]
            differ.append(_differs(row, name, texts[0], texts[1], source, entry))
    return differ


def _from_sibling(row: Row, key: Key, read: dict[Key, Reading]) -> None:
    version = Version(key[0])
    near = [k for k in read if k[1:] == key[1:] and Version(k[0]).release[:2] == version.release[:2]]
    if near:
        nearest = min(near, key=lambda k: (abs(Version(k[0]).micro - version.micro), k[0]))
        source = f"wheel of {GPU} {nearest[0]}, the same minor release"
        _apply(row, read[nearest].found, evidence(source, "derived", when=read[nearest].when, kind="wheel"))
