"""Machines laid out in a folder, for the probe to look at through ``Context.root``."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ortdoctor.probe.context import Context

Box = Callable[..., Context]


def lay_out(
    root: Path,
    files: Mapping[str, "str | bytes"] | None = None,
    env: Mapping[str, str] | None = None,
    system: str = "linux",
    arch: str = "x86_64",
) -> Context:
    """Write ``files`` (absolute path -> text) under ``root`` and return the context of that machine."""
    root.mkdir(parents=True, exist_ok=True)
    for absolute, content in (files or {}).items():
        path = root / absolute.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Context(os=system, arch=arch, env=dict(env or {}), root=str(root), cwd=str(root))


def program(path: Path, script: str) -> Path:
    """Write an executable shell script and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


def children_env(**more: str) -> dict[str, str]:
    """Return an environment in which children run, with a PATH of the system's own folders only."""
    return {"PATH": os.defpath, **more}
