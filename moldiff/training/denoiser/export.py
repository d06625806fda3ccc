"""The bundle of a training run, with its card and its own score."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from moldiff.build import build_denoiser, build_lead
from moldiff.config.sampler import SamplerSettings
from moldiff.config.training import TrainingSettings
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.metrics.score import Score, score
from moldiff.pretrained.bundle import save_pretrained
from moldiff.runtime.plain_text import plain
from moldiff.training.denoiser.calibration import pos_errors
from moldiff.training.loader import stretch, training_subset
from moldiff.training.lora import adapt, merge
from moldiff.training.origin import check_origin, origin_of
from moldiff.training.trainer import (
    CHECKPOINT,
    CONFIG,
    load_averaged,
    read_checkpoint,
)

MAX_OWN = 10_000  # held-out molecules that the data's own row is counted on


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
    statistics = training_subset(settings, store)[0]
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
