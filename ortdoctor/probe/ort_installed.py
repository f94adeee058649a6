"""What pip (or another installer) says is in the folder ``onnxruntime/``, and what really is there.

The metadata is read from the files, the same way on every Python: importlib.metadata came with 3.8.
"""

import base64
import csv
import hashlib
import os
import re
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

FOLDER = "onnxruntime"

#: Files below these sizes are hashed, and only where their size is as recorded: any file up to the first, up to
#: the second one that was written after RECORD, which an installer writes last. Hashing every native file takes
#: as long as importing the package. Provider libraries have hundreds of megabytes: for them the size alone is
#: compared, which tells mixed releases and builds apart.
HASH_ANY = 1 << 20
HASH_LIMIT = 64 << 20

#: Names of native files: extension modules and libraries of Linux, Windows and macOS.
_NATIVE = re.compile(r"\.(pyd|dll|dylib|so(\.\d+)*)$")


class Recorded(NamedTuple):
    """A line of RECORD: path in the site folder; sha256 (urlsafe base64, unpadded) and size, if given."""

    path: str
    digest: Optional[str]
    size: Optional[int]


class Distribution(NamedTuple):
    """An installed distribution with files in ``onnxruntime/``; ``location`` is the site folder of both."""

    name: str
    version: str
    location: str
    files: List[Recorded]
    written: Optional[float] = None  # when RECORD was, as os.stat() says; None: not known


def distributions(paths: Iterable[str]) -> List[Distribution]:
    """Return the distributions on ``paths`` (sys.path) that own files in a folder ``onnxruntime/``."""
    found: Dict[str, Distribution] = {}
    for location in paths:
        for entry in _metadata_folders(location):
            seen = _read(location, entry)
            if seen is not None:
                found.setdefault(os.path.realpath(entry), seen)
    return list(found.values())


def _metadata_folders(location: str) -> List[str]:
    """Return metadata folders; a name that begins with ``~`` is what pip left of a broken uninstall."""
    try:
        names = sorted(os.listdir(location))
    except OSError:
        return []  # a zip file, or a folder that is not there
    kinds = (".dist-info", ".egg-info")
    return [os.path.join(location, name) for name in names if name.endswith(kinds) and name[:1] != "~"]


def _read(location: str, entry: str) -> Optional[Distribution]:
    record = _bytes(os.path.join(entry, "RECORD"))
    if record is not None:
        # Most RECORDs have nothing to do with us; a look at the bytes saves the search, which saves parsing them.
        if b"onnxruntime" not in record or not re.search(rb'(^|\n)"?onnxruntime[/\\]', record):
            return None
        files = _record(record.decode("utf-8", "replace"))
    else:
        listed = _bytes(os.path.join(entry, "installed-files.txt"))
        files = _installed_files(listed.decode("utf-8", "replace")) if listed is not None else []
        if not files and not _claims_folder(entry):
            return None
    headers = _headers(entry)
    stem = os.path.basename(entry).rsplit(".", 1)[0].split("-")
    name = headers.get("Name") or stem[0].replace("_", "-")
    version = headers.get("Version") or (stem[1] if len(stem) > 1 else "")
    return Distribution(name, version, location, files, _written(os.path.join(entry, "RECORD")))


def _written(path: str) -> Optional[float]:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _claims_folder(entry: str) -> bool:
    """Tell a distribution without a list of files by its claim to be the package ``onnxruntime``."""
    top = _bytes(os.path.join(entry, "top_level.txt"))
    return top is not None and FOLDER in top.decode("utf-8", "replace").split()


def _record(text: str) -> List[Recorded]:
    """Read the lines of RECORD that lie in ``onnxruntime/``; compiled files come and go with interpreters."""
    files: List[Recorded] = []
    try:
        rows = list(csv.reader(text.replace("\0", "").splitlines()))
    except csv.Error:  # a field of more than 128 KiB: no file list, but the metadata still names its owner
        return files
    for row in rows:
        path = row[0].replace("\\", "/") if row else ""
        if path.startswith(FOLDER + "/") and not path.endswith(".pyc"):
            digest = row[1] if len(row) > 1 and row[1].startswith("sha256=") else None
            size = int(row[2]) if len(row) > 2 and row[2].isdigit() else None
            files.append(Recorded(path, digest and digest[len("sha256=") :], size))
    return files


def _installed_files(text: str) -> List[Recorded]:
    """Read ``installed-files.txt`` (setup.py install): paths seen from the metadata folder, no hashes."""
    lines = [os.path.normpath(line.strip()).replace("\\", "/") for line in text.splitlines() if line.strip()]
    inner = [line[len("../") :] for line in lines if line.startswith("../" + FOLDER + "/")]
    return [Recorded(path, None, None) for path in inner if not path.endswith(".pyc")]


def _headers(entry: str) -> Dict[str, str]:
    text = _bytes(os.path.join(entry, "METADATA")) or _bytes(os.path.join(entry, "PKG-INFO")) or b""
    head = text.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n", 1)[0]
    pairs = re.findall(r"^(Name|Version): *(\S+)", head, re.MULTILINE)
    return dict(reversed(pairs))


def check(distribution: Distribution, at: Callable[[str], str] = str) -> Tuple[List[str], List[str]]:
    """Return the recorded files that are missing, and those that are not what was recorded.

    ``at`` says where a file really lies: links in a root that is not ours lead elsewhere than the system follows them.
    """
    missing, changed = [], []
    for file in distribution.files:
        path = at(os.path.join(distribution.location, *file.path.split("/")))
        as_recorded = unchanged(path, file, distribution.written)
        if as_recorded is None:
            missing.append(file.path)
        elif not as_recorded:
            changed.append(file.path)
    return missing, changed


def unchanged(path: str, recorded: Recorded, written: Optional[float] = None) -> Optional[bool]:
    """Return whether the file at ``path`` is as it was recorded, as far as that can be told; None: it is not there.

    ``written`` is when RECORD was, as os.stat() says: a larger file that is no younger is not hashed.
    """
    try:
        seen = os.stat(path)
    except OSError:
        return None
    if recorded.size is not None and seen.st_size != recorded.size:
        return False
    # Its size and time speak for it.
    trusted = recorded.size is not None and written is not None and seen.st_mtime <= written
    if seen.st_size >= HASH_LIMIT or (seen.st_size > HASH_ANY and trusted):
        return True
    return not (recorded.digest and _digest(path) not in (None, recorded.digest))


def _digest(path: str) -> Optional[str]:
    """Return the sha256 as RECORD spells it (PEP 376, PEP 427), or None where the file cannot be read."""
    value = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                value.update(block)
    except OSError:
        return None
    return base64.urlsafe_b64encode(value.digest()).decode("ascii").rstrip("=")


def installed_folder(paths: Iterable[str], owned: List[Distribution]) -> Optional[str]:
    """Return the installed folder ``onnxruntime/``: a distribution's, else a leftover in a site folder."""
    places = [item.location for item in owned]
    places += [path for path in paths if os.path.basename(path) in ("site-packages", "dist-packages")]
    folders = [os.path.join(place, FOLDER) for place in places]
    return next((folder for folder in folders if os.path.isdir(folder)), None)


def natives(folder: str) -> List[str]:
    """Return the paths of native files in the folder and its ``capi/``, sorted by name."""
    found = []
    for inner in (os.path.join(folder, "capi"), folder):
        if os.path.isdir(inner):
            found += [os.path.join(inner, name) for name in sorted(os.listdir(inner)) if _NATIVE.search(name)]
    return found


def describe(folder: str) -> Dict[str, Any]:
    """Return the value of ``ort.folder``."""
    names = [os.path.basename(path) for path in natives(folder)]
    plugins = plugin_folders(folder)
    return {
        "path": folder,
        "has_init": os.path.isfile(os.path.join(folder, "__init__.py")),
        "native": names,
        "plugin": plugins[0] if plugins else None,
    }


def plugin_folders(folder: str) -> List[str]:
    """Return the folders of provider plugins that are installed beside (``onnxruntime_ep_cuda/``)."""
    site = os.path.dirname(folder)
    return [os.path.join(site, name) for name in sorted(os.listdir(site)) if name.startswith("onnxruntime_ep_")]


def _bytes(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return None
