"""Libraries that ``import onnxruntime`` has opened by itself: a provider that needs them by name gets these copies.

A site hook (``onnxruntime_cuda_path.pth``), a ``sitecustomize`` or the package may open them by full path. The loader
compares the sonames of what is open with the name that it is asked for before it searches any folder.
"""

import os
from typing import Any, Dict, List, Optional

from .elf import ElfError, read
from .fact import Facts

KEY = "ort.provider_libraries"

_WHERE = "open already once onnxruntime is imported"


def fill(facts: Facts, opened: Optional[List[str]]) -> None:
    """Give every need of ``ort.provider_libraries`` that the loader does not find the copy that is open, if any.

    ``opened`` are the paths that the process had mapped after the import; None where it did not get so far.
    """
    rows = facts[KEY]["value"] or []
    wanted: List[Dict[str, Any]] = [need for row in rows for need in row["needed"] if need["path"] is None]
    if not wanted or not opened:
        return
    copies = {_soname(path): path for path in opened}
    for need in wanted:
        if need["soname"] in copies:
            need["path"] = copies[need["soname"]]
            need["searched"] = need["searched"] + [_WHERE]


def _soname(path: str) -> str:
    try:
        return read(path).soname or os.path.basename(path)
    except (ElfError, OSError):
        return os.path.basename(path)
