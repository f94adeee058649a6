"""Folders as lists of what is in them: what a restored environment is compared by."""

import os
import stat
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

FILE = "file"
LINK = "link"
FOLDER = "folder"

#: The copy of an environment lies in its own folder of packages, which is no import's name.
HOME = ".ortdoctor-fix"


class Entry(NamedTuple):
    """A file, symbolic link or folder: ``size`` in bytes, ``time`` of last change in ns (files); ``target`` (links)."""

    kind: str
    mode: int
    size: int
    time: int
    target: Optional[str]

    def same(self, other: "Optional[Entry]") -> bool:
        """Return whether both are alike for everyone who reads them."""
        return other is not None and self == other


Tree = Dict[str, Entry]


def read(root: str) -> Tree:
    """Return what is below ``root`` by relative path, folders before what is in them; ``{}`` where it is not there.

    Links are not followed. What is neither file, link nor folder (sockets) is left out. Raises OSError where a folder
    cannot be read: a list with holes is no list.
    """
    return dict(_entries(root, ""))


def _entries(root: str, inside: str) -> Iterator[Tuple[str, Entry]]:
    folder = os.path.join(root, inside) if inside else root
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for name in names:
        if not inside and name == HOME:
            continue
        path = os.path.join(inside, name)
        entry = look(os.path.join(root, path))
        if entry is None:
            continue
        yield path, entry
        if entry.kind == FOLDER:
            yield from _entries(root, path)


def look(path: str) -> Optional[Entry]:
    """Return the entry at ``path``; None where there is none that counts."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return Entry(LINK, 0, 0, 0, os.readlink(path))
    if stat.S_ISDIR(found.st_mode):
        return Entry(FOLDER, mode, 0, 0, None)
    if stat.S_ISREG(found.st_mode):
        return Entry(FILE, mode, found.st_size, found.st_mtime_ns, None)
    return None


def differences(before: Tree, after: Tree) -> List[str]:
    """Return one line for each path that is gone, new or another than before."""
    told = []
    for path in sorted(set(before) | set(after)):
        if path not in after:
            told.append("gone: %s" % path)
        elif path not in before:
            told.append("new: %s" % path)
        elif not before[path].same(after[path]):
            told.append("changed: %s" % path)
    return told


def to_json(tree: Tree) -> Dict[str, List[Any]]:
    """Return the tree as JSON values."""
    return {path: list(entry) for path, entry in tree.items()}


def from_json(values: Dict[str, List[Any]]) -> Tree:
    """Return the tree that :func:`to_json` wrote."""
    return {path: Entry(*value) for path, value in values.items()}
