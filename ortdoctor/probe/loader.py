"""Where the dynamic loader of this interpreter finds a shared library, by the loader's own rules.

glibc (ld.so(8), ``elf/dl-load.c``): DT_RPATH of the object that needs the library and of those that
loaded it, up to the program, unless that object has a DT_RUNPATH; then LD_LIBRARY_PATH; then
DT_RUNPATH of that object alone; then ld.so.cache; then the system's folders. musl
(``ldso/dynlink.c``): LD_LIBRARY_PATH, then RUNPATH or RPATH of the object and of all that loaded it,
then /etc/ld-musl-ARCH.path; there is no cache. Windows (LoadLibraryEx with an altered search path,
as ONNX Runtime calls it): the folder of the needing DLL, System32, Windows, PATH.

Folders that glibc adds for processor levels (``glibc-hwcaps/..``) are left out: nothing that matters
here is put there.
"""

import ntpath
import os
import re
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

from .child import run
from .context import Context
from .elf import Elf, ElfError, read

#: GNU triplets of the folders that Debian and its children search (``/usr/lib/x86_64-linux-gnu``).
_MULTIARCH = {"armv7l": "arm-linux-gnueabihf", "i686": "i386-linux-gnu", "ppc64le": "powerpc64le-linux-gnu"}

#: One line of ``ldconfig -p``: soname, kind of library, path.
_CACHE_LINE = re.compile(r"^\s+(\S+) \(([^)]*)\) => (\S.*?)\s*$", re.MULTILINE)

_CACHE = "ld.so.cache"


class Resolution(NamedTuple):
    """Where the loader finds a library (None: it does not), and the folders that it searched up to there."""

    path: Optional[str]
    searched: List[str]


class Object(NamedTuple):
    """An ELF file as loaded: the path that it was opened by, which ``$ORIGIN`` goes by, and its content."""

    path: str
    elf: Elf


class Loader(NamedTuple):
    """What decides a search apart from the needing object: libc, environment, cache and the program itself.

    ``program`` are the objects that every search by RPATH ends with, nearest first: libpython (where
    it is a library of its own), then the interpreter. ``cache`` maps a soname to its paths in order.
    """

    context: Context
    libc: str
    program: List[Object]
    cache: Dict[str, List[str]]
    cache_source: str


def of_interpreter(context: Context, executable: str = "") -> Loader:
    """Describe the loader that the interpreter ``executable`` (default: this one) runs under."""
    return context.once("loader " + executable, lambda: _of_interpreter(context, executable))


def _of_interpreter(context: Context, executable: str) -> Loader:
    path = os.path.realpath(executable or sys.executable)
    if context.os != "linux":
        return Loader(context, context.os, [], {}, "there is no loader cache on %s" % context.os)
    program = _objects([path])
    interpreter = program[0].elf.interpreter if program else None
    if "ld-musl" in (interpreter or ""):
        return Loader(context, "musl", program, {}, "musl keeps no loader cache")
    cache, source = read_cache(context)
    loader = Loader(context, "glibc", program, cache, source)
    libpython = [name for name in (program[0].elf.needed if program else []) if name.startswith("libpython")]
    found = [resolve(loader, name, program).path for name in libpython]
    return loader._replace(program=_objects([item for item in found if item]) + program)


def _objects(paths: List[str]) -> List[Object]:
    loaded = [load_object(path) for path in paths]
    return [item for item in loaded if item]


def load_object(path: str, context: Optional[Context] = None) -> Optional[Object]:
    """Return the file as an Object; None where it cannot be read: it then adds no RPATH that we know of."""
    try:
        return Object(path, read(context.path(path) if context else path))
    except (ElfError, OSError):
        return None


def read_cache(context: Context) -> Tuple[Dict[str, List[str]], str]:
    """Return the content of ld.so.cache by ``ldconfig -p`` and a word on where it came from.

    Unlike the texts parser, which picks out the libraries that tell of CUDA, this keeps every entry.
    """
    folders = context.path_entries() + ["/sbin", "/usr/sbin"]
    programs = [context.path(folder + "/ldconfig") for folder in folders]
    program = next((item for item in programs if os.access(item, os.X_OK)), None)
    if program is None:
        return {}, "there is no ldconfig in %s" % ":".join(folders)
    ran = run([program, "-p"], limit=10, env=context.env)
    cache: Dict[str, List[str]] = {}
    # Entries for a processor level come after the plain one here: every processor can load that.
    entries = _CACHE_LINE.findall(ran.out)
    for soname, _, path in sorted(entries, key=lambda entry: "hwcap" in entry[1]):
        cache.setdefault(soname, []).append(path)
    if not cache:
        return {}, "%s printed no library: %s" % (ran.command, ran.error or ran.err.strip() or ran.exit)
    return cache, ran.command


def resolve(loader: Loader, name: str, chain: Optional[List[Object]] = None) -> Resolution:
    """Search the library ``name`` (a soname without a folder) as the loader would.

    ``chain`` is the object that needs it, then the one that loaded that, and so on, without the
    program. None is a search by ``ctypes.CDLL(name)``: the caller has no search path of its own.
    """
    searched: List[str] = []
    for label, folder in _places(loader, chain or []):
        where = ("%s %s" % (label, folder)).strip()
        if where not in searched:
            searched.append(where)
        paths = loader.cache.get(name, []) if label == _CACHE else [_join(folder, name)]
        for path in paths:
            verdict = _verdict(loader, path)
            if verdict == "":
                return Resolution(path, searched)
            if verdict:
                searched.append("%s: %s" % (path, verdict))
                if loader.libc == "musl" or "not an ELF file" in verdict:
                    # The loader takes the first file of that name; only one for another architecture is
                    # passed over (by glibc).
                    return Resolution(None, searched)
    return Resolution(None, searched)


def _verdict(loader: Loader, path: str) -> Optional[str]:
    """Return None where there is no such file, "" where the loader takes it, else why it does not."""
    here = loader.context.path(path)
    if not os.path.isfile(here):
        return None
    if loader.libc == "windows":
        return ""
    try:
        elf = read(here)
    except OSError:
        return None  # the loader cannot open it either, and goes on
    except ElfError as error:
        return "not an ELF file that can be read (%s)" % error
    wanted = loader.program[-1].elf if loader.program else None
    if wanted and (elf.machine, elf.bits, elf.little) != (wanted.machine, wanted.bits, wanted.little):
        return "for another architecture (%s, %d bits)" % (elf.machine, elf.bits)
    return ""


def _places(loader: Loader, chain: List[Object]) -> List[Tuple[str, str]]:
    """Return (label, folder) in the order of search; the cache is a place without a folder."""
    if loader.libc == "windows":
        return _windows_places(loader.context, chain)
    if loader.libc not in ("glibc", "musl"):
        return []
    needing = chain[0] if chain else None
    chain = chain + loader.program
    variable = [("LD_LIBRARY_PATH", folder) for folder in _library_path(loader)]
    if loader.libc == "musl":
        inherited = [place for item in chain for place in _own_paths(loader, item)]
        return variable + inherited + [("system", folder) for folder in _musl_folders(loader)]
    places = []
    if needing is None or not needing.elf.runpath:
        # An object that has a RUNPATH offers no RPATH: glibc drops the latter when both are there.
        places = [place for item in chain if not item.elf.runpath for place in _own_paths(loader, item)]
    places += variable
    if needing is not None and needing.elf.runpath:
        places += _own_paths(loader, needing)
    if needing is not None and not needing.elf.default_dirs:
        return places
    return places + [(_CACHE, "")] + [("system", folder) for folder in _system_folders(loader.context)]


def _own_paths(loader: Loader, item: Object) -> List[Tuple[str, str]]:
    label = "RUNPATH" if item.elf.runpath else "RPATH"
    return [(label, _expand(loader.context, entry, item)) for entry in item.elf.runpath or item.elf.rpath]


def _library_path(loader: Loader) -> List[str]:
    """Split LD_LIBRARY_PATH: an empty entry is the current folder, an empty variable is none at all."""
    text = loader.context.env.get("LD_LIBRARY_PATH", "")
    if not text:
        return []
    program = loader.program[-1] if loader.program else None
    return [_expand(loader.context, entry, program) for entry in re.split("[:;]", text)]


def _expand(context: Context, entry: str, item: Optional[Object]) -> str:
    """Replace ``$ORIGIN``, ``$LIB`` and ``$PLATFORM``; make the entry absolute, from the current folder."""
    triplet = _MULTIARCH.get(context.arch, context.arch + "-linux-gnu")
    multiarch = os.path.isdir(context.path("/usr/lib/" + triplet))
    values = {
        "ORIGIN": os.path.dirname(item.path) if item else "",
        "LIB": "lib/" + triplet if multiarch else "lib64",
        "PLATFORM": context.arch,
    }
    text = re.sub(
        r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)\b)",
        lambda m: values[m.group(1) or m.group(2)],
        entry,
    )
    return os.path.normpath(os.path.join(context.cwd, text))


def _system_folders(context: Context) -> List[str]:
    """Return the folders that this system's glibc was built to search last."""
    triplet = _MULTIARCH.get(context.arch, context.arch + "-linux-gnu")
    if os.path.isdir(context.path("/usr/lib/" + triplet)):
        return ["/lib/" + triplet, "/usr/lib/" + triplet, "/lib", "/usr/lib"]
    if os.path.isdir(context.path("/usr/lib64")):
        return ["/lib64", "/usr/lib64"]
    return ["/lib", "/usr/lib"]


def _musl_folders(loader: Loader) -> List[str]:
    """Return the folders of /etc/ld-musl-ARCH.path, or those that musl has built in."""
    try:
        with open(loader.context.path("/etc/ld-musl-%s.path" % loader.context.arch), errors="replace") as stream:
            return [entry for entry in re.split("[:\n]", stream.read()) if entry]
    except OSError:
        return ["/lib", "/usr/local/lib", "/usr/lib"]


def _windows_places(context: Context, chain: List[Object]) -> List[Tuple[str, str]]:
    system = context.env.get("SYSTEMROOT") or context.env.get("SystemRoot") or "C:\\Windows"
    own = [("folder of the library", ntpath.dirname(item.path)) for item in chain[:1]]
    system_folders = [("system", system + "\\System32"), ("system", system)]
    return own + system_folders + [("PATH", folder) for folder in context.path_entries()]


def _join(folder: str, name: str) -> str:
    return folder.rstrip("\\/") + ("\\" if "\\" in folder else "/") + name
