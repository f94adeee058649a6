"""What a patient is: a recipe for a broken environment, the causes that explain it, and what proves its health."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ward.bed import Bed

#: Who cures: ``check --fix``; a person, by the steps that the report prints; nobody needs to, or nobody can.
FIX, STEPS, NOTHING = "fix", "steps", "nothing"


class Patient(NamedTuple):
    """``build`` breaks an environment for real and sets ``bed.python``.

    ``causes`` are the ids of compat/causes.json of which the first finding has to be one; without any the patient is a
    control, whose verdict has to be ``verdict`` and in which ``--fix`` changes nothing. ``health`` asks the cured
    environment itself, never ortdoctor, and raises AssertionError. ``cure`` says who cures. With STEPS, ``steps``
    does what the person is told to (it gets the bed and the report, and checks the printed words); without it the
    commands of the first finding are run in a shell, whose exported variables stay. ``after`` is the verdict then.
    ``verdict`` is the one expected before. ``left`` are the errors that the stand-in of a driver leaves behind, which
    are not the patient's. ``why`` explains an exception: why no command can cure it.
    """

    name: str
    about: str
    build: Callable[[Bed], None]
    causes: tuple[str, ...]
    health: Callable[[Bed], None]
    cure: str = FIX
    steps: Callable[[Bed, dict[str, object]], None] | None = None
    verdict: str = "problems"
    after: str = "healthy"
    options: tuple[str, ...] = ()
    why: str = ""
    left: tuple[str, ...] = ()
