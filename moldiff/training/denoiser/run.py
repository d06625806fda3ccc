"""One training run: settings and a store in, a run folder with checkpoints, logs and settings out."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import lightning as pl
from lightning.pytorch.loggers import Logger
from torch import nn

from moldiff.build import build_denoiser
from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.model import ModelConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.representation import represent
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.errors import ConfigError
from moldiff.evaluation.scorer import Scorer, ScoringOptions
from moldiff.generation.generator import MoleculeGenerator
from moldiff.pretrained.bundle import Bundle, load_pretrained
from moldiff.pretrained.foreign import network_of_run
from moldiff.state import State
from moldiff.training.callbacks import ProgressAndLog, ScoredSamples
from moldiff.training.denoiser.export import export
from moldiff.training.denoiser.finetuning import transfer
from moldiff.training.denoiser.forgetting import old_losses, old_molecules
from moldiff.training.denoiser.module import DiffusionModule
from moldiff.training.loader import ValidationBatches, training_subset
from moldiff.training.loggers import find_logger
from moldiff.training.lora import adapt
from moldiff.training.origin import BUNDLE, origin_of
from moldiff.training.trainer import (
    METRICS,
    alone,
    batches_of,
    begin,
    check_folder,
    count_steps_done,
    fit,
)

SCORES, FORGOTTEN = "scores.csv", "forgotten.json"


@alone
def train(
    config: TrainingConfig,
    folder: Path,
    *,
    resume: bool = False,
    logger: Logger | str | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> DiffusionModule:
    """Runs a training to its end, or goes on with one.

    Args:
        config: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`.
        resume: go on from the last checkpoint, bit for bit on the CPU.
        logger: of Lightning, or a name as of `moldiff.training.loggers.find_logger`.
        callbacks: of Lightning.

    Returns:
        The trained module.

    Raises:
        ConfigError: if there is no checkpoint to resume, or one of other data, or already a run in the folder, or a
            model does not go with the weights to start from.
        OutputError: if the folder cannot be written.
        TrainingError: if the loss is no longer finite.
        WeightsError: if the weights to start from cannot be read.
    """
    logger = find_logger(logger, folder)  # what is missing is known before the run begins
    checkpoint = check_folder(folder, config, resume=resume)
    scorer = Scorer(ScoringOptions(chemistry=config.chemistry, num_workers=1))
    store = MoleculeStore(find_store(config.data))
    if config.start is not None:
        bundle = load_pretrained(config.start, network=network_of_run(config.model))
        config = with_model_of(bundle, config)
    represented = represent(store, config.model)
    statistics, labels, indices = training_subset(config, represented)
    old: list[State] = []  # in fine-tuning, molecules of the weights to start from, and the losses on them
    before: dict[str, float] = {}
    network = network_of_run(config.model)
    if config.start is None:
        denoiser = build_denoiser(config.model, statistics, seed=config.seed, network=network)
    else:
        denoiser = transfer(bundle, statistics, seed=config.seed)
        old = old_molecules(bundle, represented.vocabulary)
        before = old_losses(denoiser, old)
    if config.low_rank:
        adapt(denoiser, config.low_rank, seed=config.seed)
    module = DiffusionModule(denoiser, denoiser.process, config)
    module.origin = origin_of(store, statistics)
    batches = batches_of(config, represented, indices, labels, count_steps_done(checkpoint, module) if resume else 0)
    begin(folder, config)
    scored = ScoredSamples(
        folder / SCORES,
        minutes=config.sample_minutes,
        sample_and_score=partial(_sample_and_score, config, scorer, represented.vocabulary, statistics, old),
    )
    if fit(
        module,
        batches,
        folder,
        [ProgressAndLog(folder / METRICS), scored],
        resume=resume,
        validation=ValidationBatches(config, represented, labels),
        logger=logger,
        callbacks=callbacks,
    ):
        export(folder, folder / BUNDLE, overwrite=True)
        if before:
            after = old_losses(load_pretrained(folder / BUNDLE, network=network).denoiser, old)
            (folder / FORGOTTEN).write_text(json.dumps({"before": before, "after": after}, indent=2) + "\n")
    return module


def with_model_of(bundle: Bundle, config: TrainingConfig) -> TrainingConfig:
    """The settings with the model of the weights to go on from; a ConfigError if they ask for another one."""
    ours = config.model.network_class  # the name that the user gave, never that of the bundle
    model = bundle.config.model_copy(update={"network_class": ours})
    if config.model not in (ModelConfig(network_class=ours), model):
        raise ConfigError(f"model: the weights {config.start!r} have a model of their own; leave 'model' out")
    return config.model_copy(update={"model": model})


def _sample_and_score(
    config: TrainingConfig,
    scorer: Scorer,
    vocabulary: Vocabulary,
    statistics: Statistics,
    old: list[State],
    denoiser: nn.Module,
) -> dict[str, float]:
    assert isinstance(denoiser, NetworkDenoiser)
    bundle = Bundle(denoiser, config.model, statistics, vocabulary, config.sampler, card="")
    generator = MoleculeGenerator(bundle, device=next(denoiser.parameters()).device)
    samples = list(generator.stream(config.num_scored, seed=config.seed))
    result = scorer.score(samples, fcd=False)
    values = {name: rate.value for name, rate in result.rates.items()}
    return values | old_losses(denoiser, old)
