"""``ortdoctor inspect``: what an ONNX file is and who can run it."""

from __future__ import annotations
