"""One training of a predictor: settings and a store in, a run folder with its bundle out."""

from collections.abc import Sequence
from pathlib import Path

import lightning as pl
import numpy as np
import torch
from jaxtyping import Float, Int
from lightning.pytorch.loggers import Logger
from torch import Tensor

from moldiff.build import build_predictor
from moldiff.conditions.condition import Condition
from moldiff.config.property import PropertyConfig
from moldiff.data.batching import BucketSampler
from moldiff.data.columns import conditioned
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.errors import ConfigError
from moldiff.network.property_model import PropertyNetwork, counts_of, regress_composition
from moldiff.pretrained.property_predictor import PredictorConfig, PropertyPredictor
from moldiff.runtime.plain_text import plain
from moldiff.runtime.precision import use_bf16
from moldiff.state import State
from moldiff.training.callbacks import ProgressAndLog
from moldiff.training.card import training_card
from moldiff.training.loader import ValidationBatches, subset_indices
from moldiff.training.loggers import find_logger
from moldiff.training.origin import BUNDLE, origin_of
from moldiff.training.property.module import RegressionModule, absolute_errors
from moldiff.training.trainer import (
    METRICS,
    alone,
    batches_of,
    begin,
    check_folder,
    count_steps_done,
    fit,
    load_averaged,
)

EVALUATED = 48_000  # atom pairs in a batch that is only looked at


@alone
def train_predictor(
    config: PropertyConfig,
    folder: Path,
    *,
    resume: bool = False,
    logger: Logger | str | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> PropertyPredictor | None:
    """Trains a predictor to its end, or goes on with that.

    Args:
        config: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`. The bundle lies in it at the end.
        resume: go on from the last checkpoint.
        logger: of Lightning, or a name as of `moldiff.training.loggers.find_logger`.
        callbacks: of Lightning.

    Returns:
        The predictor, with its errors on the test split, or on another where that has no value of a target; None on a
        machine that is not the first.

    Raises:
        ConfigError: if a target is no number, or the folder not as `resume` wants it.
    """
    logger = find_logger(logger, folder)  # what is missing is known before the run begins
    checkpoint = check_folder(folder, config, resume=resume)
    store = MoleculeStore(find_store(config.data))
    indices = subset_indices(store.split("train"), config.subset)
    statistics, labels = conditioned(store, config.targets, indices)
    assert labels is not None  # the settings name at least one target
    classes = [condition.name for condition in statistics.conditions if condition.classes]
    if classes:
        raise ConfigError(f"target {classes[0]!r}: classes cannot be predicted; name a column of numbers")
    network = build_predictor(config.network, statistics, seed=config.seed)
    fit_composition(network, store, labels, indices)
    module = RegressionModule(network, config)
    module.origin = origin_of(store, statistics)
    batches = batches_of(config, store, indices, labels, count_steps_done(checkpoint, module) if resume else 0)
    begin(folder, config)
    if not fit(
        module,
        batches,
        folder,
        [ProgressAndLog(folder / METRICS, values=("loss",))],
        resume=resume,
        validation=ValidationBatches(config, store, labels),
        logger=logger,
        callbacks=callbacks,
    ):
        return None
    seen = load_averaged(checkpoint, network)
    held_out = next(  # the first in which every target has a value
        (chosen for name in ("test", "valid") if (~labels[chosen := store.split(name)].isnan()).any(0).all()), indices
    )
    scaled = held_out_errors(network.eval(), store, labels, held_out, precision=config.precision)
    errors = {c.name: round(error * c.std, 6) for c, error in zip(statistics.conditions, scaled, strict=True)}
    predictor_config = PredictorConfig(network=config.network, errors=errors, num_held_out=len(held_out))
    text = card(config, store.meta["name"], statistics.conditions, predictor_config, seen)
    predictor = PropertyPredictor(network, predictor_config, statistics, store.vocabulary, text)
    predictor.save_pretrained(folder / BUNDLE, overwrite=True)
    return predictor


def fit_composition(
    network: PropertyNetwork, store: MoleculeStore, labels: Float[Tensor, "m c"], indices: Int[np.ndarray, "k"]
) -> None:
    """Gives the network what the numbers of atoms tell of its targets."""
    counts = torch.cat([counts_of(state, len(store.vocabulary)) for _, state in _batches(store, indices)])
    order = np.concatenate([chosen for chosen, _ in _batches(store, indices)])
    network.composition.copy_(regress_composition(counts, labels[torch.from_numpy(order)]))


@torch.no_grad()
def held_out_errors(
    network: PropertyNetwork,
    store: MoleculeStore,
    labels: Float[Tensor, "m c"],
    indices: Int[np.ndarray, "k"],
    *,
    precision: str = "auto",
) -> list[float]:
    """Mean absolute error of each target in standard deviations, on these molecules, in this precision."""
    errors = []
    for chosen, state in _batches(store, indices):
        with torch.autocast("cpu", torch.bfloat16, enabled=use_bf16(precision, torch.device("cpu"))):
            predicted = network(state)
        errors.append(absolute_errors(predicted, labels[torch.from_numpy(chosen)]))
    return torch.cat(errors).nanmean(0).tolist()


def card(
    config: PropertyConfig, data: str, targets: Sequence[Condition], predictor_config: PredictorConfig, num_seen: int
) -> str:
    """What the predictor is, for people.

    Args:
        config: of the run.
        data: its name.
        targets: with their units.
        predictor_config: with the errors.
        num_seen: molecules.

    Returns:
        Markdown.
    """
    names = {
        target.name: plain(f"{target.name}, {target.unit}".removesuffix(", ")).replace("|", "\\|") for target in targets
    }
    rows = "\n".join(f"| {names[name]} | {error:.4g} |" for name, error in predictor_config.errors.items())
    text = f"""Averaged weights after {num_seen:,} training molecules. Mean absolute errors on
{predictor_config.num_held_out:,} others:

| property | error |
|---|---|
{rows}"""
    title = f"Predictor of {', '.join(predictor_config.errors)}, trained on {data}"
    return training_card(title, text, command="train-predictor", config=config)


def _batches(store: MoleculeStore, indices: Int[np.ndarray, "k"]) -> list[tuple[np.ndarray, State]]:
    sampler = BucketSampler(store.sizes, indices, budget=EVALUATED, seed=0)
    return [(chosen, store.state(chosen)) for chosen in sampler.batches(0)]
