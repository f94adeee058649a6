"""The command line of the zipapp: the same commands, options, sentences and exit codes as ``ortdoctor``."""

import argparse
from typing import TYPE_CHECKING, Callable, List, NamedTuple

from ortdoctor import __version__
from ortdoctor.commands.failures import failure
from ortdoctor.pocket import printing

if TYPE_CHECKING:
    from typing import NoReturn  # Python 3.6.2

    from ortdoctor.commands.check import Asked, Checked

_Add = Callable[..., argparse.Action]


class Command(NamedTuple):
    """A command: what it is for, how its options are added, what it does; that returns the exit code."""

    text: str
    options: Callable[[_Add], None]
    run: Callable[[argparse.Namespace], int]


def main(arguments: List[str]) -> int:
    """Run the command line and return the exit code; without a command it is ``check``."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")):
        arguments = ["check", *arguments]
    asked = _parser().parse_args(arguments)
    try:
        return COMMANDS[asked.command].run(asked)
    except (Exception, KeyboardInterrupt) as error:
        told = failure(error)
        if told is None:
            raise
        if told.sentence is not None:
            printing.err("ortdoctor: " + told.sentence)
        return told.exit_code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "NoReturn":
        printing.err("ortdoctor: %s; %s --help lists what can be given" % (message, self.prog))
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ortdoctor.pyz",
        description="Find out why ONNX Runtime does not use the GPU, on a machine that may lack pip and network.",
        epilog="Exit codes: 0 healthy or a plan, 1 problems or no plan, 2 wrong usage, 3 could not determine.",
    )
    parser.add_argument("--version", action="version", version="ortdoctor " + __version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    commands.required = True
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.text, description=command.text, allow_abbrev=False)
        command.options(one.add_argument)
    return parser


def _check_options(add: _Add) -> None:
    add("--json", dest="as_json", action="store_true", help="print the report as JSON (docs/report.md)")
    add("--verbose", "-v", action="store_true", help="show every fact, not only what is wrong")
    add("--strict", action="store_true", help="count warnings as problems")
    add("--python", metavar="PATH", help="diagnose this interpreter (3.6 or newer) instead of mine")
    add("--facts", metavar="FILE", help="judge a recorded machine instead of this one")
    add("--save-facts", metavar="FILE", help="also record this machine's facts, to judge elsewhere")
    add("--model", metavar="FILE", help="also judge whether this ONNX file runs here")
    add("--static", action="store_true", help="read files only: nothing is run, imported or loaded")
    add("--root", metavar="DIR", help="judge the Linux system mounted in this folder, by its files")
    add("--ascii", dest="ascii_only", action="store_true", help="print ASCII only")
    add("--fix", action="store_true", help="show the commands of the cure, ask, run them, check again")
    add("--yes", "-y", action="store_true", help="with --fix: agree beforehand")


def _check(asked: argparse.Namespace) -> int:
    from ortdoctor.commands import check as command  # noqa: PLC0415 - each command loads what it needs

    # An option that this command knows needs its line above and nothing else.
    wanted = command.Asked(**{name: getattr(asked, name) for name in command.Asked._fields})
    checked = command.check(wanted)
    if not asked.as_json:
        _show(checked, asked)
    if asked.fix:
        checked = _fix(checked, wanted, asked)
    if asked.as_json:
        printing.out(checked.json() + "\n")
        return checked.exit_code
    said = command.hint(wanted, "ortdoctor.pyz")
    if said is not None:
        printing.err(said)
    return checked.exit_code


def _show(checked: "Checked", asked: argparse.Namespace) -> None:
    from ortdoctor.report import text  # noqa: PLC0415 - as in _check

    ascii_only = asked.ascii_only or not text.encodes(printing.encoding())
    printing.out(text.render(checked.report, checked.document, checked.causes, asked.verbose, ascii_only))


def _fix(checked: "Checked", wanted: "Asked", asked: argparse.Namespace) -> "Checked":
    """Treat, and say what was done; what goes on is shown on stderr where the report is for programs."""
    from ortdoctor.commands import fix  # noqa: PLC0415 - as in _check

    say = printing.err if asked.as_json else lambda line: printing.out(line + "\n")
    checked = fix.fix(checked, wanted, say)
    if not asked.as_json:
        if fix.changed(checked):
            _show(checked, asked)
        printing.out("\n".join(fix.lines(checked)) + "\n")
    return checked


def _recommend_options(add: _Add) -> None:
    add("--json", dest="as_json", action="store_true", help="print the plans as JSON (docs/recommend.md)")
    add("--facts", metavar="FILE", help="recommend for a recorded machine")
    add("--python", metavar="PATH", help="recommend for this interpreter; a version is taken as one")
    add("--model", metavar="FILE", help="the ONNX file that has to be loaded")
    add("--os", metavar="NAME", help="linux, windows or macos")
    add("--arch", metavar="NAME", help="x86_64 or aarch64")
    add("--python-version", metavar="VERSION", help="such as 3.7 or 3.13t")
    add("--glibc", metavar="VERSION", help="such as 2.17; or musl (Alpine)")
    add("--driver", metavar="VERSION", help="NVIDIA driver, such as 535.104.05; or none")
    add("--cuda", metavar="VERSION", help="installed CUDA toolkit, such as 10.0; or none")
    add("--cudnn", metavar="VERSION", help="installed cuDNN, such as 7.6; or none")
    add("--gpu", metavar="CAPABILITY", help="compute capability, such as 7.5")
    add("--jetpack", metavar="VERSION", help="JetPack of a Jetson, such as 4.6")
    add("--wsl", action="store_true", help="Linux under WSL 2: --driver is the one of Windows")


def _recommend(asked: argparse.Namespace) -> int:
    import json  # noqa: PLC0415 - as in _check

    from ortdoctor.commands import recommend as command  # noqa: PLC0415 - as in _check
    from ortdoctor.diagnose.plans_described import Described  # noqa: PLC0415 - as in _check
    from ortdoctor.report import recommend as report  # noqa: PLC0415 - as in _check

    box = Described(
        asked.os,
        asked.arch,
        asked.python_version,
        asked.glibc,
        asked.driver,
        asked.cuda,
        asked.cudnn,
        asked.gpu,
        asked.jetpack,
        asked.wsl,
    )
    found = command.recommend(box, asked.facts, asked.python, asked.model)
    if asked.as_json:
        printing.out(json.dumps(report.document(found, __version__), indent=2) + "\n")
    else:
        printing.out(report.text(found))
    return command.exit_code(found)


def _matrix_options(add: _Add) -> None:
    add("action", nargs="?", metavar="explain", help="explain: show one release")
    add("version", nargs="?", metavar="VERSION", help="the release, such as 1.22.0")
    add("--json", dest="as_json", action="store_true", help="print JSON")
    add("--csv", dest="as_csv", action="store_true", help="print comma-separated values")
    add("--markdown", dest="as_markdown", action="store_true", help="print a Markdown table")


def _matrix(asked: argparse.Namespace) -> int:
    from ortdoctor.commands import matrix as command  # noqa: PLC0415 - as in _check

    said = command.matrix(
        asked.action, asked.version, as_json=asked.as_json, as_csv=asked.as_csv, as_markdown=asked.as_markdown
    )
    printing.out(said)
    return 0


#: In the order of the help.
COMMANDS = {
    "check": Command("say what is wrong with ONNX Runtime here, why, and the cure", _check_options, _check),
    "recommend": Command("say which ONNX Runtime fits a machine", _recommend_options, _recommend),
    "matrix": Command("show which release takes which opset, CUDA, cuDNN and Python", _matrix_options, _matrix),
}
