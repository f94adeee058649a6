"""``python -m ortdoctor.probe``: print the facts of this machine as JSON; runs wherever Python 3.6 does."""

import json
import sys

from .collect import collect

if __name__ == "__main__":
    json.dump(collect(), sys.stdout, indent=2)
    sys.stdout.write("\n")
