"""The bundle of a training run, with its card and its own score."""

from dataclasses import replace
from pathlib import Path

import torch

from moldiff.build import build_denoiser, build_time_exponents
from moldiff.config.sampler import SamplerConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.representation import represent
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.metrics.score import score
from moldiff.metrics.score_result import Score
from moldiff.pretrained.bundle import save_pretrained
from moldiff.pretrained.foreign import network_of_run
from moldiff.runtime.plain_text import plain
from moldiff.training.card import training_card
from moldiff.training.denoiser.calibration import x0_std
from moldiff.training.loader import subset_indices, training_subset
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
    sampler: SamplerConfig | None = None,
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
    config = TrainingConfig.from_json(run / CONFIG)
    store = MoleculeStore(find_store(config.data))
    represented = represent(store, config.model)
    statistics = training_subset(config, represented)[0]
    check_origin(read_checkpoint(run / CHECKPOINT), origin_of(store, statistics), run / CHECKPOINT)
    denoiser = build_denoiser(config.model, statistics, network=network_of_run(config.model))
    if config.low_rank:
        adapt(denoiser, config.low_rank)
    seen = load_averaged(run / CHECKPOINT, denoiser)
    merge(denoiser)
    statistics = replace(statistics, score=own_score(store).to_dict())
    if sampler is None:
        sampler = config.sampler
    if sampler.solver == "multistep" and not sampler.x0_std:
        held_out = next((part for part in ("valid", "test", "train") if len(store.split(part))), "train")
        errors, of_latents = x0_std(
            denoiser,
            denoiser.process,
            represented,
            store.split(held_out),
            time_exponents=build_time_exponents(sampler),
        )
        sampler = sampler.model_copy(update={"x0_std": errors, "latent_x0_std": of_latents})
    save_pretrained(
        out,
        denoiser,
        config=config.model,
        statistics=statistics,
        card=_card(config, store, seen),
        sampler=sampler,
        dtype=dtype,
        overwrite=overwrite,
    )


def own_score(store: MoleculeStore) -> Score:
    """The score of held-out molecules of the data itself, or of all where nothing was held out."""
    held_out = [*store.split("test"), *store.split("valid")][:MAX_OWN]
    chosen = held_out or range(min(len(store), MAX_OWN))
    return score(store.molecule(int(index)) for index in chosen)


def _card(config: TrainingConfig, store: MoleculeStore, num_seen: int) -> str:
    start = f", from the weights {plain(config.start)}" if config.start else ""
    name, counted = plain(store.meta["name"]), f"{len(subset_indices(store.split('train'), config.subset)):,}"
    text = f"""A moldiff weights bundle: averaged weights after {num_seen:,} training molecules, of the {counted}
molecules of the train split of {name}{start}."""
    return training_card(f"Weights trained on {name}", text, command="train", config=config)
