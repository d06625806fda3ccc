"""Training runs from Python: settings and a folder in, the path of the weights out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from moldiff.config.distillation import DistillationConfig
from moldiff.config.property import PropertyConfig
from moldiff.config.training import TrainingConfig
from moldiff.training.denoiser import run as denoiser_run
from moldiff.training.distillation import run as distillation_run
from moldiff.training.origin import BUNDLE
from moldiff.training.property import run as property_run


@dataclass(frozen=True)
class Run:
    """A run that has ended.

    Attributes:
        folder: with settings, logs, the last checkpoint and the weights.
    """

    folder: Path

    @property
    def bundle(self) -> Path:
        """The folder of the weights, for `moldiff.from_pretrained`."""
        return self.folder / BUNDLE


def train(
    config: TrainingConfig,
    folder: str | Path,
    *,
    resume: bool = False,
    logger: Logger | str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Trains a generator to the end of its run; see `moldiff.training.denoiser.run.train` for the errors.

    Args:
        config: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`.
        resume: continue from the last checkpoint, bit for bit on the CPU.
        logger: `csv`, `tensorboard` or `wandb`, below the folder, or a logger of Lightning.
        callbacks: of Lightning; `val_loss` and the losses of `metrics.csv` are there to monitor.

    Returns:
        The run.
    """
    denoiser_run.train(config, Path(folder), resume=resume, logger=logger, callbacks=callbacks)
    return Run(Path(folder))


def distill(
    config: DistillationConfig,
    folder: str | Path,
    *,
    resume: bool = False,
    logger: Logger | str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Trains a student of few network evaluations; see `moldiff.training.distillation.run.distill` for the errors.

    Args:
        config: of the run.
        folder: as of `train`.
        resume: continue from the last checkpoint.
        logger: as of `train`.
        callbacks: as of `train`.

    Returns:
        The run.
    """
    distillation_run.distill(config, Path(folder), resume=resume, logger=logger, callbacks=callbacks)
    return Run(Path(folder))


def train_predictor(
    config: PropertyConfig,
    folder: str | Path,
    *,
    resume: bool = False,
    logger: Logger | str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Trains a property predictor; see `moldiff.training.property.run.train_predictor` for the errors.

    Args:
        config: of the run.
        folder: as of `train`.
        resume: continue from the last checkpoint.
        logger: as of `train`.
        callbacks: as of `train`.

    Returns:
        The run.
    """
    property_run.train_predictor(config, Path(folder), resume=resume, logger=logger, callbacks=callbacks)
    return Run(Path(folder))
