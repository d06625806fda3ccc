"""What all runs share: the folder with its checkpoint, and the fit by Lightning."""

import json
import os
import zipfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import lightning as pl
import numpy as np
import torch
from jaxtyping import Float, Int
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessExitedException
from torch.utils.data import DataLoader, IterableDataset

from moldiff.config.training import RunConfig
from moldiff.data.representation import FoldedStore
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError, OutputError, TrainingError
from moldiff.runtime.atomic_files import claim, write_whole
from moldiff.runtime.interrupt import Interrupt
from moldiff.training.base_module import AveragedModule
from moldiff.training.callbacks import StopOnInterrupt, Threads, TimedCheckpoint, ValidationLog
from moldiff.training.checkpoints import check_content, check_resumable, load_tensors
from moldiff.training.lightning_trainer import quiet_trainer
from moldiff.training.loader import TrainingBatches, ValidationBatches
from moldiff.training.origin import BUNDLE as BUNDLE
from moldiff.training.origin import check_origin

CONFIG, CHECKPOINT, METRICS = "config.json", "last.ckpt", "metrics.csv"
VALIDATION = "validation.csv"
AVERAGE = "average.module."  # of the averaged weights in a checkpoint
P = ParamSpec("P")
T = TypeVar("T")
ANEW = "put a whole one in its place, or start a new run in another folder"


def check_folder(folder: Path, config: RunConfig, *, resume: bool) -> Path:
    """The checkpoint in the folder of a run, which is there exactly if the run goes on.

    Args:
        folder: of the run.
        config: of the run.
        resume: whether it goes on.

    Returns:
        The checkpoint, written or yet to be.

    Raises:
        ConfigError: if there is no checkpoint to resume, or already a run in the folder.
    """
    checkpoint = folder / CHECKPOINT
    if resume and not os.path.isfile(checkpoint):
        raise ConfigError(f"{folder}: no {CHECKPOINT} to resume from; start the run without --resume")
    if not resume and not on_other_machine(config) and os.path.exists(folder / CONFIG):
        raise ConfigError(f"{folder}: holds a run already; go on with it by --resume, or name another folder")
    return checkpoint


def alone(run: Callable[P, T]) -> Callable[P, T]:
    """Of the runs that were given one folder, the first goes on and the others are an `OutputError`.

    Args:
        run: takes settings and a folder, in this order.

    Returns:
        The same, with the folder claimed.
    """

    @wraps(run)
    def run_claimed(*args: P.args, **kwargs: P.kwargs) -> T:
        config, folder = args  # type: ignore[misc]
        with nullcontext() if on_other_machine(config) else claim(Path(folder)):  # type: ignore[arg-type]
            return run(*args, **kwargs)

    return run_claimed


def on_other_machine(config: RunConfig) -> bool:
    """Whether this is one of several machines, and not the first, which writes; as Lightning and torchrun tell it."""
    return config.num_nodes > 1 and int(os.environ.get("NODE_RANK", os.environ.get("GROUP_RANK", "0"))) > 0


def begin(folder: Path, config: RunConfig) -> None:
    """Makes the folder of a run, with its settings; an OutputError if it cannot be written."""
    if on_other_machine(config):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / CONFIG, json.dumps(config.model_dump(), indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error


def count_steps_done(checkpoint: Path, module: AveragedModule) -> int:
    """Steps that a run has behind it, which the module can go on from.

    Args:
        checkpoint: of the run.
        module: to go on with, and its origin.

    Returns:
        The number of steps.

    Raises:
        ConfigError: if the checkpoint is none, of another network, or of a run that began with something else.
    """
    content = read_checkpoint(checkpoint)
    check_origin(content, module.origin, checkpoint)
    try:
        check_resumable(content, module, quiet_trainer([]))
    except ConfigError as error:
        raise ConfigError(f"{checkpoint}: cannot be gone on from: {error}; {ANEW}") from error
    return content["global_step"]


def batches_of(
    config: RunConfig,
    store: MoleculeStore | FoldedStore,
    indices: Int[np.ndarray, "k"],
    labels: Float[Tensor, "m l"] | None,
    steps: int,
) -> TrainingBatches:
    """The batches of a run from where it begins or goes on.

    Args:
        config: of the run.
        store: its data.
        indices: of the molecules to train on.
        labels: of all molecules of the store.
        steps: that it has behind it.

    Returns:
        The batches.
    """
    together = config.num_processes * config.num_nodes
    start = steps * together
    return TrainingBatches(
        store,
        budget=config.pair_budget,
        seed=config.seed,
        indices=indices,
        labels=labels,
        start=start,
        together=together,
    )


def fit(
    module: AveragedModule,
    batches: IterableDataset,
    folder: Path,
    own: Sequence[pl.Callback],
    *,
    resume: bool,
    validation: ValidationBatches | None = None,
    logger: Logger | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> bool:
    """Trains to the end, with checkpoints in the folder.

    Args:
        module: to train.
        batches: endless, from where the run begins or goes on.
        folder: of the run.
        own: callbacks of the kind of run: its progress and log, and what else it does on the way.
        resume: go on from the checkpoint in the folder.
        validation: held-out molecules, for a validation loss.
        logger: of Lightning.
        callbacks: of the user; one that stops the trainer ends the run as its length does.

    Returns:
        Whether the run is this machine's to finish; of several, the first has the weights.

    Raises:
        TrainingError: if the run ended before all of its molecules were seen, or a process died.
    """
    config, checkpoint = module.config, folder / CHECKPOINT
    stop, timed = StopOnInterrupt(), TimedCheckpoint(checkpoint, minutes=config.checkpoint_minutes)
    held_out = validation if validation is not None and validation.batches else None
    trainer = quiet_trainer(
        [
            Threads(config.num_threads),
            *own,
            stop,
            timed,
            *([ValidationLog(folder / VALIDATION)] if held_out else []),
            *callbacks,
        ],
        num_processes=config.num_processes,
        num_nodes=config.num_nodes,
        logger=logger,
        validation_interval=held_out.interval if held_out else None,
    )
    if trainer.logger is not None:
        trainer.logger.log_hyperparams(config.model_dump())
    try:
        with Interrupt() as interrupt:  # where others train, Ctrl-C reaches them too
            trainer.fit(
                module,
                DataLoader(batches, batch_size=None),
                DataLoader(held_out, batch_size=None) if held_out else None,
                ckpt_path=checkpoint if resume else None,
                weights_only=True,
            )
    except ProcessExitedException as error:
        kept = f"go on with --resume from {checkpoint}" if checkpoint.is_file() else "there is no checkpoint yet"
        raise TrainingError(f"{folder}: a process of the training died ({error}); {kept}") from error
    if on_other_machine(config):
        return False
    interrupted = not callbacks or interrupt.requested or stop.interrupt.requested  # else a callback ended it
    if interrupted and int(module.num_seen) < config.num_training_molecules:
        raise TrainingError(
            f"{folder}: stopped by the user after {int(module.num_seen):,} molecules; go on with --resume"
        )
    return True


def load_averaged(checkpoint: Path, module: nn.Module) -> int:
    """The averaged weights of a checkpoint into a network.

    Args:
        checkpoint: of a run.
        module: the network; a `ConfigError` if the weights are of another one.

    Returns:
        The molecules that they have seen.
    """
    state = read_checkpoint(checkpoint)["state_dict"]
    weights = {name[len(AVERAGE) :]: value for name, value in state.items() if name.startswith(AVERAGE)}
    try:
        load_tensors(module, weights)
    except ConfigError as error:
        raise ConfigError(f"{checkpoint}: {error}; {ANEW}") from error
    return int(state["num_seen"])


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, read without unpickling code.

    Args:
        path: of the checkpoint.

    Returns:
        Its content: weights, steps and molecules are there; of the rest `check_resumable` knows.

    Raises:
        ConfigError: if it cannot be read, is damaged, or is none of a run.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch does not look at the sums
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both raise a dozen kinds
        raise ConfigError(f"{path}: no checkpoint of a training run, or cut: {type(error).__name__}; {ANEW}") from error
    try:
        if damaged is not None:
            raise ConfigError(f"its part {damaged!r} is damaged")
        check_content(content)
    except ConfigError as error:
        raise ConfigError(f"{path}: no checkpoint of a training run: {error}; {ANEW}") from error
    return content
