"""manifest.json: what is in a bundle, for whom, and why. The same inputs give the same bytes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import ortdoctor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortdoctor.bundle.plan import BundlePlan
    from ortdoctor.model.load import Model
    from ortdoctor.model.restamp import Restamped

NAME = "manifest.json"
FAMILY, VERSION = "ortdoctor.bundle", 1
SCHEMA = f"{FAMILY}/{VERSION}"

#: What the smoke test accepts: raw outputs relative to max(1, largest value), boxes and keypoints in pixels
#: of the picture (docs/bundle.md).
TOLERANCE = {"raw": 0.001, "box_px": 1.0, "score": 0.01}


def manifest(plan: BundlePlan, model: Model, restamped: Restamped, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the document; ``files`` are all others of the bundle by their names."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "ortdoctor": ortdoctor.__version__,
        "target": {"id": plan.target.id, "expected_providers": list(plan.expected_providers)},
        "model": {
            "name": "model.onnx",
            "source_sha256": model.sha256,
            "opset": restamped.opsets,
            "ir": restamped.ir,
            "changed": bool(restamped.changes),
            "changes": list(restamped.changes),
        },
        "plan": {
            "distribution": plan.distribution,
            "version": plan.version,
            "availability": plan.availability,
            "because": list(plan.because),
        },
        "tolerance": TOLERANCE,
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()
        },
    }
    return {**document, "digest": digest(document)}


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return JSON as every file of a bundle holds it: sorted, indented, ASCII, one line break at the end."""
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii")


def digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the manifest without its own digest.

    It finds accidents in the one file that no other describes. It is no signature: who rewrites the bundle
    can rewrite it too.
    """
    return hashlib.sha256(to_bytes({key: value for key, value in document.items() if key != "digest"})).hexdigest()
