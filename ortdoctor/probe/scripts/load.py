"""Child: load shared libraries by name and report what the dynamic loader of this process took.

Where the system can fork, a process loads no more than one library: one that is loaded already is found by
its soname whatever the search path says, and a crash costs only itself.
"""

import ctypes
import os
import signal
import sys
from typing import Any, Dict, Iterator, List, TextIO, Tuple

MARK = "\n@ortdoctor@ "

#: Name of a library, and of a function in it (or "").
Library = Tuple[str, str]

#: RTLD_DI_LINKMAP of <dlfcn.h>, the same in glibc and musl.
_LINKMAP = 2


class _LinkMap(ctypes.Structure):
    """The public head of ``struct link_map`` in <link.h>."""

    _fields_ = [("l_addr", ctypes.c_void_p), ("l_name", ctypes.c_char_p)]


def load(name: str, function: str) -> Dict[str, Any]:
    """Load ``name``; return its path, and what ``size_t function(void)`` of it says, where one is named."""
    try:
        if os.name == "nt":
            # Mode 0 searches PATH, as ONNX Runtime's own LoadLibraryEx does; the default of ctypes does not.
            library = ctypes.CDLL(name, winmode=0) if sys.version_info >= (3, 8) else ctypes.CDLL(name)
        else:
            library = ctypes.CDLL(name)
    except OSError as error:
        return {"error": str(error)}
    said: Dict[str, Any] = {"path": path_of(library)}
    if function:
        try:
            call = getattr(library, function)
        except AttributeError:
            return dict(said, error="%s has no function %s" % (name, function))
        call.restype = ctypes.c_size_t
        said["number"] = call()
    return said


def path_of(library: ctypes.CDLL) -> str:
    """Return the file that a loaded library came from."""
    handle = library._handle  # noqa: SLF001 - the only way that ctypes gives to it
    if os.name == "nt":
        buffer = ctypes.create_unicode_buffer(32768)
        get_name = ctypes.windll.kernel32.GetModuleFileNameW  # type: ignore[attr-defined,unused-ignore]
        get_name(ctypes.c_void_p(handle), buffer, len(buffer))
        return buffer.value
    found = ctypes.POINTER(_LinkMap)()
    try:
        dlinfo = ctypes.CDLL(None).dlinfo
    except AttributeError:
        dlinfo = ctypes.CDLL("libdl.so.2").dlinfo  # glibc before 2.34 keeps it apart
    if dlinfo(ctypes.c_void_p(handle), _LINKMAP, ctypes.byref(found)):
        return ""
    return os.path.realpath(os.fsdecode(found.contents.l_name or b""))


def apart(libraries: List[Library]) -> Iterator[Tuple[str, str]]:
    """Yield name and answer, as text, of each.

    A forked process goes on until a library is loaded, the next one goes on from there. A name that the loader does
    not find leaves nothing behind. A crash is an error of the library that it came with.
    """
    left = list(libraries)
    while left:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.close(reader)
                with os.fdopen(writer, "w") as stream:
                    tell(left, stream)
            finally:
                os._exit(0)  # never back into main(), which is the parent's
        os.close(writer)
        with os.fdopen(reader) as stream:
            answers = stream.read().splitlines()
        status = os.waitpid(child, 0)[1]
        for line in answers:
            yield left.pop(0)[0], line
        crashed = os.WIFSIGNALED(status)
        if left and (crashed or not answers):
            name = left.pop(0)[0]
            how = " by %s" % signal.Signals(os.WTERMSIG(status)).name if crashed else ""
            yield name, ascii({"error": "loading %s ended the process%s" % (name, how)})


def tell(libraries: List[Library], stream: TextIO) -> None:
    """Write an answer for each library, up to the first that is loaded."""
    for name, function in libraries:
        said = load(name, function)
        stream.write(ascii(said) + "\n")
        stream.flush()
        if "path" in said:
            return


def main(arguments: List[str]) -> None:
    """Report ``{name: {path, number, error}}`` for the arguments: a name and a function (or "") in turn."""
    limit_cores()
    libraries = list(zip(arguments[::2], arguments[1::2]))  # noqa: B905 - 3.6 has no strict=
    here = ((name, ascii(load(name, function))) for name, function in libraries)
    for name, said in apart(libraries) if hasattr(os, "fork") else here:
        sys.stdout.write("%s{%a: %s}\n" % (MARK, name, said))
        sys.stdout.flush()


def limit_cores() -> None:
    """Let a crash leave no core file in the user's folder."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1:])
