"""One training run: settings and a store in, a run folder with checkpoints, logs and settings out."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from moldiff.build import build_denoiser, build_lead
from moldiff.bundle import Bundle, load_pretrained, save_pretrained
from moldiff.config import ModelSettings, SamplerSettings, TrainingSettings
from moldiff.data.columns import conditioned
from moldiff.data.statistics import Statistics
from moldiff.data.store import MoleculeStore, find_store
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.errors import ConfigError
from moldiff.fitting import (
    BUNDLE,
    CHECKPOINT,
    CONFIG,
    METRICS,
    alone,
    batches_of,
    begin,
    checked_folder,
    fit,
    load_averaged,
    reached,
    read_checkpoint,
)
from moldiff.generator import MoleculeGenerator
from moldiff.memory import peak_memory
from moldiff.origin import check_origin, origin_of
from moldiff.outside import plain
from moldiff.scoring.score import Score, score
from moldiff.state import State
from moldiff.training.batches import TrainingBatches, stretch
from moldiff.training.calibration import pos_errors
from moldiff.training.callbacks import ProgressAndLog, ScoredSamples
from moldiff.training.low_rank import adapt, merge
from moldiff.training.module import DiffusionModule
from moldiff.training.pace import molecules_per_second
from moldiff.transfer import transferred
from moldiff.watch import old_losses, old_molecules

SCORES, FORGOTTEN = "scores.csv", "forgotten.json"
MAX_OWN = 10_000  # held-out molecules that the data's own row is counted on


@alone
def train(settings: TrainingSettings, folder: Path, *, resume: bool = False) -> DiffusionModule:
    """Runs a training to its end, or goes on with one.

    Args:
        settings: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`.
        resume: go on from the last checkpoint, bit for bit on the CPU.

    Returns:
        The trained module.

    Raises:
        ConfigError: if there is no checkpoint to resume, or one of other data, or already a run in the folder, or a
            model does not go with the weights to start from.
        OutputError: if the folder cannot be written.
        TrainingError: if the loss is no longer finite.
        WeightsError: if the weights to start from cannot be read.
    """
    checkpoint = checked_folder(folder, settings, resume=resume)
    store = MoleculeStore(find_store(settings.data))
    statistics, labels, indices = _trained_on(settings, store)
    old: list[State] = []  # in fine-tuning, molecules of the weights to start from, and the losses on them
    before: dict[str, float] = {}
    if settings.start is None:
        denoiser = build_denoiser(settings.model, statistics, seed=settings.seed)
    else:
        bundle = load_pretrained(settings.start)
        settings = with_model_of(bundle, settings)
        denoiser = transferred(bundle, statistics, seed=settings.seed)
        old = old_molecules(bundle, store.vocabulary)
        before = old_losses(denoiser, denoiser.process, old)
    if settings.low_rank:
        adapt(denoiser, settings.low_rank, seed=settings.seed)
    module = DiffusionModule(denoiser, denoiser.process, settings)
    module.origin = origin_of(store, statistics)
    batches = batches_of(settings, store, indices, labels, reached(checkpoint, module) if resume else 0)
    begin(folder, settings)
    scored = ScoredSamples(
        folder / SCORES, minutes=settings.sample_minutes,
        sample_and_score=partial(_sample_and_score, settings, store, statistics, old),
    )  # fmt: skip
    if fit(module, batches, folder, ProgressAndLog(folder / METRICS), scored, resume=resume):
        export(folder, folder / BUNDLE, overwrite=True)
        if before:
            after = old_losses(load_pretrained(folder / BUNDLE).denoiser, denoiser.process, old)
            (folder / FORGOTTEN).write_text(json.dumps({"before": before, "after": after}, indent=2) + "\n")
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
    store = MoleculeStore(find_store(settings.data))
    statistics = _trained_on(settings, store)[0]
    check_origin(read_checkpoint(run / CHECKPOINT), origin_of(store, statistics), run / CHECKPOINT)
    denoiser = build_denoiser(settings.model, statistics)
    if settings.low_rank:
        adapt(denoiser, settings.low_rank)
    seen = load_averaged(run / CHECKPOINT, denoiser)
    merge(denoiser)
    statistics = replace(statistics, score=own_score(store).to_dict())
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


def _trained_on(
    settings: TrainingSettings, store: MoleculeStore
) -> tuple[Statistics, Float[Tensor, "m l"] | None, Int[np.ndarray, "k"]]:
    """Statistics with the conditions, their labels of all molecules, and which molecules are trained on."""
    indices = stretch(store.split("train"), settings.part)
    return *conditioned(store, settings.conditions, indices), indices


def _sample_and_score(
    settings: TrainingSettings, store: MoleculeStore, statistics: Statistics, old: list[State], denoiser: nn.Module
) -> dict[str, float]:
    assert isinstance(denoiser, NetworkDenoiser)
    bundle = Bundle(denoiser, settings.model, statistics, store.vocabulary, settings.sampler, card="")
    generator = MoleculeGenerator(bundle, device=next(denoiser.parameters()).device)
    samples = generator.iterate(settings.num_scored, seed=settings.seed)
    rates = score(s.result if s.molecule is None else s.molecule for s in samples).rates
    return {name: rate.value for name, rate in rates.items()} | old_losses(denoiser, denoiser.process, old)


def _card(settings: TrainingSettings, store: MoleculeStore, num_seen: int) -> str:
    start = f", from the weights {plain(settings.start)}" if settings.start else ""
    name, counted = plain(store.meta["name"]), f"{len(stretch(store.split('train'), settings.part)):,}"
    return f"""# Weights trained on {name}

A moldiff weights bundle: averaged weights after {num_seen:,} training molecules, drawn from {counted} molecules of the
train split of {name}{start}. Made by `moldiff train` with these settings:

```json
{json.dumps(settings.model_dump(), indent=2)}
```
"""
