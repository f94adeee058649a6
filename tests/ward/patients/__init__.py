"""The patients, by family: every module here has a list ``PATIENTS``."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ward.patient import Patient


def everyone() -> list[Patient]:
    """Return the patients of all modules of this package; a name stands for one patient."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    patients: list[Patient] = [patient for module in modules for patient in module.PATIENTS]
    names = [patient.name for patient in patients]
    assert len(set(names)) == len(names), "two patients have one name"
    return patients
