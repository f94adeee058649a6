"""What the loader maps into one process, and what of all that is needed there it does not find.

glibc goes breadth first and looks for no soname that the process has already (``_dl_map_object``): what the program
or an earlier dlopen brought is taken, whatever the search paths say. Each library is searched with its own RUNPATH
and with the RPATHs of those that led to it; :mod:`.loader` knows these.
"""

import re
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from .elf import ElfError, read
from .loader import Loader, Object, Resolution, load_object, resolve

#: Sonames that one walk follows at most; no real library comes near.
_MOST_NEEDS = 512


class Need(NamedTuple):
    """A soname that the loader is asked for; ``path`` None: it does not find it.

    ``needed_by`` is the soname of the library that needs it; None where that is the very file asked about, or
    where it is opened by name.
    """

    soname: str
    path: Optional[str]
    searched: List[str]
    needed_by: Optional[str]


class Process:
    """A process of the interpreter: what it has mapped once, it does not look for again."""

    def __init__(self, loader: Loader, loaded: Optional[Dict[str, Resolution]] = None) -> None:
        self.loader = loader
        self._loaded: Dict[str, Resolution] = dict(loaded or {})
        if loaded is None:
            self._start()

    def _start(self) -> None:
        """Map what LD_PRELOAD names, then what the program needs."""
        for name in re.split("[: ]", self.loader.context.env.get("LD_PRELOAD", "")):
            item = load_object(self.loader.context.path(name)) if "/" in name else None
            if name and "/" not in name:
                self.open(name)
            elif item is not None:
                self.hold(item._replace(path=name))
                self.needs_of(item._replace(path=name), [])
        for item in reversed(self.loader.program):
            self.needs_of(item, [])

    def copy(self) -> "Process":
        """Return a process with the same libraries, which goes its own way from here."""
        return Process(self.loader, self._loaded)

    def hold(self, item: Object) -> None:
        """Note that the file ``item`` was opened by its path: from now on its soname leads to it."""
        if item.elf.soname:
            self._loaded.setdefault(item.elf.soname, Resolution(item.path, ["loaded by its path before"]))

    def open(self, soname: str) -> List[Need]:
        """Open a library by its soname, as ``ctypes.CDLL`` does; return it and, below it, all that it needs."""
        found, item = self._find(soname, None)
        first = [Need(soname, found.path, found.searched, None)]
        return first + (self._walk(item, [item], soname) if item else [])

    def needs_of(self, item: Object, above: List[Object]) -> List[Need]:
        """Return everything that the file ``item`` needs, directly first; ``above`` is what opens it, nearest first."""
        return self._walk(item, [item] + above, None)

    def _walk(self, top: Object, chain: List[Object], name: Optional[str]) -> List[Need]:
        needs: List[Need] = []
        seen: Set[str] = {name or ""}
        queue: List[Tuple[Object, List[Object], Optional[str]]] = [(top, chain, name)]
        for item, own_chain, by in queue:  # grows at its end while it is read: breadth first
            for soname in item.elf.needed:
                if soname in seen or len(seen) > _MOST_NEEDS:
                    continue
                seen.add(soname)
                found, below = self._find(soname, own_chain)
                needs.append(Need(soname, found.path, found.searched, by))
                if below is not None:
                    queue.append((below, [below] + own_chain, soname))
        return needs

    def _find(self, soname: str, chain: Optional[List[Object]]) -> Tuple[Resolution, Optional[Object]]:
        """Return where ``soname`` is found, and the file where the process did not have it before.

        A soname that was missed is missed once more: only what is found is kept.
        """
        known = self._loaded.get(soname)
        if known is not None:
            return known, None
        found = resolve(self.loader, soname, chain)
        if found.path is None:
            return found, None
        self._loaded[soname] = found
        try:
            item = Object(found.path, read(self.loader.context.path(found.path)))
        except (ElfError, OSError):
            return found, None  # a DLL, or gone since: what it needs cannot be told
        self.hold(item)
        return found, item
