"""Commands that a person can paste into a shell of the diagnosed machine, with its own interpreter."""

import re
import shlex
from typing import Dict, List, Optional, Sequence, Tuple

from ortdoctor.diagnose import machine
from ortdoctor.diagnose.facts import ABSENT, Facts, version_tuple

#: What the Windows shells take without quotes.
_PLAIN_ON_WINDOWS = re.compile(r"[\w@+.:/\\=,-]+$")

#: The wheels ``nvidia-*`` put their libraries below site-packages/nvidia, each in a folder of its own.
_WHEEL_LIBRARIES = (
    "import glob,sysconfig;print(':'.join(glob.glob(sysconfig.get_paths()['purelib']+'/nvidia/*/lib')))"
)

#: The first pip that a Python no longer runs, by its own metadata on the index (2026-11-22: 3.9 had pip 26.0).
_PIP_BELOW: Dict[Tuple[int, ...], str] = {(3, 6): "22", (3, 7): "24.1", (3, 8): "25.1", (3, 9): "26.1"}

#: Their folders up to CUDA 12. Builds for CUDA 13 have preload_dlls() and need no search path.
_WHEEL_FOLDERS = ("cuda_runtime", "cublas", "cufft", "curand", "cuda_nvrtc", "cudnn")


def quote(word: str, os: str) -> str:
    """Return ``word`` as one argument of a shell: POSIX quoting, or double quotes on Windows.

    A name cannot hold a double quote on Windows, and one that a recorded file claims is dropped.
    """
    word = _printable(word)
    if os != "windows":
        return shlex.quote(word)
    return word if _PLAIN_ON_WINDOWS.match(word) else '"%s"' % word.replace('"', "")


def python(facts: Facts) -> str:
    """Return the diagnosed interpreter, quoted for its shell; ``python`` where the facts do not name it."""
    return quote(facts.text("python.executable") or "python", machine.os_of(facts))


def newest_pip(facts: Facts) -> str:
    """Return the requirement for the newest pip of the diagnosed Python.

    A pip before 9 knows nothing of the Pythons that a release is for, and mirrors may not tell of them: the bare name
    then leads to one that refuses to install.
    """
    bound = _PIP_BELOW.get(version_tuple(facts.text("python.version"))[:2])
    return quote("pip<" + bound, machine.os_of(facts)) if bound else "pip"


def install(
    facts: Facts, requirements: Sequence[str], uninstall: Sequence[str] = (), upgrade_pip: bool = False
) -> List[str]:
    """Return the commands that remove ``uninstall`` and install ``requirements`` for the diagnosed interpreter.

    An environment that its system manages (PEP 668) is left alone: the commands make a new one beside it.
    """
    system = machine.os_of(facts)
    environment = facts.record("python.environment")
    commands: List[str] = []
    interpreter = python(facts)
    if environment and environment["externally_managed"]:
        commands.append("%s -m venv ort-env" % interpreter)
        interpreter = "ort-env\\Scripts\\python.exe" if system == "windows" else "ort-env/bin/python"
        uninstall = ()
    pip = "%s -m pip" % interpreter
    if facts.state("python.pip") == ABSENT and not commands:
        if environment and environment["tool"] == "uv":
            pip = "uv pip"
        else:
            commands.append("%s -m ensurepip --upgrade" % interpreter)
    target = " --python %s" % interpreter if pip == "uv pip" else ""
    if upgrade_pip and pip != "uv pip":
        commands.append("%s install --upgrade %s" % (pip, newest_pip(facts)))
    if uninstall:
        agreed = "" if pip == "uv pip" else " -y"
        commands.append("%s uninstall%s%s %s" % (pip, agreed, target, _words(uninstall, system)))
    if requirements:
        commands.append("%s install%s %s" % (pip, target, _words(requirements, system)))
    return commands


def reinstall(facts: Facts, requirements: Sequence[str]) -> List[str]:
    """Return the command that puts the files of ``requirements`` back, and nothing that they need."""
    *before, last = install(facts, requirements)
    return before + [last.replace(" install", " install --force-reinstall --no-deps", 1)]


def remove(facts: Facts, names: Sequence[str], leftover: Optional[str]) -> List[str]:
    """Return the commands that remove ``names`` and the folder that is left of them.

    A recorded file may claim any folder: only one that is called ``onnxruntime`` is ever to be deleted.
    """
    system = machine.os_of(facts)
    commands = install(facts, (), uninstall=names)
    if leftover and re.search(r"[^\\/.][\\/]onnxruntime$", leftover) and ".." not in leftover:
        command = "rmdir /s /q %s" if system == "windows" else "rm -rf -- %s"
        commands.append(command % quote(leftover, system))
    return commands


def download(facts: Facts, where: Optional[str], name: str) -> List[str]:
    """Return the command that fetches the file at ``where`` as ``name``; nothing where ``where`` is no address."""
    if not where or not re.match(r"https://\S+\.whl$", where):
        return []
    system = machine.os_of(facts)
    return ["curl -L -o %s %s" % (quote(name, system), quote(where, system))]


def loader_path(facts: Facts) -> List[str]:
    """Return the command that lets the loader find the libraries of the ``nvidia-*`` wheels.

    On Windows the folder of packages follows from the prefix, which a cmd script could not ask for so easily.
    """
    prefix = facts.text("python.prefix")
    if machine.os_of(facts) == "windows":
        folders = [r"%s\Lib\site-packages\nvidia\%s\bin" % (prefix, name) for name in _WHEEL_FOLDERS]
        return search_path(facts, folders) if prefix else []
    if machine.os_of(facts) != "linux":
        return []
    listed = '$(%s -c "%s")' % (python(facts), _WHEEL_LIBRARIES)
    # Quotes inside $(..) are a level of their own in POSIX shells.
    return ['export LD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"' % listed]


def search_path(facts: Facts, folders: Sequence[str]) -> List[str]:
    """Return the command that puts ``folders`` before the loader's search path of a shell."""
    system = machine.os_of(facts)
    if not folders:
        return []
    if system == "windows":
        return [
            'set "PATH=%s;%%PATH%%"' % ";".join(_printable(folder).replace('"', "") for folder in folders)
        ]
    joined = ":".join(folders)
    return ["export LD_LIBRARY_PATH=%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" % quote(joined, system)]


def without_folder(facts: Facts, folder: str) -> List[str]:
    """Return the command that takes ``folder`` off the loader's search path; nothing where it is not on it."""
    if machine.os_of(facts) != "linux" or not folder:
        return []
    listed = str(facts.record("python.env").get("LD_LIBRARY_PATH") or "").split(":")
    kept = [entry for entry in listed if entry.rstrip("/") != folder.rstrip("/")]
    if len(kept) == len(listed):
        return []
    return ["export LD_LIBRARY_PATH=%s" % quote(":".join(kept), "linux") if any(kept) else "unset LD_LIBRARY_PATH"]


def _printable(word: str) -> str:
    """Drop line ends and terminal escapes: a recorded file must not smuggle a second command into a paste."""
    return "".join(character for character in word if character.isprintable())


def _words(words: Sequence[str], system: str) -> str:
    return " ".join(quote(word, system) for word in words)
