"""Facts of a machine as the rules read them: three states, known types, whoever wrote the document."""

import re
from typing import Any, Dict, List, Optional, Tuple, cast

from ortdoctor.diagnose.shapes import SHAPES, ShapeError, fit

SCHEMA = "ortdoctor.facts/1"

FOUND = "found"
ABSENT = "absent"
FAILED = "failed"
UNCOLLECTED = "uncollected"

Record = Dict[str, Any]


class FactsDocumentError(ValueError):
    """The document is not one of facts, or of a schema newer than this release reads."""


class Facts:
    """A facts document with typed access.

    Raises :class:`FactsDocumentError` where the document as a whole cannot be read. One fact whose value is
    not of the form that docs/facts.md gives counts as failed, so that no rule meets an odd type.
    """

    def __init__(self, document: Any) -> None:
        self.raw = check_document(document)
        #: Files alone were read: nothing was run, imported or loaded.
        self.static: bool = document.get("mode") == "static"
        #: The folder that a machine lay in which was not running; None for one that was.
        self.root: Optional[str] = document["root"] if isinstance(document.get("root"), str) else None
        self._values: Dict[str, Any] = {}
        self._errors: Dict[str, str] = {}
        self._sources: Dict[str, str] = {}
        for key, fact in self.raw.items():
            self._take(key, fact)

    def _take(self, key: str, fact: Any) -> None:
        if not isinstance(fact, dict):
            self._errors[key] = "the fact %s should be an object with value, source and error" % key
            return
        source = fact.get("source")
        self._sources[key] = source if isinstance(source, str) else ""
        if fact.get("error") is not None:
            self._errors[key] = str(fact["error"])
            return
        value = fact.get("value")
        if value is None or key not in SHAPES:
            self._values[key] = value
            return
        try:
            self._values[key] = fit(value, SHAPES[key], key)
        except ShapeError as error:
            self._errors[key] = "recorded in a form that is not known: %s" % error

    def state(self, key: str) -> str:
        """Return FOUND, ABSENT, FAILED or UNCOLLECTED; an empty list or object is ABSENT."""
        if key in self._errors:
            return FAILED
        if key not in self._values:
            return UNCOLLECTED
        value = self._values[key]
        return ABSENT if value is None or value in ([], {}) else FOUND

    def known(self, key: str) -> bool:
        """Return whether the machine was really asked: the fact is found or absent."""
        return self.state(key) in (FOUND, ABSENT)

    def value(self, key: str) -> Any:
        """Return the value in the shape of ``SHAPES[key]``, or None where it is absent, failed or uncollected."""
        return self._values.get(key)

    def text(self, key: str) -> Optional[str]:
        """Return the value of a fact that is a string."""
        return cast("Optional[str]", self.value(key))

    def texts(self, key: str) -> List[str]:
        """Return the value of a fact that is a list of strings; ``[]`` where there is none."""
        return cast("List[str]", self.value(key) or [])

    def record(self, key: str) -> Record:
        """Return the value of a fact that is an object; ``{}`` where there is none."""
        return cast("Record", self.value(key) or {})

    def records(self, key: str) -> List[Record]:
        """Return the value of a fact that is a list of objects; ``[]`` where there is none."""
        return cast("List[Record]", self.value(key) or [])

    def error(self, key: str) -> Optional[str]:
        """Return why the fact could not be told, where it could not."""
        return self._errors.get(key)

    def source(self, key: str) -> str:
        """Return where the fact was found or what was searched."""
        return self._sources.get(key, "")


def check_document(document: Any) -> Record:
    """Return the facts of a document; :class:`FactsDocumentError` says what is wrong with it as a whole."""
    if not isinstance(document, dict):
        raise FactsDocumentError(
            "a recorded machine should be a JSON object with the schema %s and is %s; "
            "write one with: ortdoctor check --save-facts FILE" % (SCHEMA, type(document).__name__)
        )
    schema = document.get("schema")
    match = re.match(r"ortdoctor\.facts/(\d{1,9})$", schema) if isinstance(schema, str) else None
    if match is None:
        raise FactsDocumentError(
            "a recorded machine should have the schema %s and has %.80r; "
            "write one with: ortdoctor check --save-facts FILE" % (SCHEMA, schema)
        )
    if int(match.group(1)) > 1:
        raise FactsDocumentError(
            "the recorded machine has the schema %s, which is newer than the %s that this release reads; "
            "upgrade ortdoctor, or record the machine again with this release" % (schema, SCHEMA)
        )
    if int(match.group(1)) != 1:
        raise FactsDocumentError("the recorded machine has the schema %s; expected %s" % (schema, SCHEMA))
    facts = document.get("facts")
    if not isinstance(facts, dict):
        raise FactsDocumentError(
            "the recorded machine should have an object 'facts' and has %s there" % type(facts).__name__
        )
    return facts


def version_tuple(text: Optional[str]) -> Tuple[int, ...]:
    """Return the leading numbers of a version (``"535.104.05"`` is ``(535, 104, 5)``); ``()`` where there are none."""
    match = re.match(r"\s*v?(\d{1,9}(?:\.\d{1,9})*)(?!\d)", text or "")
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def at_least(text: Optional[str], minimum: Optional[str]) -> Optional[bool]:
    """Return whether the version ``text`` is ``minimum`` or newer; None where either is not a version."""
    have, want = version_tuple(text), version_tuple(minimum)
    if not have or not want:
        return None
    length = max(len(have), len(want))
    return have + (0,) * (length - len(have)) >= want + (0,) * (length - len(want))
