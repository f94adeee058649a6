"""Let onnxruntime find the CUDA libraries of the nvidia-* wheels, without LD_LIBRARY_PATH.

ortdoctor wrote this file and onnxruntime_cuda_path.pth beside it; to undo that, delete both. When onnxruntime is
imported for the first time, and only then, the CUDA and cuDNN libraries that it needs are opened by their full paths;
the loader takes libraries that are open already. What is not there is passed over in silence. A library that the
process has open (PyTorch's, say) is left as it is. From ONNX Runtime 1.21 on, onnxruntime.preload_dlls() in a program
does the same.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any, BinaryIO, Optional

#: Folders that are searched first; those of the wheels, beside this file, come after them.
FOLDERS: "list[str]" = []

#: What needs nothing before what needs it. cuDNN and NVRTC open their parts by name, so that these come along.
ORDER = (
    "cudart",
    "nvrtc-builtins",
    "nvrtc",
    "nvJitLink",
    "cublasLt",
    "cublas",
    "cufft",
    "curand",
    "cusparse",
    "cusolver",
    "cudnn_graph",
    "cudnn_ops",
    "cudnn_ops_infer",
    "cudnn_ops_train",
    "cudnn_cnn",
    "cudnn_cnn_infer",
    "cudnn_cnn_train",
    "cudnn_adv",
    "cudnn_adv_infer",
    "cudnn_adv_train",
    "cudnn_engines_precompiled",
    "cudnn_engines_runtime_compiled",
    "cudnn_engines_tensor_ir",
    "cudnn_heuristic",
    "cudnn_ext",
    "cudnn",
)

#: Libraries that are opened by name, and the one that opens them.
PART_OF = {"nvrtc-builtins": "nvrtc", "nvJitLink": "cublas"}


def needed(folder: str) -> "list[str]":
    """Return the file names of the CUDA libraries that the onnxruntime in ``folder`` needs, by what its files say."""
    import os
    import re

    names = set()
    capi = os.path.join(folder, "capi")
    for file in ("_ld_preload.py", "libonnxruntime_providers_cuda.so"):
        try:
            with open(os.path.join(capi, file), "rb") as stream:
                text = stream.read() if file.endswith(".py") else _strings(stream)
        except (OSError, ValueError):
            continue
        names.update(re.findall(rb"lib(?:cudart|cublas|cublasLt|cufft|curand|cudnn|nvrtc)\.so\.[0-9.]+", text))
    return sorted(name.decode("ascii").rstrip(".") for name in names)


def _strings(stream: "BinaryIO") -> bytes:
    """Return the table of names of an ELF file of 64 bits: it holds what DT_NEEDED names."""
    import struct

    head = stream.read(64)
    if head[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no ELF file of 64 bits, little end first")
    table, size, count = struct.unpack_from("<Q", head, 40)[0], *struct.unpack_from("<HH", head, 58)
    stream.seek(table)
    rows = stream.read(size * count)
    text = b""
    for at in range(0, len(rows) - size + 1, size):
        kind = struct.unpack_from("<I", rows, at + 4)[0]
        offset, length = struct.unpack_from("<QQ", rows, at + 24)
        if kind == 6:  # SHT_DYNAMIC: its names are in the section that it links to
            link = struct.unpack_from("<I", rows, at + 40)[0]
            offset, length = struct.unpack_from("<QQ", rows, link * size + 24)
            stream.seek(offset)
            text += stream.read(min(length, 64 << 20))
    return text


def libraries(wanted: "list[str]", folders: "list[str]") -> "list[str]":
    """Return the paths to open, in order: those of ``wanted`` that are in ``folders``, with the parts they open."""
    import os
    import re

    places: "dict[tuple[str, str], str]" = {}
    for folder in folders:
        try:
            files = os.listdir(folder)
        except OSError:
            continue
        for file in files:
            match = re.match(r"lib([A-Za-z_-]+)\.(?:alt\.)?so\.(\d+)[\d.]*$", file)
            if match and ".alt." not in file:
                # The shortest name is the one that programs are linked with: libcufft.so.11 before .11.0.2.
                key = match.group(1), match.group(2)
                if key not in places or len(file) < len(os.path.basename(places[key])):
                    places[key] = os.path.join(folder, file)
    paths = []
    majors: "dict[str, str]" = dict(re.findall(r"lib(\w+)\.so\.(\d+)", " ".join(wanted)))
    cuda = majors.get("cudart") or majors.get("cublasLt") or majors.get("cublas")
    if cuda in ("12", "13"):
        majors.setdefault("cudnn", "9")  # later builds open it when an operator asks for it
    for name in ORDER:
        major = majors.get(name)
        if major is None and name.startswith("cudnn_"):
            major = majors.get("cudnn")
        if major is None and (name in PART_OF or name == "nvrtc"):
            major = cuda
        if major is not None and (name, major) in places:
            paths.append(places[name, major])
    return paths


def wheels() -> "list[str]":
    """Return the library folders of the nvidia-* wheels beside this file."""
    import glob
    import os

    site = os.path.dirname(os.path.abspath(__file__))
    found = glob.glob(os.path.join(glob.escape(site), "nvidia", "*", "lib"))
    return sorted(found)


def preload(folder: str) -> None:
    """Open what the onnxruntime in ``folder`` needs; never raises."""
    try:
        import ctypes
        import os

        for path in libraries(needed(folder), FOLDERS + wheels()):
            if not _opened(ctypes, os.path.basename(path), os.RTLD_NOLOAD | os.RTLD_NOW):
                _opened(ctypes, path, ctypes.RTLD_GLOBAL)
    except Exception:  # noqa: BLE001 - onnxruntime says itself what it does not find; this must break no program
        return


def _opened(ctypes: "Any", name: str, mode: int) -> bool:
    """Return whether the loader opens ``name``; one that lacks something or is broken is left to onnxruntime."""
    try:
        ctypes.CDLL(name, mode=mode)
    except OSError:
        return False
    return True


class Finder:
    """It waits for the first import of onnxruntime, and gives way to the finders after it."""

    def __init__(self) -> None:
        self.asked = False

    def find_spec(self, name: str, *_: object) -> "Optional[ModuleSpec]":
        """Return how onnxruntime is found by the others, with a loader that opens the libraries before it runs."""
        if name != "onnxruntime" or self.asked:
            return None
        import importlib.util

        self.asked = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.asked = False
        loader: "Any" = spec.loader if spec is not None else None
        folders = list(spec.submodule_search_locations or []) if spec is not None else []
        if not folders or not hasattr(loader, "exec_module"):
            return spec
        execute = loader.exec_module

        def exec_module(module: object) -> None:
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                preload(folders[0])
            execute(module)

        loader.exec_module = exec_module
        return spec


if sys.platform.startswith("linux"):
    sys.meta_path.insert(0, Finder())
