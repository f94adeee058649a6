"""The matrix as a table, and one release with everything that is known of it and why."""

import csv
import io
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_rows import Build
from ortdoctor.diagnose.plans_options import CPU_DISTRIBUTION, GPU_DISTRIBUTION

SCHEMA = "ortdoctor.matrix/1"

#: The systems that a release's GPU wheel is looked for on, the commonest first.
_PLATFORMS = (("linux", "x86_64"), ("windows", "x86_64"), ("linux", "aarch64"))

HEADINGS = ("release", "opset", "IR", "CUDA", "cuDNN", "Python", "GPU wheel", "CPU wheel")


class Row(NamedTuple):
    """One release: its limits, its GPU wheel for Linux x86_64 (or the next platform), its CPU wheel.

    ``enforced`` false: the release loads newer models, too, and may compute them wrongly.
    """

    release: str
    opset: int
    ir: int
    ml_opset: Optional[int]
    enforced: bool
    cuda: Optional[str]
    cudnn: Optional[str]
    python: Tuple[str, ...]
    gpu: str
    cpu: str


def rows(matrix: Matrix) -> List[Row]:
    """Return a row for each release, the newest first."""
    return [_row(matrix, release.version) for release in reversed(matrix.releases())]


def table(matrix: Matrix) -> List[Tuple[str, ...]]:
    """Return the headings and the rows as texts; a dash for what is not there or not known."""
    lines: List[Tuple[str, ...]] = [HEADINGS]
    for row in rows(matrix):
        limits = (str(row.opset) + ("" if row.enforced else "*"), str(row.ir))
        pythons = ", ".join(_short(row.python))
        lines.append((row.release,) + limits + (row.cuda or "-", row.cudnn or "-", pythons or "-", row.gpu, row.cpu))
    return lines


def as_csv(matrix: Matrix) -> str:
    """Return the table as comma-separated values (RFC 4180, but a line ends with a newline alone)."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table(matrix))
    return text.getvalue()


def as_markdown(matrix: Matrix) -> str:
    """Return the table as Markdown."""
    head, *body = table(matrix)
    lines = [head, tuple("---" for _ in head)] + body
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def as_text(matrix: Matrix) -> str:
    """Return the table in columns for a terminal."""
    lines = table(matrix)
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADINGS))]
    padded = ("  ".join(line[at].ljust(width) for at, width in enumerate(widths)).rstrip() for line in lines)
    return "\n".join(padded) + "\n\n* not enforced: newer models load, too, and may compute wrongly\n"


def document(matrix: Matrix) -> Dict[str, Any]:
    """Return the table as JSON values."""
    return {"schema": SCHEMA, "releases": [dict(row._asdict(), python=list(row.python)) for row in rows(matrix)]}


def explained(matrix: Matrix, version: str) -> Optional[Dict[str, Any]]:
    """Return everything of one release: limits, builds, evidence of each row; None where the matrix lacks it."""
    match = matrix.release(version)
    if match is None or not match.exact:
        return None
    builds = [build for build in matrix.builds(version=match.release.version) if build.availability != "never"]
    return {
        "schema": SCHEMA,
        "release": _whole(matrix, match.release.row_id),
        "builds": [_whole(matrix, build.row_id) for build in builds],
    }


def explanation(whole: Dict[str, Any]) -> str:
    """Return what :func:`explained` found as lines for people."""
    return "\n".join(_lines(whole["release"]) + [line for row in whole["builds"] for line in ["", *_lines(row)]]) + "\n"


def _lines(row: Dict[str, Any]) -> List[str]:
    said = [(name, value) for name, value in row.items() if name not in ("row", "evidence")]
    lines = [str(row["row"])]
    lines += ["  %s: %s" % (name, _flat(value)) for name, value in said if value not in (None, [], {})]
    for entry in row["evidence"]:
        speaks_for = " for %s" % ", ".join(entry["fields"]) if entry.get("fields") else ""
        what = (entry["confidence"], speaks_for, entry["kind"], entry["where"], entry["when"])
        lines.append("  %s%s: %s: %s (%s)" % what)
    return lines


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return "; ".join("%s: %s" % (name, _flat(inner)) for name, inner in value.items())
    return str(value)


def _whole(matrix: Matrix, row_id: str) -> Dict[str, Any]:
    whole: Dict[str, Any] = {"row": row_id}
    whole.update(matrix.raw(row_id))
    return whole


def _row(matrix: Matrix, version: str) -> Row:
    limits = matrix.limits(version)
    if limits is None:
        raise LookupError(version)
    gpu = _first(matrix, GPU_DISTRIBUTION, version)
    cpu = _first(matrix, CPU_DISTRIBUTION, version)
    described = gpu or cpu
    return Row(
        version,
        limits.opset,
        limits.ir,
        limits.ml_opset,
        limits.enforced,
        gpu.cuda if gpu else None,
        gpu.cudnn if gpu else None,
        described.python if described else (),
        gpu.availability if gpu else "never",
        cpu.availability if cpu else "never",
    )


def _first(matrix: Matrix, distribution: str, version: str) -> Optional[Build]:
    """Return the build that pip finds first; where it never found one, what another source has."""
    found = [matrix.build(distribution, version, os, arch) for os, arch in _PLATFORMS]
    others = [row for row in matrix.builds(distribution, version) if row.availability != "never"]
    return next(filter(None, [*found, *others]), None)


def _short(tags: Tuple[str, ...]) -> List[str]:
    """Return ``3.8-3.12`` for a run of tags; free-threaded ones by themselves."""
    minors = sorted(int(tag[3:]) for tag in tags if tag[:3] == "cp3" and tag[3:].isdigit())
    runs: List[List[int]] = []
    for minor in minors:
        if runs and runs[-1][-1] == minor - 1:
            runs[-1].append(minor)
        else:
            runs.append([minor])
    named = ["3.%d" % run[0] if len(run) == 1 else "3.%d-3.%d" % (run[0], run[-1]) for run in runs]
    return named + ["3.%s" % tag[3:] for tag in tags if tag.endswith("t")]
