"""Lightning's loggers by name."""

from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from moldiff.errors import ConfigError
from moldiff.runtime.optional import need_packages

LOGGERS = ("csv", "tensorboard", "wandb")
LOGS = "logs"  # folder in that of the run


def find_logger(logger: Logger | str | None, folder: Path) -> Logger | None:
    """A logger that writes below the folder of a run.

    Args:
        logger: one of `LOGGERS`, or a logger, which is given back.
        folder: of the run.

    Returns:
        The logger, or None for None.

    Raises:
        ConfigError: if there is none of that name.
        MissingPackageError: if its package is missing.
    """
    if logger is None or isinstance(logger, Logger):
        return logger
    if logger not in LOGGERS:
        raise ConfigError(f"logger {logger!r}: expected one of {', '.join(LOGGERS)}, or a logger of Lightning")
    if logger == "csv":
        return CSVLogger(folder, name=LOGS)
    need_packages((logger,), what=f"logger {logger}", extra=logger)
    if logger == "tensorboard":
        return TensorBoardLogger(folder, name=LOGS)
    return WandbLogger(name=folder.name, save_dir=folder, project="moldiff")
