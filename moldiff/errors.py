"""Every error that moldiff raises on purpose.

One tree. Each class is also the builtin that it resembles, so callers may catch either. A message says what
came, what was expected and what to do, and names the file, the record and the field where there is one.
"""


class MoldiffError(Exception):
    """Root of the tree; the command line prints it as one line and ends with exit code 1."""


class ConfigError(MoldiffError, ValueError):
    """A setting is unknown, of the wrong kind or out of range."""


class DataError(MoldiffError, ValueError):
    """A data set, a store or a batch cannot be used as it is."""


class FileFormatError(DataError):
    """A molecule file is empty, truncated, or not what its name says."""


class MoleculeError(MoldiffError, ValueError):
    """A molecule that came in is not one: shapes, NaN, coordinates out of range, too many atoms."""


class DomainError(MoldiffError, ValueError):
    """A molecule lies outside what the weights were trained on."""


class VocabularyError(DomainError):
    """An atom is outside the atom vocabulary."""


class WeightsError(MoldiffError, ValueError):
    """A weights bundle is missing, truncated, foreign, or does not fit its configuration."""


class TimeOrderError(MoldiffError, ValueError):
    """A step would go from t to a later s."""


class SizeError(DomainError):
    """A number of atoms lies outside what the weights were trained on."""


class TrainingError(MoldiffError, RuntimeError):
    """Training cannot go on, for instance after a non-finite loss."""


class WorkerError(MoldiffError, RuntimeError):
    """A process that was to share the work did not start."""


class OutputError(MoldiffError, OSError):
    """A result cannot be written where it should go."""


class MissingPackageError(MoldiffError, ImportError):
    """An optional package is needed; the message says which command installs it."""
