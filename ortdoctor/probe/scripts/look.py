"""Child: what this interpreter searches for imports, and where ``import onnxruntime`` would come from."""

import importlib.util
import json
import os
import sys
from typing import Any, Dict, Optional

MARK = "\n@ortdoctor@ "


def spec(name: str) -> Optional[Dict[str, Any]]:
    """Return where a top-level module would come from, or None; a top-level find_spec imports nothing."""
    found = importlib.util.find_spec(name)
    if found is None:
        return None
    locations = found.submodule_search_locations
    return {
        "origin": os.path.abspath(found.origin) if found.has_location and found.origin else None,
        "locations": None if locations is None else [os.path.abspath(item) for item in locations],
    }


def main() -> None:
    """Report ``sys.path`` made absolute, and the spec."""
    paths = [os.path.abspath(item) for item in sys.path]
    sys.stdout.write("%s%s\n" % (MARK, json.dumps({"path": paths})))
    sys.stdout.flush()
    sys.stdout.write("%s%s\n" % (MARK, json.dumps({"spec": spec("onnxruntime")})))


if __name__ == "__main__":
    main()
