"""Run a model with the ONNX Runtime that is installed here, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortdoctor.errors import ModelError
from ortdoctor.model.extras import require

if TYPE_CHECKING:
    import numpy as np

    #: NumPy arrays by the name of the input.
    Feeds = dict[str, np.ndarray[Any, Any]]
    Arrays = list[np.ndarray[Any, Any]]

#: Seed of every noise that is made here: the same model gives the same answer each time.
SEED = 20250


class Running:
    """A CPU session over a model's bytes; ``names`` are its outputs in order."""

    def __init__(self, data: bytes) -> None:
        onnxruntime = require("onnxruntime", "running the model")
        options = onnxruntime.SessionOptions()
        # Its warnings (unused initializers, opsets) are about the export and would stand in our output.
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each status
            raise ModelError(
                f"onnxruntime {onnxruntime.__version__} does not load the model: {_one_line(error)}"
            ) from error
        self.names = [output.name for output in self._session.get_outputs()]

    def run(self, feeds: Feeds) -> Arrays:
        """Return every output as an array; :class:`ModelError` where the model does not run on ``feeds``."""
        try:
            return list(self._session.run(None, feeds))
        except Exception as error:  # as above
            shapes = ", ".join("x".join(map(str, array.shape)) for array in feeds.values())
            raise ModelError(f"the model does not run on an input of {shapes}: {_one_line(error)}") from error


def noise(shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - a float32 array
    """Return reproducible float32 noise, uniform in [-1, 1), the range of a normalised picture."""
    numpy = require("numpy", "running the model")
    return numpy.random.RandomState(SEED).uniform(-1, 1, shape).astype(numpy.float32)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:600]
