"""README.md of a bundle. What comes from a model or a file stands in it only through :func:`quote`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ortdoctor.bundle.plan import BundlePlan
    from ortdoctor.model.restamp import Restamped


#: What cannot start markup anywhere in a line, nor end it.
_PLAIN = re.compile(r"[A-Za-z0-9 .,;:()=-]+")


def prose(text: str) -> str:
    """Return a sentence as it is where it holds nothing that Markdown reads, else quoted."""
    return text if _PLAIN.fullmatch(text) and text[0].isalnum() else quote(text)


def quote(text: str) -> str:
    """Return ``text`` as a Markdown code span that cannot end early, break the line or start markup.

    It is written as an ASCII JSON string, in which line breaks and other alphabets are escapes; backquotes,
    and angle brackets for readers that pass HTML through, become escapes too.
    """
    escaped = json.dumps(text, ensure_ascii=True)
    for character in "`<>&|":
        escaped = escaped.replace(character, f"\\u{ord(character):04x}")
    return f"`{escaped}`"


def readme(plan: BundlePlan, spec: dict[str, Any], restamped: Restamped) -> str:
    """Return the text of README.md."""
    width, height = spec["input"]["size"]
    points = "box, score and five keypoints" if spec["keypoints"] else "box and score"
    opset = restamped.opsets.get("ai.onnx", 0)
    because = "\n".join(f"- {prose(reason)}" for reason in plan.because)
    changes = "\n".join(f"- {prose(change)}" for change in restamped.changes) or "- none: the very bytes of the source"
    providers = ", ".join(prose(name) for name in plan.expected_providers)
    return f"""\
# SCRFD face detector for the target {prose(plan.target.id)}

A model, a runner for it and a test that proves both on this machine. Python 3.6 or newer.

## Install

    python -m pip install -r requirements.txt

Read the comments in requirements.txt first: they say what can be installed and what cannot.

## Test

    python smoke_test.py

It checks every file, opens a session on {providers}, compares raw outputs and detections with the golden
data and measures the time. Exit code 0: passed. 1: failed. 3: passed, but not on the expected provider.

Where it fails, or the provider is not the expected one, ask why and for the cure (no network is needed):

    python ortdoctor.pyz check

## Use

    python scrfd.py picture.jpg -o faces.png
    python scrfd.py picture.jpg --json

or from Python, in this folder:

    import cv2
    from scrfd import SCRFD

    detector = SCRFD(".")
    for face in detector.detect(cv2.imread("picture.jpg")):
        print(face.bbox, face.score, face.keypoints)

Each face has {points}, in pixels of the picture.

## The model

- input {quote(spec["input"]["name"])}, {width} x {height} (width x height)
- form {prose(spec["form"])}, {spec["anchors"]} anchors a cell, scores as {prose(spec["scores"])}
- opset {opset}, IR version {restamped.ir}

Changes to it:

{changes}

Its weights keep the licence that they came with; nothing here changes it.

## Why this plan

Planned for {prose(plan.distribution)} {prose(plan.version)}. Where it is to be had: {prose(plan.availability)}.

{because}

`manifest.json` lists every file with its SHA-256; `ortdoctor verify` on this folder checks them all.
"""
