"""One training run: settings and a store in, a run folder with checkpoints, logs and settings out."""

import json
import logging
import warnings
from pathlib import Path

import lightning as pl
import torch
from torch.utils.data import DataLoader

from moldiff.build import build_denoiser
from moldiff.config import TrainingSettings
from moldiff.data.store import MoleculeStore
from moldiff.errors import ConfigError, OutputError, TrainingError
from moldiff.memory import keep_memory
from moldiff.training.batches import TrainingBatches
from moldiff.training.callbacks import ProgressAndLog, TimedCheckpoint
from moldiff.training.module import DiffusionModule

CONFIG, CHECKPOINT, METRICS, SCORES = "config.json", "last.ckpt", "metrics.csv", "scores.csv"


def find_store(name: str) -> Path:
    """The folder of a prepared data set: a path, or a name below `stores/`.

    Raises:
        ConfigError: if there is none; the message says how to make it.
    """
    for path in (Path(name), Path("stores") / name):
        if (path / "meta.json").is_file():
            return path
    raise ConfigError(f"data {name!r}: no prepared store there or in stores/; make it with: moldiff prepare {name}")


def train(settings: TrainingSettings, folder: Path, *, resume: bool = False) -> DiffusionModule:
    """Runs a training to its end, or goes on with one.

    Args:
        settings: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`.
        resume: go on from the last checkpoint, bit for bit on the CPU.

    Raises:
        ConfigError: if there is no checkpoint to resume, or already a run in the folder.
        OutputError: if the folder cannot be written.
        TrainingError: if the loss is no longer finite.
    """
    checkpoint = folder / CHECKPOINT
    if resume and not checkpoint.is_file():
        raise ConfigError(f"{folder}: no {CHECKPOINT} to resume from; start the run without --resume")
    if not resume and (folder / CONFIG).exists():
        raise ConfigError(f"{folder}: holds a run already; go on with it by --resume, or name another folder")
    store = MoleculeStore(find_store(settings.data))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(settings.model_dump(), indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
    keep_memory()
    if settings.num_threads:
        torch.set_num_threads(settings.num_threads)
    denoiser = build_denoiser(settings.model, store.statistics, seed=settings.seed)
    module = DiffusionModule(denoiser, denoiser.process, settings)
    start = read_checkpoint(checkpoint)["global_step"] if resume else 0
    batches = TrainingBatches(store, budget=settings.pair_budget, seed=settings.seed, start=start)
    timed = TimedCheckpoint(checkpoint, minutes=settings.checkpoint_minutes)
    trainer = quiet_trainer([ProgressAndLog(folder / METRICS), timed])
    trainer.fit(
        module, DataLoader(batches, batch_size=None), ckpt_path=checkpoint if resume else None, weights_only=True
    )
    if trainer.interrupted:
        timed.write(trainer)
        raise TrainingError(f"{folder}: stopped by the user at step {trainer.global_step}; go on with --resume")
    return module


def read_checkpoint(path: Path) -> dict:
    """The content of a checkpoint, read without unpickling code.

    Raises:
        ConfigError: if it cannot be read.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises a dozen kinds
        raise ConfigError(f"{path}: no checkpoint of a training run: {type(error).__name__}") from error


def quiet_trainer(callbacks: list[pl.Callback]) -> pl.Trainer:
    """Lightning's trainer on one device, without its own files, bars and advertisements."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    return pl.Trainer(
        accelerator="auto", devices=1, max_epochs=-1, logger=False, callbacks=callbacks, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, log_every_n_steps=1,
    )  # fmt: skip
