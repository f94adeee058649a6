"""Small shared libraries, compiled by the tests with the search paths, needs and names that they ask for."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest


def compiler() -> str:
    """Return the C compiler, or skip the test that asks."""
    found = shutil.which("gcc") or shutil.which("cc")
    if found is None:
        pytest.skip("needs a C compiler for the libraries that it reads")
    return found


def library(
    path: Path,
    soname: str = "",
    needs: Sequence[Path] = (),
    options: Sequence[str] = (),
    code: str = "int answer(void) { return 42; }",
) -> Path:
    """Compile ``code`` into the shared library ``path``; ``needs`` are libraries that it is linked with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.with_name(path.name + ".c")
    source.write_text(code)
    flags = [f"-Wl,-soname,{soname}"] if soname else []
    links = ["-Wl,--no-as-needed", *map(str, needs)]
    command = [compiler(), "-w", "-shared", "-fPIC", *flags, *options, "-o", str(path), str(source), *links]
    subprocess.run(command, check=True)
    source.unlink()
    return path
