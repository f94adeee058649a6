"""Windows: a library that the CUDA provider needs is not found, and nothing says which."""

import re
from typing import List

from ortdoctor.diagnose import machine
from ortdoctor.diagnose.findings import ERROR, Finding
from ortdoctor.diagnose.rules import libraries, reported
from ortdoctor.diagnose.rules.case import Case, Result

#: ERROR_MOD_NOT_FOUND; the second is ONNX Runtime's own text where CUDA_PATH is set and the provider did not load.
_NOT_FOUND = reported.Known(
    r"error(?: code)? 126\b|CUDA_PATH is set but CUDA was(?:n't| not) able to be loaded",
    "windows_cuda_dll_missing",
    "reported",
    "windows",
)


def dependency_missing(case: Case, text: str) -> List[Result]:
    """Return that Windows reports a missing dependency of the provider, where no exact library is known."""
    if machine.os_of(case.facts) != "windows" or not re.search(_NOT_FOUND.form, text):
        return []
    values = dict(case.names, error=reported.line_of(text, _NOT_FOUND))
    commands = libraries.supply_commands(case)
    return [Finding(_NOT_FOUND.cause, _NOT_FOUND.variant, ERROR, values, ["ort.session"], commands)]
