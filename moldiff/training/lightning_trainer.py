"""Lightning's trainer without its own files, bars and advertisements."""

import lightning as pl
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import Logger

from moldiff.runtime.lightning_logging import quiet_lightning
from moldiff.runtime.strategy import training_strategy
from moldiff.training.callbacks import LOG_INTERVAL


def quiet_trainer(
    callbacks: list[pl.Callback],
    *,
    num_processes: int = 1,
    num_nodes: int = 1,
    logger: Logger | None = None,
    validation_interval: int | None = None,
) -> pl.Trainer:
    """Lightning's trainer without its own files, bars and advertisements.

    Several processes share every step, each with a batch of its own: a core or a GPU each.

    Args:
        callbacks: what happens beside the optimisation.
        num_processes: that train together on this machine.
        num_nodes: machines that train together.
        logger: of the losses and the learning rate.
        validation_interval: steps between two validations.

    Returns:
        The trainer.
    """
    quiet_lightning()
    strategy = "auto" if num_processes * num_nodes == 1 else training_strategy(num_nodes)
    return pl.Trainer(
        accelerator="auto",
        devices=num_processes,
        num_nodes=num_nodes,
        strategy=strategy,
        max_epochs=-1,
        callbacks=[*callbacks, *([LearningRateMonitor()] if logger else [])],
        logger=logger or False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        val_check_interval=validation_interval,
        check_val_every_n_epoch=None,
        log_every_n_steps=LOG_INTERVAL,
    )
