"""The dynamic loader of a machine that is only read: its cache and its configuration as they lie on the disk.

Layout of /etc/ld.so.cache: glibc, sysdeps/generic/dl-cache.h.
"""

import struct
from typing import Dict, List, Optional, Set, Tuple

from .context import Context
from .loader import Loader, Object, load_object, resolve

CACHE = "/etc/ld.so.cache"
CONF = "/etc/ld.so.conf"

_OLD, _NEW = b"ld.so-1.7.0\0", b"glibc-ld.so.cache1.1"

#: Sizes of the headers and entries of both formats; the newer one lies behind the older one, aligned to 8.
_OLD_HEADER, _OLD_ENTRY, _NEW_HEADER, _NEW_ENTRY = 16, 12, 48, 24

#: A cache has some thousand entries; a file that claims more, or is longer, is none.
_MOST_ENTRIES, _LARGEST = 200000, 32 << 20

#: Files that one ld.so.conf may include.
_MOST_INCLUDED = 200


def of_root(context: Context, executable: Optional[str]) -> Loader:
    """Describe the loader that the interpreter ``executable`` of the machine runs under, by files alone."""
    program = []
    if executable:
        found = load_object(context.real(executable), context)
        program = [found] if found else []
    interpreter = (program[0].elf.interpreter if program else None) or ""
    if "ld-musl" in interpreter or (not interpreter and context.glob("/lib/ld-musl-*.so.1")):
        return Loader(context, "musl", program, {}, "musl keeps no loader cache")
    cache, source = read_cache(context)
    loader = Loader(context, "glibc", program, cache, source)
    libpython = [name for name in (program[0].elf.needed if program else []) if name.startswith("libpython")]
    paths = [resolve(loader, name, program).path for name in libpython]
    objects: List[Optional[Object]] = [load_object(path, context) for path in paths if path]
    return loader._replace(program=[item for item in objects if item] + program)


def read_cache(context: Context) -> Tuple[Dict[str, List[str]], str]:
    """Return what ld.so.cache lists, else what ``ldconfig`` would find in the folders of ld.so.conf."""
    try:
        with open(context.path(CACHE), "rb") as stream:
            data = stream.read(_LARGEST)
    except OSError:
        data = b""
    cache = parse_cache(data)
    if cache:
        return cache, CACHE
    folders = conf_folders(context)
    for folder in folders:
        for name in context.names(folder):
            if ".so" in name:
                cache.setdefault(name, []).append("%s/%s" % (folder.rstrip("/"), name))
    return cache, "%s (there is no %s that can be read): %s" % (CONF, CACHE, ", ".join(folders) or "no folder")


def parse_cache(data: bytes) -> Dict[str, List[str]]:
    """Read the bytes of ld.so.cache: soname to paths in order; what is broken or of another form lists nothing."""
    start = 0
    if data.startswith(_OLD):
        count = struct.unpack_from("=I", data.ljust(_OLD_HEADER, b"\0"), 12)[0]
        start = (_OLD_HEADER + count * _OLD_ENTRY + 7) // 8 * 8
    if data[start : start + len(_NEW)] != _NEW or len(data) < start + _NEW_HEADER:
        return {}
    count = struct.unpack_from("=I", data, start + len(_NEW))[0]
    if count > _MOST_ENTRIES or len(data) < start + _NEW_HEADER + count * _NEW_ENTRY:
        return {}
    cache: Dict[str, List[str]] = {}
    plain: List[Tuple[str, str]] = []
    levels: List[Tuple[str, str]] = []
    for at in range(count):
        _, key, value, _, hwcap = struct.unpack_from("=iIIIQ", data, start + _NEW_HEADER + at * _NEW_ENTRY)
        # As `ldconfig -p` is read: what is for one processor level comes after what every processor loads.
        (levels if hwcap else plain).append((_string(data, start + key), _string(data, start + value)))
    for soname, path in plain + levels:
        if soname and path:
            cache.setdefault(soname, []).append(path)
    return cache


def _string(data: bytes, offset: int) -> str:
    end = data.find(b"\0", offset, offset + 4096)
    return data[offset:end].decode("utf-8", "backslashreplace") if end >= 0 else ""


def conf_folders(context: Context) -> List[str]:
    """Return the folders that ld.so.conf and what it includes name, in order."""
    left: List[str] = [CONF]
    folders: List[str] = []
    seen: Set[str] = set()
    while left and len(seen) < _MOST_INCLUDED:
        path = left.pop(0)
        if path in seen:
            continue
        seen.add(path)
        for line in _lines(context, path):
            if line.split()[0] == "include":
                pattern = line.split(None, 1)[1] if len(line.split()) > 1 else ""
                left += context.glob(pattern if pattern[:1] == "/" else "/etc/" + pattern)
            elif line[:1] == "/" and line not in folders:
                folders.append(line)
    return folders


def _lines(context: Context, path: str) -> List[str]:
    try:
        with open(context.path(path), "rb") as stream:
            text = stream.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return []
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("hwcap ")]
