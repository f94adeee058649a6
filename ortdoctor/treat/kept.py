"""What a remedy would lose of its user's: files in ``onnxruntime/`` that no distribution brought like that."""

import os
import re
import shutil
import time
from typing import Dict, List, Tuple

from ortdoctor.probe import ort_installed
from ortdoctor.treat.snapshot import Snapshot
from ortdoctor.treat.tree import FILE, look

#: Native files and compiled Python: nobody's own work, and a broken one is what is to be got rid of.
_NOT_WORK = re.compile(r"\.(pyc|pyo|pyd|dll|dylib|so(\.\d+)*)$")


def own_files(packages: List[str]) -> List[Tuple[str, str]]:
    """Return (folder of packages, path below it) of files in ``onnxruntime/`` that are somebody's own or edited."""
    found = []
    recorded: Dict[str, List[ort_installed.Recorded]] = {}
    for item in ort_installed.distributions(packages):
        for file in item.files:
            recorded.setdefault(os.path.join(item.location, *file.path.split("/")), []).append(file)
    for root in packages:
        for folder, _, names in os.walk(os.path.join(root, ort_installed.FOLDER)):
            for name in names:
                path = os.path.join(folder, name)
                if not _NOT_WORK.search(name) and not os.path.islink(path) and _is_own(path, recorded.get(path, [])):
                    found.append((root, os.path.relpath(path, root)))
    return sorted(found)


def _is_own(path: str, records: List[ort_installed.Recorded]) -> bool:
    """Tell a file that is not as any distribution recorded it; one without a recorded hash counts as theirs."""
    if any(record.digest is None for record in records):
        return False
    if os.path.getsize(path) == 0:
        return False
    return not any(ort_installed.unchanged(path, record) for record in records)


def keep(own: List[Tuple[str, str]], copy: Snapshot, prefix: str) -> List[str]:
    """Put aside those of ``own`` that the remedy removed or replaced; return where they are now.

    They are taken from the copy of the environment. Raises OSError.
    """
    told: List[str] = []
    aside = os.path.join(prefix, time.strftime("onnxruntime-kept-%Y%m%d-%H%M%S"))
    for root, path in own:
        index = copy.roots.index(root)
        if copy.trees[index][path].same(look(os.path.join(root, path))) or copy.trees[index][path].kind != FILE:
            continue
        there = os.path.join(aside, path)
        os.makedirs(os.path.dirname(there), exist_ok=True)
        shutil.copy2(os.path.join(copy.store(index), path), there)
        told.append(there)
    return told
