"""The first file of the zipapp: it also parses on Python 2.7, so that an old interpreter gets a sentence."""

import sys

#: The oldest interpreter that the rest runs on.
OLDEST = (3, 6)


def main():
    # type: () -> int
    """Run the command line; on an interpreter that is too old say so and return 2, the code of a wrong call."""
    if sys.version_info[:2] < OLDEST:
        found = (sys.version.split()[0], sys.executable, sys.argv[0])
        sys.stderr.write(
            "ortdoctor: expected Python %d.%d or later, found Python %s (%s): run it with a newer one, such as: "
            "python3 %s\n" % (OLDEST + found)
        )
        return 2
    from ortdoctor.pocket.main import main as run  # noqa: PLC0415 - an old interpreter cannot read it

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
