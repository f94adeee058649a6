"""A copy of an environment's folders, kept while it is treated, from which it can be put back exactly.

The copy is made of hard links where they can be: no bytes are copied, and a file that an installer replaces (it
removes and writes anew) stays as it was under its other name. It lies in ``.ortdoctor-fix/`` in the folder of packages,
so that it is on the same file system; ``journal.json`` in it is written last and makes it count.
"""

import contextlib
import errno
import json
import os
import shutil
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from ortdoctor.treat import tree
from ortdoctor.treat.lock import hold, release
from ortdoctor.treat.tree import FILE, FOLDER, HOME, LINK, Entry, Tree

SCHEMA = "ortdoctor.journal/1"
JOURNAL = "journal.json"
LOCK = "lock"

#: Files that installers change in place, so that a hard link would change with them.
_IN_PLACE = (".pth", ".egg-link")

#: Beside packages (scripts, data) nothing that an installer writes is larger; an interpreter may be.
_LARGEST_BESIDE = 8 << 20

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES, errno.ENOSYS)


class Snapshot(NamedTuple):
    """A copy: ``home`` is its folder, ``roots`` the folders that it is of, ``trees`` what was in each.

    The first ``whole`` roots hold packages and are kept whole, the others without large files. ``began`` is in
    seconds since 1970; ``lock`` keeps others from the environment as long as it is open.
    """

    home: str
    whole: int
    roots: List[str]
    trees: List[Tree]
    began: float
    lock: Optional[int] = None

    def store(self, index: int) -> str:
        """Return the folder that holds the copy of ``roots[index]``."""
        return os.path.join(self.home, str(index))


def take(site: str, packages: Sequence[str], others: Sequence[str], copy_all: bool = False) -> Snapshot:
    """Copy the folders of an environment; raises OSError, with nothing left behind, where that cannot be done.

    ``copy_all`` copies every file of ``packages``: installers that write into existing files need that.
    """
    home = os.path.join(site, HOME)
    os.makedirs(home, exist_ok=True)
    lock = hold(os.path.join(home, LOCK))
    try:
        _empty(home)
        roots = list(packages) + list(others)
        trees = [tree.read(root) for root in packages]
        trees += [_small(tree.read(root)) for root in others]
        made = Snapshot(home, len(packages), roots, trees, time.time(), lock)
        for index, root in enumerate(roots):
            _copy(root, made.store(index), trees[index], copy_all or index >= len(packages))
        _write_journal(made)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        release(lock)
        raise
    return made


def left_over(site: str) -> Optional[Snapshot]:
    """Return the copy that an interrupted treatment left in ``site``; a copy that was never finished is removed."""
    home = os.path.join(site, HOME)
    if not os.path.isdir(home):
        return None
    lock = hold(os.path.join(home, LOCK))
    try:
        with open(os.path.join(home, JOURNAL), encoding="utf-8") as stream:
            said = json.load(stream)
        if said["schema"] != SCHEMA:
            raise ValueError("the journal %s has the schema %.80r" % (home, said["schema"]))
        trees = [tree.from_json(values) for values in said["trees"]]
        return Snapshot(home, said["whole"], said["roots"], trees, said["began"], lock)
    except FileNotFoundError:
        shutil.rmtree(home, ignore_errors=True)
        release(lock)
        return None
    except (TypeError, KeyError, IndexError) as error:
        release(lock)
        raise ValueError("the journal %s cannot be read: %r" % (home, error)) from error


def restore(kept: Snapshot) -> List[str]:
    """Put every folder back as it was; return what still differs, one line for each path (``[]``: nothing).

    Never raises: what cannot be put back is among what differs.
    """
    told: List[str] = []
    for index in range(len(kept.roots)):
        _tried(_restore, kept, index)
        told += _differs(kept, index)
    return told


def discard(kept: Snapshot) -> None:
    """Remove the copy, and let others treat the environment; without its journal half a copy counts for nothing."""
    with contextlib.suppress(OSError):  # what is left of it counts for nothing, and goes with the next one
        _empty(kept.home)
    shutil.rmtree(kept.home, ignore_errors=True)
    release(kept.lock)


def keep(kept: Snapshot) -> None:
    """Leave the copy where it is, for the next treatment to put back."""
    release(kept.lock)


def _empty(home: str) -> None:
    """Remove what is in a copy's folder but the lock, the journal first."""
    for name in [JOURNAL, *sorted(os.listdir(home))]:
        path = os.path.join(home, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif name != LOCK and os.path.lexists(path):
            os.unlink(path)


def _small(found: Tree) -> Tree:
    """Leave out what no installer writes beside packages."""
    return {path: entry for path, entry in found.items() if entry.size <= _LARGEST_BESIDE}


def _copy(root: str, store: str, found: Tree, copy_all: bool) -> None:
    os.makedirs(store)
    for path, entry in found.items():
        here, there = os.path.join(root, path), os.path.join(store, path)
        if entry.kind == FOLDER:
            os.mkdir(there)
        elif entry.kind == LINK:
            os.symlink(entry.target or "", there)
        elif copy_all or path.endswith(_IN_PLACE):
            shutil.copy2(here, there)
        else:
            _link_or_copy(here, there)


def _link_or_copy(here: str, there: str) -> None:
    try:
        os.link(here, there, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copy2(here, there)
    except NotImplementedError:
        shutil.copy2(here, there)


def _write_journal(made: Snapshot) -> None:
    values: Dict[str, Any] = {
        "schema": SCHEMA,
        "began": made.began,
        "whole": made.whole,
        "roots": made.roots,
        "trees": [tree.to_json(found) for found in made.trees],
    }
    path = os.path.join(made.home, JOURNAL)
    with open(path + ".partial", "w", encoding="utf-8") as stream:
        json.dump(values, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(path + ".partial", path)


def _restore(kept: Snapshot, index: int) -> None:
    """Put one folder back as far as it goes."""
    root, before = kept.roots[index], kept.trees[index]
    now = _read(kept, index)
    for path in sorted(now, reverse=True):  # what is in a folder before the folder
        if path not in before or before[path].kind != now[path].kind:
            _tried(_remove, os.path.join(root, path), now[path].kind)
    if before:
        os.makedirs(root, exist_ok=True)
    for path, entry in before.items():
        if not entry.same(tree.look(os.path.join(root, path))):
            _tried(_put_back, os.path.join(root, path), os.path.join(kept.store(index), path), entry)


def _differs(kept: Snapshot, index: int) -> List[str]:
    try:
        left = tree.differences(kept.trees[index], _read(kept, index))
    except OSError as error:
        left = ["cannot be read any more: %s" % error]
    return ["%s (in %s)" % (line, kept.roots[index]) for line in left]


def _read(kept: Snapshot, index: int) -> Tree:
    found = tree.read(kept.roots[index])
    return found if index < kept.whole else _small(found)


def _tried(work: Callable[..., None], *arguments: Any) -> List[str]:
    """Do ``work`` as far as it goes; what is then not as it was shows in the comparison that follows."""
    try:
        work(*arguments)
    except OSError as error:
        return [str(error)]
    return []


def _remove(path: str, kind: str) -> None:
    if kind == FOLDER:
        os.rmdir(path)
    else:
        os.unlink(path)


def _put_back(path: str, kept: str, entry: Entry) -> None:
    if entry.kind == FOLDER:
        if not os.path.isdir(path):
            os.mkdir(path)
        os.chmod(path, entry.mode)
        return
    copy = tree.look(kept)
    if entry.kind == FILE and (copy is None or (copy.size, copy.time) != (entry.size, entry.time)):
        raise OSError(errno.EIO, "the copy of it was changed, too, so that it cannot be put back")
    partial = os.path.join(os.path.dirname(path), "%s-%d.partial" % (HOME, os.getpid()))
    try:
        if entry.kind == LINK:
            os.symlink(entry.target or "", partial)
        else:
            _link_or_copy(kept, partial)
            os.chmod(partial, entry.mode)
        os.replace(partial, path)
    finally:
        # Renaming one name of a file to another name of the same file does nothing at all.
        if os.path.lexists(partial):
            os.unlink(partial)
