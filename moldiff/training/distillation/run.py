"""One distillation: a teacher's bundle in, a run folder with the bundle of its student out."""

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import lightning as pl
from lightning.pytorch.loggers import Logger

from moldiff.build import build_grid, build_solvers, build_time_exponents
from moldiff.config.distillation import DistillationConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.data.representation import FoldedStore, represent
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.errors import ConfigError
from moldiff.generation.sizes import Sizes
from moldiff.pretrained.bundle import Bundle, load_pretrained, save_pretrained
from moldiff.pretrained.foreign import network_of
from moldiff.runtime.plain_text import plain
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.training.callbacks import ProgressAndLog
from moldiff.training.card import training_card
from moldiff.training.distillation.density_ratio import DensityRatio
from moldiff.training.distillation.environments import count_environments
from moldiff.training.distillation.module import DistillationModule
from moldiff.training.distillation.policy import Policy
from moldiff.training.distillation.rings import RingClasses
from moldiff.training.distillation.rollouts import Rollouts
from moldiff.training.loggers import find_logger
from moldiff.training.origin import BUNDLE, without_later
from moldiff.training.trainer import METRICS, alone, begin, check_folder, count_steps_done, fit, load_averaged


@alone
def distill(
    config: DistillationConfig,
    folder: Path,
    *,
    resume: bool = False,
    logger: Logger | str | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> None:
    """Trains a student of other weights for few NFE, or continues.

    Args:
        config: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`. The student's bundle lies in it at the end.
        resume: go on from the last checkpoint.
        logger: of Lightning, or a name as of `moldiff.training.loggers.find_logger`.
        callbacks: of Lightning.

    Raises:
        ConfigError: if the sampler is none of those that can be trained, or the folder not as `resume` wants it.
        OutputError: if the folder cannot be written.
        TrainingError: if a loss is no longer finite.
        WeightsError: if the teacher cannot be read.
    """
    logger = find_logger(logger, folder)  # what is missing is known before the run begins
    checkpoint = check_folder(folder, config, resume=resume)
    bundle = load_pretrained(config.teacher, network=network_of(config.network_class))
    sampler = config.student(bundle.sampler)
    teacher = copy.deepcopy(bundle.denoiser).requires_grad_(False) if config.teacher_weight else None
    denoiser = bundle.denoiser.train().requires_grad_(True)
    if denoiser.hydrogens is not None:
        denoiser.hydrogens.requires_grad_(False)  # where the hydrogens go is not a decision
    store = data(bundle, config)
    module = DistillationModule(
        denoiser,
        policy(bundle, sampler),
        bundle.vocabulary,
        config,
        likeness=DensityRatio(count_environments(store)) if store is not None and config.density_ratio_weight else None,
        rings=RingClasses.of(store.explicit) if store is not None and config.ring_ratio_weight else None,
        teacher=teacher,
    )
    text = json.dumps([without_later(bundle.config.model_dump()), bundle.statistics.to_dict()], sort_keys=True)
    module.origin = {
        "atom classes": ", ".join(bundle.vocabulary.labels),
        "teacher": hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
        "data": "none" if store is None else store.explicit.fingerprint(),
    }
    start = count_steps_done(checkpoint, module) if resume else 0
    begin(folder, config)
    counted = bundle.statistics
    sizes = Sizes.of(counted.sizes, None, num_hydrogens=counted.num_hydrogens, allow_extrapolation=False)
    rollouts = Rollouts(sizes, batches=config.batches_per_update, seed=config.seed, start=start)
    ratios = {"likeness": config.density_ratio_weight, "ring_likeness": config.ring_ratio_weight}
    values = ("valid", "atoms_in_order", *(name for name, weight in ratios.items() if weight), "pos", "atom", "bond")
    progress = ProgressAndLog(folder / METRICS, values=values, every=1)
    if not fit(module, rollouts, folder, [progress], resume=resume, logger=logger, callbacks=callbacks):
        return
    seen = load_averaged(checkpoint, bundle.denoiser)
    save_pretrained(
        folder / BUNDLE,
        bundle.denoiser,
        config=bundle.config.model_copy(update={"network_class": config.network_class}),
        statistics=bundle.statistics,
        sampler=sampler,
        card=card(config, seen),
        overwrite=True,
    )


def policy(bundle: Bundle, sampler: SamplerConfig) -> Policy:
    """The sampling of a student, as far as it does not depend on its network.

    Args:
        bundle: of the teacher.
        sampler: of the student.

    Returns:
        The policy.

    Raises:
        ConfigError: if the sampler has no distribution that a gradient could go through.
    """
    solvers = build_solvers(sampler)
    pos, latent, classes = solvers.pos, solvers.latent, solvers.classes
    if (
        not (isinstance(pos, DpmSolver) and isinstance(latent, DpmSolver) and isinstance(classes, MixturePosterior))
        or sampler.churn
        or sampler.connectivity
        or sampler.valence
    ):
        raise ConfigError(
            "sampler of the student: only the solver 'multistep' with classes 'posterior', without churn, connectivity "
            f"and valence, can be trained, got {sampler.solver!r}, {sampler.classes!r}, churn {sampler.churn}, "
            f"connectivity {sampler.connectivity}, valence {sampler.valence}"
        )
    process = bundle.denoiser.process
    grid = build_grid(sampler, process.pos.schedule)
    return Policy(process, pos, latent, classes, grid, build_time_exponents(sampler))


def data(bundle: Bundle, config: DistillationConfig) -> MoleculeStore | FoldedStore | None:
    """The molecules that the student shall resemble, or none without a reward for that.

    Args:
        bundle: of the teacher.
        config: of the run.

    Returns:
        The data.

    Raises:
        ConfigError: if there is no such data, or its atom classes are not those of the teacher.
    """
    if not config.density_ratio_weight and not config.ring_ratio_weight:
        return None
    store = represent(MoleculeStore(find_store(config.data)), bundle.config)
    if store.vocabulary != bundle.vocabulary:
        raise ConfigError(
            f"data {config.data!r}: atom classes {', '.join(store.vocabulary.labels)}, those of {config.teacher!r} "
            f"are {', '.join(bundle.vocabulary.labels)}; give the data that it was trained on, "
            "or density_ratio_weight=0 and ring_ratio_weight=0"
        )
    return store


def card(config: DistillationConfig, num_seen: int) -> str:
    """What a student is, for people; Markdown."""
    teacher = plain(config.teacher)
    text = f"""A moldiff weights bundle for few NFE ({config.sampler.get("num_steps", "as the teacher")}): the
weights of {teacher}, trained on by policy gradient on {num_seen:,} of their own molecules."""
    return training_card(f"Student of {teacher}", text, command="distill", config=config)
