"""Prove this bundle on this machine: files, onnxruntime, provider, numbers, faces and speed.

Exit codes: 0 all passed, 1 something failed, 2 wrong usage, 3 all passed but not on the expected provider.
Runs on Python 3.6+. Everything native is in smoke_steps.py, which runs as a child process, so that a crash
is a line of the report; what needs pictures is skipped where OpenCV is missing.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
REPORT = "smoke_report.json"
SCHEMA = "ortdoctor.smoke/1"
#: Goes before each line that the child writes for us; libraries print to the same stream.
MARK = "@smoke "
#: What the child does, in order (STEPS of smoke_steps.py): what it did not reach is reported too.
STEPS = ("import", "environment", "session", "raw outputs", "preprocessing", "detections", "latency")
#: What people and the two scripts may leave in the folder: not a difference.
_LEFTOVERS = ("__pycache__", REPORT)
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


class Row(NamedTuple):
    """What one step found: ``status`` is pass, warn, fail or skip, ``data`` holds the figures."""

    step: str
    status: str
    detail: str
    data: Dict[str, Any]


def _digest(path: str) -> Tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _fault(name: str, recorded: Dict[str, Any]) -> Optional[str]:
    """Return what is wrong with the file ``name`` of the manifest, or None."""
    if os.path.isabs(name) or ".." in name.replace("\\", "/").split("/"):
        return "%s: lies outside the bundle" % name
    path = os.path.join(HERE, *name.split("/"))
    if not os.path.isfile(path):
        return "%s: missing" % name
    try:
        digest, size = _digest(path)
    except OSError as error:
        return "%s: cannot be read: %s" % (name, error.strerror)
    if size != recorded["size"]:
        return "%s: %d bytes instead of %d" % (name, size, recorded["size"])
    if digest != recorded["sha256"]:
        return "%s: changed, its SHA-256 is %s" % (name, digest)
    return None


def _unexpected(names: List[str]) -> List[str]:
    """Return what is in the bundle's folders but not in the manifest; a strange folder counts once."""
    known = set(names) | {"manifest.json"}
    paths = [name.split("/") for name in names]
    folders = {""} | {"/".join(path[:depth]) for path in paths for depth in range(len(path))}
    found = []
    for folder in sorted(folders):
        path = os.path.join(HERE, *folder.split("/"))
        for entry in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            name = "%s/%s" % (folder, entry) if folder else entry
            ours = name in known or name in folders or entry in _LEFTOVERS
            if not ours and not (folder == "" and entry.lower().endswith(_PICTURES)):
                found.append(name)
    return found


def _manifest() -> Dict[str, Any]:
    with open(os.path.join(HERE, "manifest.json"), "rb") as stream:
        manifest = json.loads(stream.read().decode("utf-8"))
    if not manifest["target"]["expected_providers"]:
        raise LookupError("target.expected_providers is empty")
    return manifest  # type: ignore[no-any-return]


def check_files(manifest: Dict[str, Any]) -> Row:
    """Compare every file of the manifest, and name what is there besides."""
    names = sorted(manifest["files"])
    faults = [fault for fault in (_fault(name, manifest["files"][name]) for name in names) if fault]
    extra = _unexpected(names)
    data = {"faults": faults, "unexpected": extra}
    if faults:
        return Row("files", "fail", "; ".join(faults), data)
    told = "%d as recorded" % len(names)
    if extra:
        return Row("files", "warn", "%s; not in the manifest: %s" % (told, ", ".join(extra)), data)
    return Row("files", "pass", told, data)


def _ended(code: int) -> str:
    if code < 0:
        try:
            return "was ended by %s" % signal.Signals(-code).name
        except ValueError:
            return "was ended by signal %d" % -code
    # Windows has no signals: a crash there is a status such as 0xC0000005.
    return "ended with the code %s" % (hex(code) if code > 0xFFFF else code)


def run_steps(expected: List[str], runs: int, limit: float) -> List[Row]:
    """Run smoke_steps.py; a crash or a hang becomes the row of the step that it was in."""
    command = [sys.executable, os.path.join(HERE, "smoke_steps.py"), "--runs", str(runs)] + expected
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        out, err = child.communicate(timeout=limit)
        trouble = "the process %s" % _ended(child.returncode) if child.returncode else ""
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        trouble = "no answer within %g s" % limit
    rows, begun = [], "start"
    for line in out.decode("utf-8", "replace").splitlines():
        if line.startswith(MARK):
            message = json.loads(line[len(MARK) :])
            begun = message.get("begin", "")
            rows += [Row(*message["row"])] if "row" in message else []
    trouble += "; it printed: %s" % err.decode("utf-8", "replace").strip()[-2000:] if trouble and err else ""
    if trouble and begun:
        rows.append(Row(begun, "fail", trouble, {}))
    elif trouble:
        rows.append(Row("end", "warn", "after the last step %s" % trouble, {}))
    reached = [row.step for row in rows]
    return rows + [Row(step, "skip", "not reached", {}) for step in STEPS if step not in reached]


def judge(rows: List[Row], expected: List[str]) -> Dict[str, Any]:
    """Return the report: verdict and exit code follow from the rows alone."""
    active = [name for row in rows if row.step == "session" for name in row.data.get("active", [])]
    verdict, code = "pass", 0
    if any(row.status == "fail" for row in rows):
        verdict, code = "fail", 1
    elif active[:1] != expected[:1]:
        verdict, code = "passed, but not on the expected provider", 3
    return {
        "schema": SCHEMA,
        "verdict": verdict,
        "exit": code,
        "expected_providers": expected,
        "active_providers": active,
        "steps": [row._asdict() for row in rows],
    }


def _write(report: Dict[str, Any], path: str) -> None:
    part = "%s.%d.part" % (path, os.getpid())
    try:
        with open(part, "wb") as stream:
            stream.write((json.dumps(report, indent=1) + "\n").encode("ascii"))
        os.replace(part, path)
    except OSError as error:
        if os.path.exists(part):
            os.remove(part)
        _say("the report was not written to %s: %s" % (path, error.strerror), sys.stderr)


def _say(text: str, stream: Any) -> None:
    """Print ``text``; a character that the terminal's encoding lacks is escaped, not an error."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def count(text: str) -> int:
    """Return a number of runs given on the command line."""
    if int(text) < 0:
        raise ValueError(text)
    return int(text)


def _arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="smoke_test.py", description="Prove this bundle on this machine.")
    add = parser.add_argument
    add("--runs", type=count, default=30, metavar="N", help="timed runs, at most (default 30, 0 for none)")
    add("--provider", metavar="NAME", help="expect this provider instead of what manifest.json expects")
    add("--report", default=os.path.join(HERE, REPORT), metavar="FILE", help="default: beside this file")
    add("--json", action="store_true", help="print the report instead of the table")
    add("--time-limit", type=float, default=900.0, metavar="S", help="seconds for all of it (default 900)")
    return parser.parse_args(argv)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the smoke test and return its exit code."""
    options = _arguments(argv)
    expected = [options.provider] if options.provider else []
    try:
        manifest = _manifest()
        expected = expected or [str(name) for name in manifest["target"]["expected_providers"]]
        rows = [check_files(manifest)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        trouble = "manifest.json is of no use: %s: %s" % (type(error).__name__, error)
        rows = [Row("files", "fail", trouble, {})]
    else:
        rows += run_steps(expected, options.runs, options.time_limit)
    report = judge(rows, expected)
    if options.json:
        _say(json.dumps(report, indent=1), sys.stdout)
    else:
        for row in rows:
            _say("%-4s  %-13s  %s" % (row.status, row.step, " ".join(row.detail.split())), sys.stdout)
        _say("%s (exit %d)" % (report["verdict"], report["exit"]), sys.stdout)
    _write(report, options.report)
    return int(report["exit"])


if __name__ == "__main__":
    sys.exit(main())
