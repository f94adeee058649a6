"""Entry point of ``python -m ortdoctor`` and of the program ``ortdoctor``."""

from __future__ import annotations

import sys

from ortdoctor import __version__

#: Flags of ``check`` that leave it what it is, a probe of this machine and interpreter, and its names for them.
_FLAGS = {
    "--json": "as_json",
    "--verbose": "verbose",
    "-v": "verbose",
    "--strict": "strict",
    "--ascii": "ascii_only",
}


def main() -> None:
    """Run the command line; where it can only be a probe, its children start before the rest is loaded."""
    command, given = sys.argv[1:2], sys.argv[2:]
    if command == ["check"] and _FLAGS.keys() >= set(given):
        from ortdoctor.probe import ahead  # noqa: PLC0415 - the others need no probe

        ahead.begin(__version__)
        from ortdoctor.cli import quick  # noqa: PLC0415 - after the children have started

        quick.check(**{_FLAGS[flag]: True for flag in given})
    from ortdoctor import cli  # noqa: PLC0415 - as above

    cli.main()


if __name__ == "__main__":
    main()
