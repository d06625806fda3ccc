"""What all runs share: the folder with its checkpoint, and the fit by Lightning."""

import json
import os
from pathlib import Path

import lightning as pl
import numpy as np
import torch
from jaxtyping import Float, Int
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.multiprocessing.spawn import ProcessExitedException
from torch.utils.data import DataLoader, IterableDataset

from moldiff.config import RunSettings
from moldiff.data.store import MoleculeStore
from moldiff.errors import ConfigError, OutputError, TrainingError
from moldiff.interrupt import Interrupt
from moldiff.training.averaged import AveragedModule
from moldiff.training.batches import TrainingBatches
from moldiff.training.callbacks import ProgressAndLog, StopOnInterrupt, Threads, TimedCheckpoint, quiet_lightning

CONFIG, CHECKPOINT, METRICS, BUNDLE = "config.json", "last.ckpt", "metrics.csv", "bundle"
AVERAGE = "average.module."  # of the averaged weights in a checkpoint


def checked_folder(folder: Path, settings: RunSettings, *, resume: bool) -> Path:
    """The checkpoint in the folder of a run, which is there exactly if the run goes on.

    Args:
        folder: of the run.
        settings: of the run.
        resume: whether it goes on.

    Returns:
        The checkpoint, written or yet to be.

    Raises:
        ConfigError: if there is no checkpoint to resume, or already a run in the folder.
    """
    checkpoint = folder / CHECKPOINT
    if resume and not checkpoint.is_file():
        raise ConfigError(f"{folder}: no {CHECKPOINT} to resume from; start the run without --resume")
    if not resume and not on_other_machine(settings) and (folder / CONFIG).exists():
        raise ConfigError(f"{folder}: holds a run already; go on with it by --resume, or name another folder")
    return checkpoint


def on_other_machine(settings: RunSettings) -> bool:
    """Whether this is one of several machines, and not the first, which writes; as Lightning and torchrun tell it."""
    return settings.num_nodes > 1 and int(os.environ.get("NODE_RANK", os.environ.get("GROUP_RANK", "0"))) > 0


def begin(folder: Path, settings: RunSettings) -> None:
    """Makes the folder of a run, with its settings; an OutputError if it cannot be written."""
    if on_other_machine(settings):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(settings.model_dump(), indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error


def batches_of(
    settings: RunSettings,
    store: MoleculeStore,
    indices: Int[np.ndarray, "k"],
    labels: Float[Tensor, "m l"] | None,
    checkpoint: Path | None,
) -> TrainingBatches:
    """The batches of a run from where it begins or goes on.

    Args:
        settings: of the run.
        store: its data.
        indices: of the molecules to train on.
        labels: of all molecules of the store.
        checkpoint: to go on from.

    Returns:
        The batches.
    """
    together = settings.num_processes * settings.num_nodes
    start = 0 if checkpoint is None else read_checkpoint(checkpoint)["global_step"] * together
    return TrainingBatches(
        store, budget=settings.pair_budget, seed=settings.seed, indices=indices, labels=labels, start=start,
        together=together,
    )  # fmt: skip


def fit(
    module: AveragedModule,
    batches: IterableDataset,
    folder: Path,
    progress: ProgressAndLog,
    *callbacks: pl.Callback,
    resume: bool,
) -> bool:
    """Trains to the end, with checkpoints in the folder.

    Args:
        module: to train.
        batches: endless, from where the run begins or goes on.
        folder: of the run.
        progress: shows and logs it.
        *callbacks: beside those that every run has.
        resume: go on from the checkpoint in the folder.

    Returns:
        Whether the run is this machine's to finish; of several, the first has the weights.

    Raises:
        TrainingError: if the run ended before all of its molecules were seen, or a process died.
    """
    settings, checkpoint = module.settings, folder / CHECKPOINT
    timed = TimedCheckpoint(checkpoint, minutes=settings.checkpoint_minutes)
    trainer = quiet_trainer(
        [Threads(settings.num_threads), progress, StopOnInterrupt(), timed, *callbacks],
        num_processes=settings.num_processes,
        num_nodes=settings.num_nodes,
    )
    try:
        with Interrupt():  # where others train, Ctrl-C is theirs to heed
            trainer.fit(
                module, DataLoader(batches, batch_size=None), ckpt_path=checkpoint if resume else None,
                weights_only=True,
            )  # fmt: skip
    except ProcessExitedException as error:
        kept = f"go on with --resume from {checkpoint}" if checkpoint.is_file() else "there is no checkpoint yet"
        raise TrainingError(f"{folder}: a process of the training died ({error}); {kept}") from error
    if on_other_machine(settings):
        return False
    if int(module.num_seen) < settings.num_molecules:
        raise TrainingError(
            f"{folder}: stopped by the user after {int(module.num_seen):,} molecules; go on with --resume"
        )
    return True


def averaged(checkpoint: Path) -> tuple[dict[str, Tensor], int]:
    """The averaged weights in a checkpoint, and the molecules that they have seen."""
    state = read_checkpoint(checkpoint)["state_dict"]
    weights = {name[len(AVERAGE) :]: value for name, value in state.items() if name.startswith(AVERAGE)}
    return weights, int(state["num_seen"])


def read_checkpoint(path: Path) -> dict:
    """The content of a checkpoint, read without unpickling code.

    Args:
        path: of the checkpoint.

    Returns:
        Its content.

    Raises:
        ConfigError: if it cannot be read.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises a dozen kinds
        raise ConfigError(f"{path}: no checkpoint of a training run: {type(error).__name__}") from error


def quiet_trainer(callbacks: list[pl.Callback], *, num_processes: int = 1, num_nodes: int = 1) -> pl.Trainer:
    """Lightning's trainer without its own files, bars and advertisements.

    Several processes share every step, each with a batch of its own: a core or a GPU each.

    Args:
        callbacks: what happens beside the optimisation.
        num_processes: that train together on this machine.
        num_nodes: machines that train together.

    Returns:
        The trainer.
    """
    quiet_lightning()
    # Nothing in the buffers changes apart from the count of molecules, which is the same everywhere.
    alone = num_processes * num_nodes == 1
    strategy = "auto" if alone else DDPStrategy(start_method="spawn", forward_sync_buffers=False)
    return pl.Trainer(
        accelerator="auto", devices=num_processes, num_nodes=num_nodes, strategy=strategy, max_epochs=-1,
        callbacks=callbacks, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        log_every_n_steps=1,
    )  # fmt: skip
