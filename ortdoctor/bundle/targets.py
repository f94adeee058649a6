"""What a bundle can be made for: the rows of compat/targets.json, typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortdoctor.errors import MatrixError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ortdoctor.diagnose.matrix import Matrix


@dataclass(frozen=True)
class Pin:
    """Releases that exist for a Python: ``python`` is a version specifier of one clause (``== 3.7``, ``>= 3.11``)."""

    python: str
    packages: Mapping[str, str]

    @property
    def marker(self) -> str:
        """The specifier as an environment marker of a requirement (PEP 508)."""
        operator, version = self.python.split()
        return f'python_version {operator} "{version}"'


@dataclass(frozen=True)
class Choice:
    """The release of ONNX Runtime for one CUDA toolkit, and the Pythons that it was built for."""

    cuda: str
    version: str
    pythons: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A row of targets.json; ``opset`` and ``ir`` are ceilings, None where the planned release decides."""

    id: str
    title: str
    providers: tuple[str, ...]
    distribution: str
    availability: str | None
    ort: tuple[str, ...]
    pins: tuple[Pin, ...]
    choices: tuple[Choice, ...] = ()
    cuda: str | None = None
    opset: int | None = None
    ir: int | None = None


def find(target_id: str, rows: Sequence[Mapping[str, Any]]) -> Target:
    """Return the target of that id out of the parsed targets.json; :class:`UsageError` names those there are."""
    for row in rows:
        if row.get("id") == target_id:
            return _target(row)
    known = ", ".join(sorted(str(row.get("id")) for row in rows))
    raise UsageError(f"the target {target_id!r} is not known; there are: {known}.")


def target_ids(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids that :func:`find` knows, in the order of the file."""
    return [str(row["id"]) for row in rows]


def ceilings(target: Target, versions: tuple[str, ...], matrix: Matrix) -> tuple[int | None, int | None]:
    """Return the newest opset and IR version that every one of ``versions`` and the target's own row allow."""
    known = [limits for limits in map(matrix.limits, versions) if limits is not None]
    opsets = [limits.opset for limits in known] + ([target.opset] if target.opset else [])
    irs = [limits.ir for limits in known] + ([target.ir] if target.ir else [])
    return min(opsets, default=None), min(irs, default=None)


def _target(row: Mapping[str, Any]) -> Target:
    try:
        return Target(
            id=row["id"],
            title=row["title"],
            providers=tuple(row["providers"]),
            distribution=row["distribution"],
            availability=row.get("availability"),
            ort=tuple(row["ort"]),
            pins=tuple(_pin(pin) for pin in row["pins"]),
            choices=tuple(_choice(choice) for choice in row.get("choices", ())),
            cuda=row.get("cuda"),
            opset=row.get("opset"),
            ir=row.get("ir"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MatrixError(f"compat/targets.json: the row {row.get('id')!r} is not complete: {error!r}") from error


def _choice(row: Mapping[str, Any]) -> Choice:
    return Choice(row["cuda"], row["version"], tuple(row["python"]))


def _pin(row: Mapping[str, str]) -> Pin:
    return Pin(row["python"], {name: version for name, version in row.items() if name != "python"})
