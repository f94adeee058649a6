"""A fact: what is true of a machine, where it was found, or why it could not be told."""

from typing import Any, Callable, Dict, Optional

Fact = Dict[str, Any]
Facts = Dict[str, Fact]


def found(value: Any, source: str) -> Fact:
    """Return a fact that was found; ``source`` says where: a path, a command line, an API."""
    return {"value": value, "source": source, "error": None}


def absent(searched: str) -> Fact:
    """Return a fact for something that is not there; ``searched`` says where it was looked for."""
    return {"value": None, "source": searched, "error": None}


def failed(error: str, source: str) -> Fact:
    """Return a fact that could not be told: ``error`` is one sentence on what was tried and what happened."""
    return {"value": None, "source": source, "error": error}


def guarded(key: str, step: Callable[..., Facts], *arguments: Any) -> Facts:
    """Run one probe step and return its facts; whatever it raises becomes the failed fact ``key``.

    A probe step never raises (law 3). Steps handle what they foresee; this is the net below them.
    """
    try:
        return step(*arguments)
    except Exception as error:  # noqa: BLE001 - the net: a fault in one step must not cost the others
        return {key: failed("%s: %s" % (type(error).__name__, error), getattr(step, "__name__", key))}


def value(facts: Facts, key: str, default: Optional[Any] = None) -> Any:
    """Return the value of ``key``, or ``default`` where it is absent, failed or was not collected."""
    fact = facts.get(key)
    if not fact or fact.get("value") is None:
        return default
    return fact["value"]
