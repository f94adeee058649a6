"""Diagnose ONNX Runtime environments, recommend releases that fit, pack models for other machines.

This module parses on Python 3.6 and imports nothing, so that a probe may read the version anywhere.
"""

__version__ = "0.1.0"
