"""What the loader does with the libraries of a provider, as lines for people: soname, state, who brings it."""

import re
from typing import Dict, List, Sequence, Tuple

from ortdoctor.diagnose.findings import Copy, Needed, Supplier
from ortdoctor.report import words

#: A folder behind the name of the search path that it comes from (``RUNPATH /opt/lib``).
_FOLDER = re.compile(r"/[^:]*$|[A-Za-z]:\\")

#: Copies of one library that are named; the number of the others is told.
_COPIES_SHOWN = 3

_BROUGHT = {
    "wheel": "{name} (pip)",
    "package": "{name} (apt, dnf)",
    "toolkit": "the CUDA {name} toolkit",
    "driver": "the {name} driver",
    "jetpack": "{name}",
    "distribution": "{name} itself",
}


def table(libraries: Sequence[Needed]) -> List[str]:
    """Return one line for each library, then where the loader looked for those that it does not find."""
    missing = [row for row in libraries if row.path is None]
    lines = [_missing(row) for row in missing] + [_several(row) for row in libraries if row.path is not None]
    places: Dict[Tuple[str, ...], List[str]] = {}
    for row in missing:
        if row.searched:
            places.setdefault(tuple(row.searched), []).append(row.soname)
    for searched, names in places.items():
        # One line does for all where all were looked for in the same places.
        what = "" if len(places) == 1 else " for %s" % ", ".join(map(words.clean, names))
        lines.append("Looked%s in: %s" % (what, words.clean(_places(searched))))
    return lines


def _places(searched: Sequence[str]) -> str:
    """Return the places with each search path named once for all of its folders."""
    parts: List[Tuple[str, List[str]]] = []
    for place in searched:
        label, _, folder = place.partition(" ")
        if not _FOLDER.match(folder):
            label, folder = place, ""
        if not parts or parts[-1][0] != label or not folder:
            parts.append((label, []))
        parts[-1][1].append(folder)
    return "; ".join(("%s %s" % (label, ", ".join(folders))).strip() for label, folders in parts)


def _missing(row: Needed) -> str:
    needed_by = " (needed by %s)" % words.clean(row.needed_by) if row.needed_by else ""
    # A file that the loader meets and does not take stands among the places with the reason.
    refused = [place for place in row.searched if any(place.startswith(copy.path + ": ") for copy in row.copies)]
    parts = ["not taken%s: %s" % (needed_by, words.clean(place)) for place in refused[:1]]
    parts = parts or ["not found%s" % needed_by]
    brought = " or ".join(_brought(supplier) for supplier in row.provided_by)
    if brought:
        parts.append("comes with %s" % brought)
    same = [copy for copy in row.copies if copy.soname == row.soname]
    if same and not refused:
        parts.append("where the loader does not look: %s" % _copies(same))
    elif row.copies and not refused:
        parts.append("of another version: %s" % _copies(row.copies))
    return "%s: %s" % (words.clean(row.soname), "; ".join(parts))


def _several(row: Needed) -> str:
    others = [copy for copy in row.copies if not copy.wins]
    wins = next((_copy(copy) for copy in row.copies if copy.wins), words.clean(row.path))
    return "%s: the loader takes %s; not %s" % (words.clean(row.soname), wins, _copies(others))


def _copies(copies: Sequence[Copy]) -> str:
    left = len(copies) - _COPIES_SHOWN
    shown = ", ".join(_copy(copy) for copy in copies[:_COPIES_SHOWN])
    return "%s, +%d" % (shown, left) if left > 0 else shown


def _copy(copy: Copy) -> str:
    return words.clean(copy.path) + (" (%s)" % words.clean(copy.version) if copy.version else "")


def _brought(supplier: Supplier) -> str:
    return _BROUGHT.get(supplier.kind, "{name}").format(name=words.clean(supplier.name))
