"""The first file of the zipapp: it also parses on Python 2.7, so that an old interpreter gets a sentence."""

import os
import sys

#: The oldest interpreter that the rest runs on.
OLDEST = (3, 6)


class StandardFirst:
    """An import finder: a json.py on PYTHONPATH or in the current folder must not stand for the standard library's.

    Only for us: ``sys.path``, which is looked at, and what children import stay as they are.
    """

    def __init__(self, folders):
        # type: (list[str]) -> None
        """Look in ``folders`` for what is asked for by a single name."""
        from importlib.machinery import PathFinder  # noqa: PLC0415 - Python 2 has none

        self._finder = PathFinder
        self._folders = folders

    def find_spec(self, name, path=None, _target=None):
        # type: (str, object, object) -> object
        """Return the spec of a top-level module of the standard library; None for any other."""
        return self._finder.find_spec(name, self._folders) if path is None else None


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
    import ortdoctor  # noqa: PLC0415, F401 - from the archive; what is in it is found by its __path__ from now on

    _as_without_us()
    from ortdoctor.pocket.main import main as run  # noqa: PLC0415 - an old interpreter cannot read it

    return run(sys.argv[1:])


def _as_without_us():
    # type: () -> None
    """Let ``sys.path``, which is looked at, be that of ``python -c``: the current folder first, not the archive."""
    library = os.path.dirname(getattr(os, "__file__", None) or "")
    archive = getattr(globals().get("__loader__"), "archive", None)
    if not library or archive is None or sys.path[:1] != [archive]:
        return
    finder = StandardFirst([library, os.path.join(library, "lib-dynload")])
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]  # Python 2 cannot read what would say it
    isolated = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
    sys.path[:1] = [] if isolated else [""]


if __name__ == "__main__":
    sys.exit(main())
