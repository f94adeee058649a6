"""``python -m ortdoctor.probe``: print the facts of this machine as JSON; runs wherever Python 3.6 does."""

import json
import sys

from .collect import collect


def text(version: str = "", model_path: str = "") -> str:
    """Return all facts as one JSON text of ASCII characters."""
    return json.dumps(collect(version=version, model_path=model_path), indent=2)


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
