"""The one place that turns exceptions into a sentence and an exit code."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from ortdoctor.errors import OrtDoctorError

P = ParamSpec("P")
R = TypeVar("R")

#: The shell's convention for a program ended by SIGINT.
INTERRUPTED = 130

#: How optional packages are asked for, by the module whose import fails.
_EXTRA_OF = {"onnx": "cpu", "onnxruntime": "cpu", "numpy": "cpu", "cv2": "cpu"}


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that what users can cause ends in a sentence on stderr, never in a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except OrtDoctorError as error:
            _say(str(error))
            raise typer.Exit(error.exit_code) from error
        except ModuleNotFoundError as error:
            extra = _EXTRA_OF.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            _say(
                f"this command needs the package {error.name!r}, which is not installed here. "
                f"Install it with: python -m pip install 'ortdoctor[{extra}]'"
            )
            raise typer.Exit(1) from error
        except BrokenPipeError:
            # The reader of a pipe has what it wanted (`| head`): that is no failure of ours.
            sys.stderr.close()
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            _say("stopped; nothing was left half-written")
            raise typer.Exit(INTERRUPTED) from None
        except OSError as error:
            where = f" {error.filename!r}" if error.filename else ""
            _say(f"the file system refused{where}: {error.strerror or error}")
            raise typer.Exit(1) from error

    return run


def _say(sentence: str) -> None:
    typer.echo(f"ortdoctor: {sentence}", err=True)
