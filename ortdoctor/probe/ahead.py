"""The probe of this machine begun before anybody asked for it: its children run while the caller loads the rest."""

import threading
from typing import Any, Dict, List

from .collect import collect

_begun: List["_Ahead"] = []


class _Ahead:
    """A probe that runs in a thread of its own."""

    def __init__(self, version: str) -> None:
        self._document: Dict[str, Any] = {}
        self._thread = threading.Thread(target=self._work, args=(version,), name="probe-ahead", daemon=True)
        self._thread.start()

    def _work(self, version: str) -> None:
        self._document = collect(version=version)

    def document(self) -> Dict[str, Any]:
        self._thread.join()
        return self._document


def begin(version: str) -> None:
    """Begin to collect the facts of this machine; whoever calls this has to be sure that they will be wanted."""
    _begun.append(_Ahead(version))


def collected(version: str, *, imported: bool = True) -> Dict[str, Any]:
    """Return the document of :func:`begin`, once; without one collect it now, as :func:`collect` does."""
    return _begun.pop().document() if _begun else collect(version=version, imported=imported)
