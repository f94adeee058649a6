"""Child: import NumPy alone, without which no onnxruntime can be imported."""

import importlib
import json
import sys
from typing import Any, Dict

MARK = "\n@ortdoctor@ "


def main() -> None:
    """Report how the import went; a crash or a wait without end reports nothing."""
    said: Dict[str, Any] = {"ok": True, "error": None}
    try:
        importlib.import_module("numpy")
    except BaseException as error:  # noqa: BLE001 - whatever an import raises, SystemExit included, is the answer
        text = str(error).strip()
        said = {"ok": False, "error": "%s: %s" % (type(error).__name__, text.splitlines()[-1] if text else "")}
    sys.stdout.write("%s%s\n" % (MARK, json.dumps(said)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
