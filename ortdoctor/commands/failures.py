"""The one place that turns an exception that users can cause into a sentence and an exit code."""

import sys
from typing import NamedTuple, Optional

from ortdoctor.errors import OrtDoctorError

#: The shell's convention for a program ended by SIGINT.
INTERRUPTED = 130

#: How optional packages are asked for, by the module whose import fails.
_EXTRA_OF = {"onnx": "cpu", "onnxruntime": "cpu", "numpy": "cpu", "cv2": "cpu"}


class Failure(NamedTuple):
    """The sentence (None: nobody is left to read one) and the exit code."""

    sentence: Optional[str]
    exit_code: int


def failure(error: BaseException) -> Optional[Failure]:
    """Return what to say of ``error`` and how to exit; None where it is a fault of ours."""
    if isinstance(error, OrtDoctorError):
        return Failure(str(error), error.exit_code)
    if isinstance(error, ModuleNotFoundError):
        extra = _EXTRA_OF.get((error.name or "").partition(".")[0])
        said = (
            "this command needs the package %r, which is not installed here. "
            "Install it with: python -m pip install 'ortdoctor[%s]'" % (error.name, extra)
        )
        return Failure(said, 1) if extra else None
    if isinstance(error, BrokenPipeError):
        # The reader of a pipe has what it wanted (`| head`): that is no failure of ours.
        return Failure(None, 0)
    if isinstance(error, KeyboardInterrupt):
        return Failure("stopped; nothing was left half-written", INTERRUPTED)
    if isinstance(error, OSError):
        where = " %r" % error.filename if error.filename else ""
        return Failure("the file system refused%s: %s" % (where, error.strerror or error), 1)
    return None


def end(error: BaseException) -> int:
    """Say ``error`` on standard error and return how to exit; one that is a fault of ours is raised again."""
    told = failure(error)
    if told is None:
        raise error
    if told.sentence is None:
        sys.stderr.close()  # what is left in a buffer for a reader who is gone must not be told of at the end
    else:
        print("ortdoctor: %s" % told.sentence, file=sys.stderr)
    return told.exit_code
