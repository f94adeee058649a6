"""Every row of the matrix by its id, with its evidence; what :class:`Matrix` is built on."""

from typing import Any, Dict, List, Optional, Tuple, Type

from ortdoctor.diagnose.matrix_rows import (
    CONFIDENCES,
    Evidence,
    MatrixDataError,
    Row,
    read_evidence,
    read_row,
    rows_of,
)


class Register:
    """Rows by id (``builds:onnxruntime-gpu-1.22.0-linux-x86_64``): ids are unique, no row lacks evidence."""

    def __init__(self) -> None:
        self._evidence = {}  # type: Dict[str, Tuple[Evidence, ...]]
        self._raw = {}  # type: Dict[str, Dict[str, Any]]

    def row_ids(self, stem: str) -> List[str]:
        """Return the ids of a file's rows in the order of the file."""
        return [row_id for row_id in self._raw if row_id.startswith(stem + ":")]

    def raw(self, row_id: str) -> Dict[str, Any]:
        """Return a row as it is in its file, causes and targets too; ``KeyError`` for an unknown id."""
        return self._raw[row_id]

    def evidence(self, row_id: str) -> Tuple[Evidence, ...]:
        """Return why a row is believed; ``KeyError`` for an unknown id."""
        return self._evidence[row_id]

    def evidence_text(self, row_id: str) -> str:
        """Return the evidence of a row as one line: kind, where, when and confidence of each entry."""
        return "; ".join(
            "%s: %s (%s, %s)" % (entry.kind, entry.where, entry.when, entry.confidence)
            for entry in self.evidence(row_id)
        )

    def confidence(self, row_id: str, field: str = "") -> str:
        """Return how sure ``field`` of a row is, or its weakest field where none is named.

        Of several entries that speak for one field the strongest counts; an entry that names no field speaks
        for all. A recommendation that rests on ``secondary``, ``derived`` or ``memory`` has to say so.
        """
        entries = self.evidence(row_id)
        names = {field} if field else {name for entry in entries for name in entry.fields}
        whole = [entry for entry in entries if not entry.fields]
        groups = [[entry for entry in entries if name in entry.fields] + whole for name in sorted(names)]
        # A field that no entry names rests on the entries for the whole row, or on whatever there is.
        groups = [group or list(entries) for group in groups] or [whole]
        return CONFIDENCES[max(min(CONFIDENCES.index(entry.confidence) for entry in group) for group in groups)]

    def _read(self, kind: Type[Row], stem: str, content: Any, key: str) -> List[Row]:
        """Read a file's rows as ``kind``; ``key`` makes the id from the row's fields."""
        return [self._read_one(kind, stem, raw, key) for raw in rows_of(stem, content)]

    def _read_one(self, kind: Type[Row], stem: str, raw: Dict[str, Any], key: str) -> Row:
        # A field that the row leaves out is empty in its id, so "10.2-" for a toolkit without an update.
        name = key.format_map(_Blank(raw)).rstrip("-").replace(" ", "-")
        row = read_row(kind, "%s:%s" % (stem, name), raw)
        self._register(row.row_id, raw, row.evidence)
        return row

    def _register(self, row_id: str, raw: Dict[str, Any], evidence: Optional[Tuple[Evidence, ...]] = None) -> None:
        if row_id in self._raw:
            raise MatrixDataError("%s: this id is there twice" % row_id)
        self._raw[row_id] = raw
        self._evidence[row_id] = evidence or read_evidence(row_id, raw)


class _Blank(Dict[str, Any]):
    """A row in which a field that is not there is empty text."""

    def __missing__(self, key: str) -> str:
        return ""
