"""One distillation: a teacher's bundle in, a run folder with the bundle of its student out."""

import hashlib
import json
from pathlib import Path

from moldiff.build import build_grid, build_lead, build_steppers
from moldiff.config.distillation import DistillationSettings
from moldiff.config.sampler import SamplerSettings
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.errors import ConfigError
from moldiff.generation.sizes import Sizes
from moldiff.pretrained.bundle import Bundle, load_pretrained, save_pretrained
from moldiff.runtime.plain_text import plain
from moldiff.sampling.continuous.dpm_solver import Multistep
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.training.callbacks import ProgressAndLog
from moldiff.training.distillation.environments import DensityRatio
from moldiff.training.distillation.module import DistillationModule
from moldiff.training.distillation.policy import Policy
from moldiff.training.distillation.rollouts import Walks
from moldiff.training.origin import BUNDLE
from moldiff.training.trainer import METRICS, alone, begin, checked_folder, fit, load_averaged, reached


@alone
def distill(settings: DistillationSettings, folder: Path, *, resume: bool = False) -> None:
    """Trains a student of other weights for walks of few evaluations, or goes on with that.

    Args:
        settings: of the run; a resumed one takes what it is given, so that its length can be changed.
        folder: of the run; must be new or empty unless `resume`. The student's bundle lies in it at the end.
        resume: go on from the last checkpoint.

    Raises:
        ConfigError: if the walk is none of those that can be trained, or the folder not as `resume` wants it.
        OutputError: if the folder cannot be written.
        TrainingError: if a loss is no longer finite.
        WeightsError: if the teacher cannot be read.
    """
    checkpoint = checked_folder(folder, settings, resume=resume)
    bundle = load_pretrained(settings.teacher)
    sampler = settings.student(bundle.sampler)
    denoiser = bundle.denoiser.train().requires_grad_(True)
    store = data(bundle, settings)
    likeness = None if store is None else DensityRatio(store)
    module = DistillationModule(denoiser, policy(bundle, sampler), bundle.vocabulary, settings, likeness=likeness)
    told = json.dumps([bundle.settings.model_dump(), bundle.statistics.to_dict()], sort_keys=True)
    module.origin = {
        "atom classes": ", ".join(bundle.vocabulary.labels),
        "teacher": hashlib.blake2b(told.encode(), digest_size=16).hexdigest(),
        "data": "none" if store is None else store.fingerprint(),
    }
    start = reached(checkpoint, module) if resume else 0
    begin(folder, settings)
    sizes = Sizes.of(bundle.statistics.sizes, None, allow_extrapolation=False)
    walks = Walks(sizes, batches=settings.batches_per_update, seed=settings.seed, start=start)
    values = ("valid", "stable_atoms", *(["likeness"] if settings.likeness_weight else []), "pos", "atom", "bond")
    if not fit(module, walks, folder, ProgressAndLog(folder / METRICS, values=values, every=1), resume=resume):
        return
    seen = load_averaged(checkpoint, bundle.denoiser)
    save_pretrained(
        folder / BUNDLE, bundle.denoiser, settings=bundle.settings, statistics=bundle.statistics, sampler=sampler,
        card=card(settings, seen), overwrite=True,
    )  # fmt: skip


def policy(bundle: Bundle, sampler: SamplerSettings) -> Policy:
    """The walk of a student, as far as it does not depend on its network.

    Args:
        bundle: of the teacher.
        sampler: of the student.

    Returns:
        The policy.

    Raises:
        ConfigError: if the walk has no law that a gradient could go through.
    """
    steppers = build_steppers(sampler)
    if not isinstance(steppers.pos, Multistep) or not isinstance(steppers.classes, MixturePosterior) or sampler.churn:
        raise ConfigError(
            "sampler of the student: only walks of the solver 'multistep' with classes 'posterior', without churn, can "
            f"be trained, got {sampler.solver!r}, {sampler.classes!r}, churn {sampler.churn}"
        )
    process = bundle.denoiser.process
    grid = build_grid(sampler, process.pos.schedule)
    return Policy(process, steppers.pos, steppers.classes, grid, build_lead(sampler))


def data(bundle: Bundle, settings: DistillationSettings) -> MoleculeStore | None:
    """The molecules that the student shall resemble, or none if that earns nothing.

    Args:
        bundle: of the teacher.
        settings: of the run.

    Returns:
        The data.

    Raises:
        ConfigError: if there is no such data, or its atom classes are not those of the teacher.
    """
    if not settings.likeness_weight:
        return None
    store = MoleculeStore(find_store(settings.data))
    if store.vocabulary != bundle.vocabulary:
        raise ConfigError(
            f"data {settings.data!r}: atom classes {', '.join(store.vocabulary.labels)}, those of {settings.teacher!r} "
            f"are {', '.join(bundle.vocabulary.labels)}; give the data that it was trained on, or likeness_weight=0"
        )
    return store


def card(settings: DistillationSettings, num_seen: int) -> str:
    """What a student is, for people; Markdown."""
    teacher = plain(settings.teacher)
    return f"""# Student of {teacher}

A moldiff weights bundle for walks of few evaluations ({settings.sampler.get("num_steps", "as the teacher")}): the
weights of {teacher}, trained on by policy gradient on {num_seen:,} of their own walks. Made by
`moldiff distill` with these settings:

```json
{json.dumps(settings.model_dump(), indent=2)}
```
"""
