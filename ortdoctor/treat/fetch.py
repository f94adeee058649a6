"""Getting everything that a remedy installs before anything is removed: no network, no release, no space shows here."""

import json
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ortdoctor.treat.run import Ran, Tell, run
from ortdoctor.treat.steps import ENSUREPIP, PIP, UV, Step

#: The first pip that says what it would install (``--dry-run --report``).
_FIRST_REPORT = (22, 2)


class Fetched(NamedTuple):
    """The steps as they are to be run now; ``failed`` is what stopped it (then nothing was changed)."""

    steps: List[Step]
    failed: Optional[Ran] = None


def fetch(steps: Sequence[Step], pip: Optional[str], folder: str, tell: Tell) -> Fetched:
    """Bring what ``steps`` install into ``folder``, and let them install from there.

    ``pip`` is the version in the environment (None: none there yet, or none that can be asked). A remedy that first
    gets or upgrades pip is left to the copy of the environment: this pip may not see the wheels.
    """
    if any(_changes_pip(step) for step in steps):
        return Fetched(list(steps))
    removed = [_name(word) for step in steps if _is(step, "uninstall") for word in _requirements(step)]
    told: List[Step] = []
    for number, step in enumerate(steps):
        if not _is(step, "install"):
            told.append(step)
            continue
        inside = os.path.join(folder, str(number))
        os.makedirs(inside, exist_ok=True)
        if step.kind == UV:
            ran = run(step.argv + ["--dry-run"], tell, folder)
            told.append(step)
        else:
            ran = _download(step, removed, pip, inside, tell)
            told.append(step._replace(argv=step.argv + _from(inside)))
        if not ran.ok:
            return Fetched(list(steps), ran)
    return Fetched(told)


def _download(step: Step, removed: Sequence[str], pip: Optional[str], folder: str, tell: Tell) -> Ran:
    """Download what is missing; an old pip cannot say what that is and fetches all."""
    python, arguments = step.argv[0], step.argv[4:]
    wanted = arguments
    if _version(pip) >= _FIRST_REPORT:
        report = os.path.join(folder, "report.json")
        asked = [python, "-m", "pip", "install", "--dry-run", "--quiet", "--report", report]
        ran = run(asked + arguments, tell, folder)
        if not ran.ok:
            return ran
        listed = _listed(report)
        if listed is not None:
            again = [word for word in _requirements(step) if _name(word) in removed and _name(word) not in listed]
            wanted = _options(arguments) + ["--no-deps"] + list(listed.values()) + again
            if not listed and not again:
                return ran
    return run([python, "-m", "pip", "download", "-d", folder] + wanted, tell, folder)


def _from(folder: str) -> List[str]:
    """Return the options that install from ``folder``; a source archive is built with what only an index has."""
    archives = [name for name in os.listdir(folder) if not name.endswith((".whl", ".json"))]
    return ([] if archives else ["--no-index"]) + ["--find-links", folder]


def _listed(report: str) -> Optional[Dict[str, str]]:
    """Return what pip would install, as requirements by name; None where it did not write what is known."""
    try:
        with open(report, encoding="utf-8") as stream:
            rows: List[Dict[str, Any]] = json.load(stream)["install"]
        found = {}
        for row in rows:
            name, version = row["metadata"]["name"], row["metadata"]["version"]
            address = row["download_info"]["url"]
            local = row.get("is_direct") and address.startswith("file:")
            found[_name(name)] = address if local else "%s==%s" % (name, version)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _changes_pip(step: Step) -> bool:
    if step.kind == ENSUREPIP:
        return True
    return step.kind == PIP and "pip" in [_name(word) for word in _requirements(step)]


def _is(step: Step, change: str) -> bool:
    return (step.kind == PIP and step.argv[3] == change) or (step.kind == UV and step.argv[2] == change)


def _requirements(step: Step) -> List[str]:
    """Return the words that name what is installed or removed, without options and their values."""
    words = step.argv[4:] if step.kind == PIP else step.argv[5:]
    named, value = [], False
    for word in words:
        if not value and not word.startswith("-"):
            named.append(word)
        value = word in ("--find-links", "-f", "--index-url", "-i", "--extra-index-url")
    return named


def _options(arguments: Sequence[str]) -> List[str]:
    """Return where to look, which a download has to be told as well."""
    kept: List[str] = []
    for at, word in enumerate(arguments):
        if word in ("--find-links", "--index-url", "--extra-index-url"):
            kept += [word, arguments[at + 1]]
    return kept


def _name(requirement: str) -> str:
    """Return the distribution that a requirement or a wheel's file is of, as indexes compare names."""
    stem = os.path.basename(requirement).split("-")[0] if requirement.endswith(".whl") else requirement
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", stem)[0]).lower()


def _version(text: Optional[str]) -> Tuple[int, ...]:
    match = re.match(r"(\d+)\.(\d+)", text or "")
    return tuple(int(part) for part in match.groups()) if match else ()
