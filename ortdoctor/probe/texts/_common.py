"""What the parsers share: cleaning a captured text and telling a shell's failure from a tool's output."""

import re
from typing import Any, Dict, List, Optional

#: Address of a PCI function as nvidia-smi prints it: the domain has four digits up to 375, eight later.
BUS_ID = r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]"

#: Two memory figures, used and total; drivers up to 319 write MB for what has always been MiB.
MEMORY_PAIR = r"(?P<used>\d+) *Mi?B */ *(?P<total>\d+) *Mi?B"

# Bounds, so that garbage costs little: no tool prints so much, the widest line is the query of every column.
_TEXT_LIMIT = 1 << 20
_LINE = re.compile(r"([^\n]{8192})[^\n]+")
_SENTENCE = 1024

#: A text that the parser does not know at all.
UNREADABLE = "unreadable"

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")

# What a log writes before each line of a child's output: an ISO time, perhaps a level (never WARNING, which
# nvidia-smi prints itself); or syslog's time, host and program.
_LOG_PREFIX = re.compile(
    r"^[\[(]?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,:+Z-]*[\])]?[ \t]?"
    r"(?:(?:- )?[\[(]?(?:INFO|DEBUG|NOTICE|stdout F|stderr F)[\])]?:?[ \t]?(?:- )?)?"
    r"|^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]+ [\w./-]+(?:\[\d+\])?: ",
    re.M,
)

_SPACES = re.compile("[\u00a0\u2007\u202f\u3000]")

_LOOKALIKES = {
    ord("\u2502"): "|",  # box drawing, as some terminals and pasted pictures have it
    ord("\u2503"): "|",
    ord("\u2500"): "-",
    ord("\u2501"): "-",
    ord("\ufeff"): None,
    ord("\u200b"): None,
    ord("\u2019"): "'",
}

_QUOTES = "['\"`\u00ab\u00bb\u2018\u2019\u201a\u201c\u201d\u201e\u300c\u300d\u300e\u300f]"

# What shells and loaders say in the languages that they are translated to, where the file is there.
_DENIED = re.compile(
    r"permission denied|access is denied|keine berechtigung|permission non accord|permiso denegado"
    r"|permesso negato|permiss\u00e3o negada"
    r"|\u6743\u9650\u4e0d\u591f|\u8a31\u53ef\u304c\u3042\u308a\u307e\u305b\u3093"
    r"|\u043e\u0442\u043a\u0430\u0437\u0430\u043d\u043e \u0432 \u0434\u043e\u0441\u0442\u0443\u043f\u0435",
    re.I,
)

_READERS = r"(?:cat|head|tail|type|more|less|grep|ls|sed|awk|strings|find|dir|get-content)"

_FILE_FAILURE = re.compile(
    r"(?:^|\s)" + _READERS + r"(?:\.exe)?\s?: \S.*$"
    r"|no such file or directory|cannot find (?:the )?(?:file|path)",
    re.I | re.M,
)


def clean(text: str) -> str:
    """Return ``text`` with plain line ends and spaces and nothing that a terminal or a log has added.

    Colours, byte-order marks and the times that a log puts before each line go. A NUL ends a string in a
    device tree, so it ends a line here. Text that is every second NUL is UTF-16 (a PowerShell redirection)
    that was read as bytes: there the NULs mean nothing.
    """
    body = text.lstrip("\ufeff\ufffd")  # a UTF-16 mark, read as UTF-8
    if body.count("\0") * 3 > len(body):
        text = body.replace("\0", "")
    text = text[:_TEXT_LIMIT].replace("\0", "\n").replace("\r\n", "\n").replace("\r", "\n")
    text = _SPACES.sub(" ", _ANSI.sub("", text)).translate(_LOOKALIKES)
    return _LOG_PREFIX.sub("", _bounded(text))


def _bounded(text: str) -> str:
    """Cut overlong lines and gaps: the patterns of the parsers look for a line's end from many places."""
    text = re.sub(r"\n(?:[ \t]*\n){8,}", "\n\n", _LINE.sub(r"\1", text))
    return re.sub(r"[ \t]{256,}", " " * 256, text)


def version_parts(version: str) -> List[int]:
    """Return the leading dotted integers: ``"12.2.20230823"`` gives ``[12, 2, 20230823]``."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return [int(part) for part in match.group().split(".")] if match else []


def major_minor(version: str) -> Optional[str]:
    """Return ``"12.2"`` of ``"12.2.140"``; None where there are not two numbers."""
    parts = version_parts(version)
    return "%d.%d" % (parts[0], parts[1]) if len(parts) > 1 else None


def first(pattern: str, text: str, flags: int = 0) -> Optional[str]:
    """Return group 1 of the first match, stripped, or None."""
    match = re.search(pattern, text, flags)
    return match.group(1).strip() if match else None


def drop_none(found: Dict[str, Any]) -> Dict[str, Any]:
    """Return ``found`` without the keys that nothing was found for."""
    return {key: value for key, value in found.items() if value is not None}


def shell_failure(text: str, program: str) -> Optional[str]:
    """Return ``"not-found"`` or ``"permission-denied"`` where a shell says that it could not run ``program``.

    Told by form, not by words, since the words come in the user's language: a message quotes the name
    (``Command 'nvcc' not found``, the same in any language), puts it before the reason (``bash: nvcc: ..``)
    or last (``zsh: command not found: nvcc``). Ask only where the tool's own output was not found.
    """
    name = r"(?<![\w.-])" + re.escape(program) + r"(?:\.exe)?"
    message = re.compile(
        r"%(quote)s\s?(?:[\w.~:-]*[/\\])*%(name)s\s?%(quote)s"
        r"|%(name)s\s?: (?!NVIDIA|\s|/|[A-Za-z]:\\|\w+ option)"
        r"|: %(name)s\s*$|: [^:]+: \S*%(name)s\s*$"
        r"|\bno %(name)s in \(|%(name)s (?:is |was )?not found|could not find %(name)s"
        % {"quote": _QUOTES, "name": name},
        re.I,
    )
    for line in text.splitlines():
        if program in line.lower() and len(line) < _SENTENCE and message.search(line):
            return _denied_or_missing(text)
    return None


def file_failure(text: str) -> Optional[str]:
    """Return ``"not-found"`` or ``"permission-denied"`` where a program says that it could not read a file."""
    return _denied_or_missing(text) if _FILE_FAILURE.search(text) else None


def _denied_or_missing(text: str) -> str:
    return "permission-denied" if _DENIED.search(text) else "not-found"
