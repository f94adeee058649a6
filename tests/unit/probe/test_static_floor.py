"""The oldest Python reads a root and a model as the newest does, from the command line of the zipapp."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.interpreters import interpreter

from .roots import ARM, elf_file, onnxruntime, system

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "import sys; from ortdoctor.pocket.main import main; sys.exit(main(sys.argv[1:]))"


def told(python: str, *arguments: str) -> dict[str, Any]:
    command = [python, "-c", PROGRAM, "check", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_root_and_a_model_are_judged_alike_on_the_floor(tmp_path: Path) -> None:
    provider = {"onnxruntime/capi/libonnxruntime_providers_cuda.so": elf_file(ARM, needed=["libcublas.so.12"])}
    onnxruntime(system(tmp_path, ARM), "onnxruntime-gpu", "1.20.1", machine=ARM, files=provider)
    model = str(ROOT / "templates" / "sample" / "sample.onnx")
    pythons = (interpreter("3.6"), sys.executable)
    old, new = (told(python, "--root", str(tmp_path), "--model", model) for python in pythons)
    assert old == new
    assert (new["mode"], [row["id"] for row in new["findings"]]) == ("static", ["cuda_libs_missing"])
    assert new["facts"]["model.content"]["value"]["nodes"] == 104
