"""Write tools/index_listing.json: which wheels of ONNX Runtime the index holds, read through pip.

    python tools/read_index.py -o tools/index_listing.json

One pip call per project; nothing is downloaded. pip names every file it looks at when it is asked to be
verbose. ``{"read": date, "projects": {project: {version: {platform tag: [python tags]}}}}``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path

PROJECTS = ("onnxruntime", "onnxruntime-gpu")

Wheels = dict[str, dict[str, list[str]]]


def wheels_in(text: str, project: str) -> Wheels:
    """Return ``{version: {platform tag: [python tags]}}`` of the wheels that pip named in ``text``."""
    stem = re.escape(project.replace("-", "_"))
    pattern = re.compile(rf"[/\s]{stem}-([0-9][^-/\s]*)-(cp[0-9]+)-(\w+)-([\w.]+)\.whl")
    found: Wheels = {}
    for version, python, abi, platform in sorted(set(pattern.findall(text))):
        # Only a free-threaded build is not told by its Python tag: cp313-cp313t.
        tag = abi if re.fullmatch(r"cp[0-9]+t", abi) else python
        found.setdefault(version, {}).setdefault(platform, []).append(tag)
    return found


def ask_pip(project: str) -> str:
    """Return everything that pip says when it lists the versions of ``project``."""
    command = [sys.executable, "-m", "pip", "index", "versions", "--pre", "-vvv", project]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def read_projects() -> dict[str, Wheels]:
    """Ask pip for every project; SystemExit where it names no wheel of one."""
    projects = {project: wheels_in(ask_pip(project), project) for project in PROJECTS}
    for project, versions in projects.items():
        if not versions:
            raise SystemExit(f"pip named no wheel of {project}; its verbose output may have changed")
    return projects


def as_text(projects: dict[str, Wheels]) -> str:
    """Return the file's text, with the date of today."""
    text = json.dumps({"read": today(), "projects": projects}, indent=1, sort_keys=True)
    # One line for a list of tags keeps the file readable.
    text = re.sub(r"\[\s+([^\]]*?)\s+\]", lambda match: "[" + re.sub(r"\s+", " ", match.group(1)) + "]", text)
    return text + "\n"


def today() -> str:
    """Return the date, in UTC."""
    return dt.datetime.now(tz=dt.timezone.utc).date().isoformat()


def main() -> None:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.write_text(as_text(read_projects()), encoding="utf-8")


if __name__ == "__main__":
    main()
