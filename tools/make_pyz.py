"""Write the zipapp from a checkout without installing anything: ``python -m tools.make_pyz [FILE]``.

Users have ``ortdoctor pyz -o FILE``; both are :mod:`ortdoctor.bundle.zipapp`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ortdoctor.bundle.zipapp import write_zipapp
from ortdoctor.errors import OrtDoctorError


def main(arguments: list[str]) -> int:
    """Write the zipapp and print its size; return the exit code."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print("expected: python -m tools.make_pyz [FILE]", file=sys.stderr)
        return 2
    out = Path(*arguments) if arguments else Path("dist", "ortdoctor.pyz")
    try:
        size = write_zipapp(out)
    except OrtDoctorError as error:
        print(f"make_pyz: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{out}: {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
