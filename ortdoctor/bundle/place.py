"""Put finished files in place atomically, and never over anything but an unchanged bundle.

Everything is written into a hidden folder beside the destination and renamed. A writer that was killed leaves
at most that hidden folder; the next one for the same destination removes it, and puts back an older bundle
that was moved aside and not yet replaced.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ortdoctor.bundle.verify import LEFTOVERS, verify
from ortdoctor.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Seconds after which a hidden folder is taken for a dead writer's where locks cannot tell (Windows).
_ABANDONED = 3600.0


def check_folder(out: Path) -> None:
    """Raise :class:`BundleError` unless ``out`` is free, an empty folder or a bundle as it was written."""
    if out.is_symlink():
        raise BundleError(f"{out} is a symbolic link; name the folder itself.")
    if not out.exists():
        return
    if not out.is_dir():
        raise BundleError(f"{out} is a file; a bundle is a folder. Choose another name, or one ending in .zip.")
    names = sorted(entry.name for entry in out.iterdir())
    if not names:
        return
    if "manifest.json" not in names:
        raise BundleError(
            f"{out} is a folder with {len(names)} entries ({', '.join(map(repr, names[:3]))}) and no bundle. "
            "Nothing in it was touched; choose another folder."
        )
    report = verify(out)
    kept = [*(problem.file or problem.text for problem in report.problems), *_not_ours(out, report.tolerated)]
    if kept:
        raise BundleError(
            f"{out} is a bundle, but not as it was written ({', '.join(map(repr, kept[:3]))}). "
            "Nothing in it was touched; move it away, or choose another folder."
        )


def check_file(out: Path) -> None:
    """Raise :class:`BundleError` unless ``out`` is free or an archive of a bundle as it was written."""
    if out.is_symlink():
        raise BundleError(f"{out} is a symbolic link; name the archive itself.")
    if out.is_dir():
        raise BundleError(f"{out} is a folder; name the archive that is to be written.")
    if out.exists() and not verify(out).ok:
        raise BundleError(f"{out} is there and is no intact bundle. It was not touched; choose another name.")


def place_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` as the folder ``out``; an unchanged bundle that is there is replaced."""
    _make_parent(out)
    _recover(out)
    with _staging(out) as staging:
        fresh = staging / "new"
        for name, data in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
        check_folder(out)  # again: making the files took seconds
        _swap(out, fresh, staging / "old")


def place_file(out: Path, data: bytes) -> None:
    """Write ``data`` as the file ``out``; an intact archive that is there is replaced."""
    _make_parent(out)
    _recover(out)
    with _staging(out) as staging:
        _write(staging / "new", data)
        check_file(out)
        (staging / "new").replace(out)


def _not_ours(out: Path, tolerated: tuple[str, ...]) -> list[str]:
    """Return what verify tolerates but may be a person's, such as a picture: it is not to be lost."""
    return [name for name in tolerated if not set(name.split("/")) & set(LEFTOVERS) and (out / name).is_file()]


def _make_parent(out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BundleError(f"the folder {out.parent} cannot be made: {error.strerror}.") from error


@contextlib.contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Give a hidden folder beside ``out``, held by a lock and removed at the end."""
    try:
        staging = Path(tempfile.mkdtemp(prefix=_prefix(out), dir=out.parent))
    except OSError as error:
        raise BundleError(f"nothing can be written in {out.parent}: {error.strerror}.") from error
    lock = _lock(staging)
    try:
        yield staging
    except OSError as error:
        reason = error.strerror or error
        raise BundleError(f"{out} could not be written: {reason}. What was there is unchanged.") from error
    finally:
        # A bundle that could not be put back stays here for the next writer to put back.
        if out.exists() or not (staging / "old").exists():
            shutil.rmtree(staging, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _swap(out: Path, fresh: Path, aside: Path) -> None:
    """Rename ``fresh`` to ``out``; what is there goes aside first and comes back if that fails."""
    fresh.chmod(0o777 & ~_umask())
    if out.exists():
        out.rename(aside)
    try:
        fresh.rename(out)
    except BaseException:  # an interrupt here must not cost the bundle that was moved aside
        if aside.exists():
            aside.rename(out)
        raise


def _recover(out: Path) -> None:
    """Clear up after writers of ``out`` that were killed."""
    for left in sorted(out.parent.glob(glob.escape(_prefix(out)) + "*")):
        if not stat.S_ISDIR(left.lstat().st_mode):
            continue
        lock = _lock(left)
        if lock is None and (_has_locks() or time.time() - left.stat().st_mtime < _ABANDONED):
            continue  # its writer is at work
        aside = left / "old"
        if aside.is_dir() and not out.exists():
            aside.rename(out)
        shutil.rmtree(left, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _prefix(out: Path) -> str:
    return f".{out.name}.ortdoctor-"


def _has_locks() -> bool:
    return os.name == "posix"


def _lock(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives; None where another has it or there are no such locks."""
    if not _has_locks():
        return None
    import fcntl  # noqa: PLC0415 - not on Windows

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
