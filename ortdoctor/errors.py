"""The errors that the tool raises on purpose.

Each one is a sentence: what was expected, what was found, what to do. The command line prints it and
exits; a Python user catches the class.

::

    OrtDoctorError
    |-- UsageError            the call cannot be right: exit code 2
    |-- ModelError            the model file is missing, broken or not what the command needs
    |   `-- DowngradeError    the model cannot be brought to the opset or IR version that was asked for
    |-- BundleError           a bundle cannot be written or does not hold together
    |-- FactsError            a recorded machine cannot be read: exit code 2
    |-- UndeterminedError     nothing could be told of the machine or interpreter: exit code 3
    |-- MatrixError           the data under compat/ breaks its own rules
    `-- MissingExtraError     an optional package that the command needs is not installed
"""


class OrtDoctorError(Exception):
    """Base of every error raised on purpose; ``str()`` of it is meant for people."""

    exit_code = 1


class UsageError(OrtDoctorError):
    """The call cannot be right, whatever the files hold."""

    exit_code = 2


class ModelError(OrtDoctorError):
    """The model file is missing, broken, or not what the command needs."""


class DowngradeError(ModelError):
    """The model cannot be brought to the opset or IR version that was asked for."""


class BundleError(OrtDoctorError):
    """A bundle cannot be written, or one that was read does not hold together."""


class FactsError(OrtDoctorError):
    """A recorded machine cannot be read."""

    exit_code = 2


class UndeterminedError(OrtDoctorError):
    """Nothing could be told of the machine or interpreter that was to be probed."""

    exit_code = 3


class MatrixError(OrtDoctorError):
    """The data under compat/ breaks its own rules; the installation is damaged or the change is wrong."""


class MissingExtraError(OrtDoctorError):
    """An optional package that the command needs is not installed."""

    def __init__(self, package: str, extra: str, need: str) -> None:
        super().__init__(
            f"{need} needs the package {package!r}, which is not installed here. "
            f"Install it with: python -m pip install 'ortdoctor[{extra}]'"
        )
        self.package = package
        self.extra = extra
