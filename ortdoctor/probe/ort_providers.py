"""The libraries that hold ONNX Runtime's providers, what they need, and what of that the loader finds."""

import ast
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional

from .elf import ElfError, read
from .loader import Loader, Object, load_object
from .process import Need, Process

#: File name of a provider library, by its middle part; ``shared`` is the bridge, not a provider.
_LIBRARY = re.compile(r"(?:lib)?onnxruntime_providers_(\w+?)(?:\.so(?:\.\d+)*|\.dll|\.dylib)$")

#: Names that onnxruntime gives its providers (core/graph/constants.h); others are spelled by their file name.
_PROVIDERS = {
    "cann": "CANNExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cuda_plugin": "CUDAExecutionProvider",
    "dnnl": "DnnlExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "nv_tensorrt_rtx": "NvTensorRTRTXExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "qnn": "QNNExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "vitisai": "VitisAIExecutionProvider",
}

#: The main extension module, which held the CUDA provider itself up to 1.7.
_EXTENSION = re.compile(r"onnxruntime_pybind11_state\b.*\.(so|pyd)$")

#: Only a CUDA build links these.
_CUDA_SONAME = re.compile(r"lib(cudart|cublas|cublasLt|cudnn|cufft|curand)\.so\.")


class Preload(NamedTuple):
    """Sonames that ``_ld_preload.py`` opens before the extension, and the provider that is lost without them.

    auditwheel took these needs out of the libraries: by the file, nothing else tells of them.
    """

    provider: str
    sonames: List[str]


def preloads(source: str) -> List[Preload]:
    """Read the text of ``_ld_preload.py``.

    Since 1.11 each provider has a ``try`` that opens its libraries and sets ORT_<PROVIDER>_UNAVAILABLE
    where one is missing; before, they were opened unconditionally, for the CUDA provider. Text that
    is not Python opens nothing.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    found = []
    for statement in tree.body:
        strings = _opened(statement)
        if strings:
            marks = re.findall(r"ORT_(\w+?)_UNAVAILABLE", " ".join(_strings(statement)))
            found.append(Preload(_provider(marks[0].lower() if marks else "cuda"), strings))
    merged: Dict[str, List[str]] = {}
    for item in found:
        names = merged.setdefault(item.provider, [])
        names += [name for name in item.sonames if name not in names]
    return [Preload(provider, names) for provider, names in merged.items()]


def _opened(statement: ast.AST) -> List[str]:
    """Return the first arguments of calls of ``CDLL`` in order."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and node.args]
    named = [node for node in calls if getattr(node.func, "id", getattr(node.func, "attr", "")) == "CDLL"]
    ordered = sorted(named, key=lambda node: (node.lineno, node.col_offset))
    return [text for node in ordered for text in [literal(node.args[0])] if text]


def _strings(statement: ast.AST) -> List[str]:
    return [text for node in ast.walk(statement) if isinstance(node, ast.expr) for text in [literal(node)] if text]


def literal(node: ast.expr) -> Optional[str]:
    """Return the text of a string constant, else None; ast.Str and ast.Constant have changed over the releases."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
    return value if isinstance(value, str) else None


def _provider(middle: str) -> str:
    return _PROVIDERS.get(middle, middle + "ExecutionProvider")


def provider_libraries(loader: Loader, natives: List[str], preload: List[Preload]) -> List[Dict[str, Any]]:
    """Return the value of ``ort.provider_libraries`` for the native files of the installed folder."""
    extensions = [load_object(path, loader.context) for path in natives if _EXTENSION.search(os.path.basename(path))]
    above = [item for item in extensions if item][:1]
    wanted = {item.provider: item.sonames for item in preload}
    matched = [(path, _LIBRARY.match(os.path.basename(path))) for path in natives]
    bridges = [load_object(path, loader.context) for path, match in matched if match and match.group(1) == "shared"]
    before = Process(loader)
    described = []
    for path, match in matched:
        if match and match.group(1) != "shared":
            provider = _provider(match.group(1))
            opened = _Opened(path, above, wanted.get(provider, []), [item for item in bridges if item])
            described.append(_describe(before.copy(), opened, provider))
    cuda = _provider("cuda")
    for item in above:
        linked = any(_CUDA_SONAME.match(name) for name in item.elf.needed)
        apart = any(entry["provider"] == cuda for entry in described)
        if linked or (wanted.get(cuda) and not apart):
            described.append(_describe(before.copy(), _Opened(item.path, [], wanted.get(cuda, []), []), cuda))
    return described


class _Opened(NamedTuple):
    """A file with a provider: what opens it (nearest first), what is opened by name and by path before it is."""

    path: str
    above: List[Object]
    preload: List[str]
    bridges: List[Object]


def _describe(process: Process, opened: _Opened, provider: str) -> Dict[str, Any]:
    """Return one library's entry; ``process`` is what the interpreter has mapped before onnxruntime."""
    entry: Dict[str, Any] = {"path": opened.path, "provider": provider, "needed": [], "runpath": []}
    # ctypes opens these, before anything of onnxruntime is loaded: its RPATHs have no say.
    needs = [need for name in opened.preload for need in process.open(name)]
    entry["needed"] = _once(needs)
    if process.loader.context.os != "linux":
        return dict(entry, error="%s is no ELF file, and only these are read for what they need" % opened.path)
    try:
        elf = read(process.loader.context.path(opened.path))
    except (ElfError, OSError) as error:
        return dict(entry, error=str(error))
    for item in opened.above:
        process.needs_of(item, [])
    for item in opened.bridges:
        process.hold(item)
    needs += process.needs_of(Object(opened.path, elf), opened.above)
    entry["needed"] = _once(needs)
    return dict(entry, runpath=elf.runpath or elf.rpath, glibc=elf.glibc, glibcxx=elf.glibcxx)


def _once(needs: List[Need]) -> List[Dict[str, Any]]:
    """Return each soname once, where it is asked for first: a name that ctypes missed is not tried again."""
    seen: Dict[str, Need] = {}
    for need in needs:
        seen.setdefault(need.soname, need)
    return [dict(need._asdict()) for need in seen.values()]
