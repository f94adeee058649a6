"""The groups of facts, each found by a module of its own; collect.py loads them when the longest child is under way."""

from typing import Callable, Dict

from . import cuda, cudnn, gpu, ort, python_env, system
from .context import Context
from .fact import Facts


def steps(box: Context, imported: bool) -> Dict[str, Callable[[], Facts]]:
    """Return what finds each group; those whose children take longest are first.

    Where onnxruntime is not to be ``imported``, its group only says what is installed.
    """
    return {
        "ort": (lambda: ort.collect(box)) if imported else (lambda: ort.installed(box)),
        "gpu": lambda: gpu.collect(box),
        "cudnn": lambda: cudnn.collect(box),
        "cuda": lambda: cuda.collect(box),
        "python": lambda: python_env.collect(box),
        "system": lambda: system.collect(box),
    }
