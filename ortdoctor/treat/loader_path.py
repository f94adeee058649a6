"""The two files that let onnxruntime find CUDA libraries for good, inside one environment."""

import glob
import os
from typing import List, Sequence

from ortdoctor.treat.where import text_of

MODULE = "_onnxruntime_cuda_path.py"
PTH = "onnxruntime_cuda_path.pth"

_LINE = 'FOLDERS: "list[str]" = []'


def files(site: str) -> List[str]:
    """Return the paths of the two files in the folder of packages ``site``."""
    return [os.path.join(site, MODULE), os.path.join(site, PTH)]


def elsewhere(packages: Sequence[str]) -> List[str]:
    """Return the library folders of nvidia-* wheels in other folders of packages, which are not beside the files."""
    found = [glob.glob(os.path.join(glob.escape(folder), "nvidia", "*", "lib")) for folder in packages]
    return sorted(path for paths in found for path in paths)


def write(site: str, folders: Sequence[str]) -> List[str]:
    """Write the files and return their paths; ``folders`` are searched before those of the nvidia-* wheels.

    The module comes first: a line in a ``.pth`` file that fails is printed at every start of Python. Raises OSError.
    """
    source = text_of("cuda_path")
    kept = [folder for folder in dict.fromkeys(folders) if not _of_wheels(site, folder)]
    source = source.replace(_LINE, "FOLDERS = %r" % kept, 1)
    module, pth = files(site)
    for path, text in ((module, source), (pth, "import _onnxruntime_cuda_path\n")):
        with open(path + ".partial", "w", encoding="utf-8") as stream:
            stream.write(text)
        os.rename(path + ".partial", path)
    return [module, pth]


def _of_wheels(site: str, folder: str) -> bool:
    """Tell the folders that the module finds by itself: an upgrade of the wheels must not be held back by a list."""
    inside = os.path.relpath(os.path.realpath(folder), os.path.realpath(site)).split(os.sep)
    return len(inside) == 3 and inside[0] == "nvidia" and inside[2] == "lib"
