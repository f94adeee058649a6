"""What each command of a remedy is: something to run in the environment, or a step that only its user can take."""

import glob
import os
import re
import shlex
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

#: Changes of the diagnosed environment, in the order that they are told apart below.
PIP = "pip"
UV = "uv"
ENSUREPIP = "ensurepip"
REMOVE = "remove"
LOADER_PATH = "loader path"
NEW_ENVIRONMENT = "new environment"

#: Nothing that can be done from here; ``why`` says the reason.
YOURS = "yours"

_FOR_SHELL = "it changes the shell that it is typed in, which no program can do for you"
_FOR_SYSTEM = "it is outside this Python environment"
_BY_HAND = "it needs what a step before it brings, which cannot be done from here"

#: What only a shell understands: variables, patterns, several commands in one line.
_SHELL = re.compile(r"[$`;|&<>]")

#: What is between single quotes means itself: 'numpy<2'.
_QUOTED = re.compile(r"'[^']*'")

_CHANGES = ("install", "uninstall")


class Step(NamedTuple):
    """One command as it is shown, what it is, and how it is run (``argv``, without a shell).

    ``folders`` are those of a search path (LOADER_PATH) or the one to delete (REMOVE); ``why`` is set where the
    step is the user's. ``python`` is the interpreter whose environment it changes.
    """

    command: str
    kind: str
    argv: List[str]
    python: str
    folders: List[str] = []
    why: Optional[str] = None


def steps(commands: Sequence[str], python: str, tools: Dict[str, Optional[str]]) -> List[Step]:
    """Return the steps of ``commands``, a remedy for the environment of ``python``.

    ``tools`` says where ``uv`` is (None: nowhere). A removal without the installation that follows it would leave
    less than before, so that where one change of the environment is the user's, all of them are.
    """
    told: List[Step] = []
    for command in commands:
        told += _step(command, python, tools)
        if told[-1].kind == NEW_ENVIRONMENT:
            python = _interpreter_in(told[-1].folders[0])
    if any(step.kind == YOURS and step.why != _FOR_SHELL for step in told):
        return [step if step.kind == YOURS else yours(step.command, python, _BY_HAND) for step in told]
    return told


def yours(command: str, python: str, why: str) -> Step:
    """Return ``command`` as a step that the user has to take."""
    return Step(command, YOURS, [], python, [], why)


def changes(told: Sequence[Step]) -> List[Step]:
    """Return the steps that can be run from here."""
    return [step for step in told if step.kind != YOURS]


def _step(command: str, python: str, tools: Dict[str, Optional[str]]) -> List[Step]:
    path = re.match(r'export LD_LIBRARY_PATH="?(.*)\$\{LD_LIBRARY_PATH:\+:\$LD_LIBRARY_PATH\}"?$', command)
    if path:
        return [_loader_path(command, path.group(1), python)]
    if re.match(r"(export|unset|set|source|conda activate)\b", command):
        return [yours(command, python, _FOR_SHELL)]
    words = _words(command)
    if not words or _SHELL.search(_QUOTED.sub("", command)):
        return [yours(command, python, _FOR_SYSTEM)]
    if words[:3] == ["rm", "-rf", "--"] and len(words) == 4 and os.path.basename(words[3]) == "onnxruntime":
        return [Step(command, REMOVE, [], python, [words[3]])]
    if words[:2] == ["uv", "pip"]:
        return _by_uv(command, words, python, tools.get("uv"))
    if words[1:3] == ["-m", "venv"] and len(words) == 4 and _same(words[0], python):
        folder = os.path.abspath(words[3])
        return [Step(command, NEW_ENVIRONMENT, [python, "-m", "venv", folder], python, [folder])]
    if not _same(words[0], python):
        return [yours(command, python, _FOR_SYSTEM)]
    if words[1:3] == ["-m", "ensurepip"]:
        return [Step(command, ENSUREPIP, [python] + words[1:], python)]
    if words[1:3] == ["-m", "pip"] and words[3:4] and words[3] in _CHANGES:
        arguments = _local_files(words[4:])
        if arguments is None:
            return [yours(command, python, _BY_HAND)]
        return [Step(command, PIP, [python] + words[1:4] + arguments, python)]
    return [yours(command, python, _FOR_SYSTEM)]


def _by_uv(command: str, words: List[str], python: str, uv: Optional[str]) -> List[Step]:
    """Return the step as uv takes it; pip's own, which it first gets, where there is no uv."""
    arguments = _local_files(_without_python(words[3:]))
    if words[2] not in _CHANGES or arguments is None:
        return [yours(command, python, _BY_HAND if arguments is None else _FOR_SYSTEM)]
    if uv:
        return [Step(command, UV, [uv, "pip", words[2], "--python", python] + arguments, python)]
    agreed = ["-y"] if words[2] == "uninstall" else []
    pip = [python, "-m", "pip", words[2]] + agreed + arguments
    ensure = [python, "-m", "ensurepip", "--upgrade"]
    return [Step(_shown(ensure), ENSUREPIP, ensure, python), Step(_shown(pip), PIP, pip, python)]


def _without_python(words: List[str]) -> List[str]:
    if "--python" not in words:
        return words
    at = words.index("--python")
    return words[:at] + words[at + 2 :]


def _loader_path(command: str, listed: str, python: str) -> Step:
    """Return the step that makes a search path last: of the wheels (``$(..)``), or of the folders that are named."""
    if listed.startswith("$("):
        return Step(command, LOADER_PATH, [], python)
    folders = _words(listed)
    if len(folders) != 1:
        return yours(command, python, _FOR_SHELL)
    return Step(command, LOADER_PATH, [], python, [folder for folder in folders[0].split(":") if folder])


def _local_files(arguments: Sequence[str]) -> Optional[List[str]]:
    """Return the arguments with local wheels as absolute paths; None where one is not there (yet)."""
    found: List[str] = []
    for argument in arguments:
        if argument.endswith(".whl") and "://" not in argument:
            files = sorted(glob.glob(argument))
            if not files:
                return None
            found += [os.path.abspath(path) for path in files]
        elif found and found[-1] == "--find-links" and "://" not in argument:
            if not os.path.isdir(argument):
                return None
            found.append(os.path.abspath(argument))
        else:
            found.append(argument)
    return found


def _same(word: str, python: str) -> bool:
    """Compare interpreters as they are named: a virtual environment's is a link to one that is not in it."""
    return os.path.normcase(os.path.abspath(word)) == os.path.normcase(os.path.abspath(python))


def _interpreter_in(folder: str) -> str:
    inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(folder, *inside)


def _words(command: str) -> List[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _shown(argv: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in argv)


def document(step: Step) -> Dict[str, Any]:
    """Return the step for the report's JSON."""
    return {"command": step.command, "kind": step.kind, "why": step.why}
