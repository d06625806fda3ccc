"""One training run: settings and a store in, a run folder with checkpoints, logs and settings out."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import lightning as pl
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from moldiff.build import build_denoiser, build_lead
from moldiff.bundle import Bundle, load_pretrained, save_pretrained
from moldiff.config import DistillationSettings, ModelSettings, SamplerSettings, TrainingSettings
from moldiff.data.store import MoleculeStore, find_store
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.errors import ConfigError, OutputError, TrainingError
from moldiff.generator import MoleculeGenerator
from moldiff.interrupt import Interrupt
from moldiff.memory import peak_memory
from moldiff.scoring.score import Score, score
from moldiff.training.averaged import AveragedModule
from moldiff.training.batches import TrainingBatches
from moldiff.training.calibration import pos_errors
from moldiff.training.callbacks import (
    ProgressAndLog,
    ScoredSamples,
    StopOnInterrupt,
    Threads,
    TimedCheckpoint,
    quiet_lightning,
)
from moldiff.training.module import DiffusionModule
from moldiff.training.pace import molecules_per_second
from moldiff.transfer import transferred

CONFIG, CHECKPOINT, METRICS, SCORES, BUNDLE = "config.json", "last.ckpt", "metrics.csv", "scores.csv", "bundle"
AVERAGE = "average.module."  # of the averaged weights in a checkpoint
MAX_OWN = 10_000  # held-out molecules that the data's own row is counted on


def train(settings: TrainingSettings, folder: Path, *, resume: bool = False) -> DiffusionModule:
    """Runs a training to its end, or goes on with one.

    Args:
        settings: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`.
        resume: go on from the last checkpoint, bit for bit on the CPU.

    Returns:
        The trained module.

    Raises:
        ConfigError: if there is no checkpoint to resume, or already a run in the folder, or a model does not go with
            the weights to start from.
        OutputError: if the folder cannot be written.
        TrainingError: if the loss is no longer finite.
        WeightsError: if the weights to start from cannot be read.
    """
    checkpoint = checked_folder(folder, resume=resume)
    store = MoleculeStore(find_store(settings.data))
    if settings.start is None or resume:
        denoiser = build_denoiser(settings.model, store.statistics, seed=settings.seed)
    else:
        bundle = load_pretrained(settings.start)
        settings = with_model_of(bundle, settings)
        denoiser = transferred(bundle, store.statistics, seed=settings.seed)
    begin(folder, settings)
    module = DiffusionModule(denoiser, denoiser.process, settings)
    start = read_checkpoint(checkpoint)["global_step"] * settings.num_processes if resume else 0
    batches = TrainingBatches(
        store, budget=settings.pair_budget, seed=settings.seed, start=start, together=settings.num_processes
    )
    scored = ScoredSamples(
        folder / SCORES, minutes=settings.sample_minutes, sample_and_score=partial(_sample_and_score, settings, store)
    )
    fit(module, batches, folder, ProgressAndLog(folder / METRICS), scored, resume=resume)
    export(folder, folder / BUNDLE, overwrite=True)
    return module


def expected(settings: TrainingSettings, store: MoleculeStore) -> tuple[float, float]:
    """What a training would cost here, found by a few of its steps.

    Args:
        settings: of the run.
        store: its data.

    Returns:
        Molecules a second of one process, and its memory so far, MiB.
    """
    denoiser = build_denoiser(settings.model, store.statistics, seed=settings.seed)
    module = DiffusionModule(denoiser, denoiser.process, settings)
    batches = TrainingBatches(store, budget=settings.pair_budget, seed=settings.seed)
    torch.set_num_threads(settings.num_threads or torch.get_num_threads())
    return molecules_per_second(module, batches), peak_memory()


def with_model_of(bundle: Bundle, settings: TrainingSettings) -> TrainingSettings:
    """The settings with the model of the weights to go on from; a ConfigError if they ask for another one."""
    if settings.model not in (ModelSettings(), bundle.settings):
        raise ConfigError(f"model: the weights {settings.start!r} have a model of their own; leave 'model' out")
    return settings.model_copy(update={"model": bundle.settings})


def checked_folder(folder: Path, *, resume: bool) -> Path:
    """The checkpoint in the folder of a run, which is there exactly if the run goes on.

    Args:
        folder: of the run.
        resume: whether it goes on.

    Returns:
        The checkpoint, written or yet to be.

    Raises:
        ConfigError: if there is no checkpoint to resume, or already a run in the folder.
    """
    checkpoint = folder / CHECKPOINT
    if resume and not checkpoint.is_file():
        raise ConfigError(f"{folder}: no {CHECKPOINT} to resume from; start the run without --resume")
    if not resume and (folder / CONFIG).exists():
        raise ConfigError(f"{folder}: holds a run already; go on with it by --resume, or name another folder")
    return checkpoint


def begin(folder: Path, settings: TrainingSettings | DistillationSettings) -> None:
    """Makes the folder of a run, with its settings; an OutputError if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(settings.model_dump(), indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error


def fit(
    module: AveragedModule,
    batches: IterableDataset,
    folder: Path,
    progress: ProgressAndLog,
    *callbacks: pl.Callback,
    resume: bool,
) -> None:
    """Trains to the end, with checkpoints in the folder.

    Args:
        module: to train.
        batches: endless, from where the run begins or goes on.
        folder: of the run.
        progress: shows and logs it.
        *callbacks: beside those that every run has.
        resume: go on from the checkpoint in the folder.

    Raises:
        TrainingError: if the run ended before all of its molecules were seen.
    """
    settings, checkpoint = module.settings, folder / CHECKPOINT
    timed = TimedCheckpoint(checkpoint, minutes=settings.checkpoint_minutes)
    trainer = quiet_trainer(
        [Threads(settings.num_threads), progress, StopOnInterrupt(), timed, *callbacks],
        num_processes=settings.num_processes,
    )
    with Interrupt():  # where others train, Ctrl-C is theirs to heed
        trainer.fit(
            module, DataLoader(batches, batch_size=None), ckpt_path=checkpoint if resume else None, weights_only=True
        )
    if int(module.num_seen) < settings.num_molecules:
        raise TrainingError(
            f"{folder}: stopped by the user after {int(module.num_seen):,} molecules; go on with --resume"
        )


def averaged(checkpoint: Path) -> tuple[dict[str, Tensor], int]:
    """The averaged weights in a checkpoint, and the molecules that they have seen."""
    state = read_checkpoint(checkpoint)["state_dict"]
    weights = {name[len(AVERAGE) :]: value for name, value in state.items() if name.startswith(AVERAGE)}
    return weights, int(state["num_seen"])


def export(
    run: Path,
    out: Path,
    *,
    sampler: SamplerSettings | None = None,
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
) -> None:
    """Makes a weights bundle of the averaged weights of a run's last checkpoint.

    The bundle's statistics carry the data's own score, counted on held-out molecules.

    Args:
        run: folder of the run, which may still be going on.
        out: folder of the bundle.
        sampler: that suits the weights; by default as the run says, with the errors of the weights on held-out
            molecules.
        dtype: of the numbers in the file.
        overwrite: replace a bundle that is there.
    """
    settings = TrainingSettings.from_json(run / CONFIG)
    weights, seen = averaged(run / CHECKPOINT)
    store = MoleculeStore(find_store(settings.data))
    statistics = replace(store.statistics, score=own_score(store).to_dict())
    denoiser = build_denoiser(settings.model, statistics)
    denoiser.load_state_dict(weights)
    if sampler is None:
        sampler = settings.sampler
    if sampler.solver == "multistep" and not sampler.pos_errors:
        held_out = next((part for part in ("valid", "test", "train") if len(store.split(part))), "train")
        errors = pos_errors(denoiser, denoiser.process, store, store.split(held_out), lead=build_lead(sampler))
        sampler = sampler.model_copy(update={"pos_errors": errors})
    save_pretrained(
        out, denoiser, settings=settings.model, statistics=statistics, card=_card(settings, store, seen),
        sampler=sampler, dtype=dtype, overwrite=overwrite,
    )  # fmt: skip


def own_score(store: MoleculeStore) -> Score:
    """The score of held-out molecules of the data itself, or of all where nothing was held out."""
    held_out = [*store.split("test"), *store.split("valid")][:MAX_OWN]
    chosen = held_out or range(min(len(store), MAX_OWN))
    return score(store.molecule(int(index)) for index in chosen)


def _sample_and_score(settings: TrainingSettings, store: MoleculeStore, denoiser: nn.Module) -> dict[str, float]:
    assert isinstance(denoiser, NetworkDenoiser)
    bundle = Bundle(denoiser, settings.model, store.statistics, store.vocabulary, settings.sampler, card="")
    generator = MoleculeGenerator(bundle, device=next(denoiser.parameters()).device)
    samples = generator.iterate(settings.num_scored, seed=settings.seed)
    rates = score(s.result if s.molecule is None else s.molecule for s in samples).rates
    return {name: rate.value for name, rate in rates.items()}


def _card(settings: TrainingSettings, store: MoleculeStore, num_seen: int) -> str:
    name, counted = store.meta["name"], f"{store.statistics.num_molecules:,}"
    return f"""# Weights trained on {name}

A moldiff weights bundle: averaged weights after {num_seen:,} training molecules, drawn from {counted} molecules of the
train split of {name}{f", from the weights {settings.start}" if settings.start else ""}. Made by `moldiff train` with
these settings:

```json
{json.dumps(settings.model_dump(), indent=2)}
```
"""


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


def quiet_trainer(callbacks: list[pl.Callback], *, num_processes: int = 1) -> pl.Trainer:
    """Lightning's trainer without its own files, bars and advertisements.

    Several processes share every step, each with a batch of its own: a core or a GPU each.

    Args:
        callbacks: what happens beside the optimisation.
        num_processes: that train together.

    Returns:
        The trainer.
    """
    quiet_lightning()
    # Nothing in the buffers changes apart from the count of molecules, which is the same everywhere.
    strategy = "auto" if num_processes == 1 else DDPStrategy(start_method="spawn", forward_sync_buffers=False)
    return pl.Trainer(
        accelerator="auto", devices=num_processes, strategy=strategy, max_epochs=-1, callbacks=callbacks, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        log_every_n_steps=1,
    )  # fmt: skip
