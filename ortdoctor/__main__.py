"""Entry point of ``python -m ortdoctor`` and of the program ``ortdoctor``."""

from __future__ import annotations

import sys

#: Flags of ``check`` that leave it what it is, a probe of this machine and interpreter, and its names for them.
_FLAGS = {
    "--json": "as_json",
    "--verbose": "verbose",
    "-v": "verbose",
    "--strict": "strict",
    "--ascii": "ascii_only",
}


def main() -> int:
    """Run the command line and return the exit code; a check that has flags alone does not wait for typer."""
    command, given = sys.argv[1:2], sys.argv[2:]
    if command == ["check"] and _FLAGS.keys() >= set(given):
        from ortdoctor import quick  # noqa: PLC0415 - each way loads what it needs

        return quick.check(**{_FLAGS[flag]: True for flag in given})
    from ortdoctor import cli  # noqa: PLC0415 - as above

    cli.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
