"""The rows of the compatibility matrix (docs/matrix.md) and the reader that refuses a broken one."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type, TypeVar

KINDS = ("wheel", "document", "measurement")

#: Strongest first. ``measured``: read or run here; ``doc``: the vendor's document; ``secondary``: somebody
#: else's page; ``derived``: computed from other rows; ``memory``: unverified.
CONFIDENCES = ("measured", "doc", "secondary", "derived", "memory")

AVAILABILITIES = ("index", "removed", "extra-index", "jetson", "archive", "never")


_FIELDS = frozenset(("kind", "where", "when", "confidence", "fields"))
_CHOICES = (("kind", KINDS), ("confidence", CONFIDENCES))


class MatrixDataError(ValueError):
    """A file of the matrix breaks its own rules: the sentence says which row and what was expected."""


class Evidence(NamedTuple):
    """Why a row is believed; ``fields`` names what it speaks for, empty for the whole row."""

    kind: str
    where: str
    when: str
    confidence: str
    fields: Tuple[str, ...] = ()


class Release(NamedTuple):
    """The newest opset and IR version that a release loads; not ``enforced``: it loads any."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    version: str
    opset: int
    ir: int
    enforced: bool
    ml_opset: Optional[int] = None
    onnx: Optional[str] = None


class Build(NamedTuple):
    """One distribution of one release for one platform; see docs/matrix.md for the fields."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    id: str
    distribution: str
    version: str
    os: str
    arch: str
    channel: str
    availability: str
    sonames: Tuple[str, ...] = ()
    gpu_code: Tuple[str, ...] = ()
    python: Tuple[str, ...] = ()
    platform_tags: Tuple[str, ...] = ()
    cuda: Optional[str] = None
    cuda_build: Optional[str] = None
    cudnn: Optional[str] = None
    optional: Tuple[str, ...] = ()
    tensorrt: Optional[str] = None
    tensorrt_sonames: Tuple[str, ...] = ()
    extras: Optional[Dict[str, List[str]]] = None
    glibc: Optional[str] = None
    numpy: Optional[str] = None
    jetpack: Tuple[str, ...] = ()
    where: Optional[str] = None
    sha256: Optional[str] = None


class Driver(NamedTuple):
    """The oldest driver for one toolkit, or, with ``cuda_major``, for every minor version of a major."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    cuda: Optional[str] = None
    cuda_major: Optional[int] = None
    update: Optional[str] = None
    linux_min: Optional[str] = None
    windows_min: Optional[str] = None

    def minimum(self, os: str) -> Optional[str]:
        """Return the oldest driver for ``"linux"`` or ``"windows"``; None where no document says."""
        return {"linux": self.linux_min, "windows": self.windows_min}.get(os)


class Gpu(NamedTuple):
    """A compute capability and the toolkits that make code for it; no ``last_cuda``: still made."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    compute_capability: str
    architecture: str
    first_cuda: Optional[str] = None
    last_cuda: Optional[str] = None
    tegra: bool = False


class JetPack(NamedTuple):
    """A JetPack release: the L4T releases that it is on and what it installs."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    jetpack: str
    l4t: Tuple[str, ...]
    compute_capability: Tuple[str, ...]
    cuda: Optional[str] = None
    cudnn: Optional[str] = None
    tensorrt: Optional[str] = None
    ubuntu: Optional[str] = None
    python: Optional[str] = None


class Distribution(NamedTuple):
    """A distribution of ONNX Runtime and the folder that it installs; ``conflicts``: it is the shared one."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    name: str
    folder: str
    conflicts: bool
    versions: Optional[str] = None
    provider_hint: Optional[str] = None
    note: Optional[str] = None


class PythonApi(NamedTuple):
    """Since which release a Python call or behaviour exists, and until which."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    api: str
    first_version: str
    last_version: Optional[str] = None
    note: Optional[str] = None


class Conflict(NamedTuple):
    """Two sources that disagree, and which one the matrix follows."""

    row_id: str
    evidence: Tuple[Evidence, ...]
    topic: str
    a: str
    b: str
    chosen: Optional[str] = None


Row = TypeVar("Row", Release, Build, Driver, Gpu, JetPack, Distribution, PythonApi, Conflict)


def read_evidence(where: str, raw: Any) -> Tuple[Evidence, ...]:
    """Return the evidence of a row; :class:`MatrixDataError` where there is none or it says too little."""
    entries = raw.get("evidence") if isinstance(raw, dict) else None
    if not isinstance(entries, list) or not entries:
        raise MatrixDataError("%s: a row needs a list of evidence, one entry or more; found %r" % (where, entries))
    return tuple(_one_evidence(where, entry) for entry in entries)


def _one_evidence(where: str, entry: Any) -> Evidence:
    if not isinstance(entry, dict) or not _FIELDS.issuperset(entry):
        raise MatrixDataError("%s: evidence is an object with %r; found %r" % (where, sorted(_FIELDS), entry))
    for field, choices in _CHOICES:
        if entry.get(field) not in choices:
            raise MatrixDataError(
                "%s: %s of evidence is one of %s; found %r" % (where, field, ", ".join(choices), entry.get(field))
            )
    for field in ("where", "when"):
        if not isinstance(entry.get(field), str) or not entry[field]:
            raise MatrixDataError("%s: evidence says %r; found %r" % (where, field, entry.get(field)))
    fields = tuple(entry.get("fields", ()))
    return Evidence(entry["kind"], entry["where"], entry["when"], entry["confidence"], fields)


def read_row(kind: Type[Row], row_id: str, raw: Dict[str, Any]) -> Row:
    """Return ``raw`` as a row of ``kind``; :class:`MatrixDataError` for an unknown or a missing field."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}  # type: Dict[str, Any]
    values["row_id"] = row_id
    values["evidence"] = read_evidence(row_id, raw)
    try:
        return kind(**values)
    except TypeError:
        unknown = sorted(set(values) - set(kind._fields))
        missing = sorted(set(kind._fields) - set(kind._field_defaults) - set(values))
        raise MatrixDataError("%s: unknown fields %r, missing fields %r" % (row_id, unknown, missing)) from None


def rows_of(stem: str, content: Any) -> List[Dict[str, Any]]:
    """Return the rows of a file as objects; :class:`MatrixDataError` where it is not a list of objects."""
    if not isinstance(content, list) or not all(isinstance(raw, dict) for raw in content):
        raise MatrixDataError("%s: expected a list of rows, each an object" % stem)
    return content
