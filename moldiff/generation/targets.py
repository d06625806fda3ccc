"""Property targets: which values are conditions of the network, and which ones particles are ranked by."""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from moldiff.chem.descriptors import DESCRIPTORS
from moldiff.conditions.condition import Value
from moldiff.conditions.labels import labels_of
from moldiff.errors import ConfigError
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.rewards import DescriptorReward, PropertyReward, Reward, SumReward
from moldiff.pretrained.bundle import Bundle
from moldiff.pretrained.format import shipped_predictors
from moldiff.pretrained.property_predictor import PropertyPredictor
from moldiff.state import NOT_GIVEN

LEAST_SHARE = 0.9  # of the molecules that weights sample, which a reward model must know
Target = Mapping[str, Value]  # values by the name of the property; text may end with the unit, such as 6.5eV
RewardModel = str | Path | PropertyPredictor | None


@dataclass(frozen=True)
class Request:
    """What one molecule shall be like.

    Attributes:
        num_atoms: its size, without hydrogens that are folded into atoms.
        conditions: values by the name of the condition; those left out are free.
        num_hydrogens: those that are folded; -1 where their number is not given.
    """

    num_atoms: int
    conditions: Target = field(default_factory=dict)
    num_hydrogens: int = NOT_GIVEN


@dataclass(frozen=True)
class Targets:
    """What all molecules of a call shall have.

    Attributes:
        conditions: values that the network is conditioned on, by name.
        particles: how several particles compete for each molecule; None for one.
    """

    conditions: Target = field(default_factory=dict)
    particles: ParticleSampling | None = None


def resolve_targets(
    bundle: Bundle,
    weights: str | Path | None,
    target: Target | None,
    *,
    num_particles: int = 1,
    reward_model: RewardModel = None,
    reward: Reward | None = None,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> Targets:
    """Targets that the network, a predictor or RDKit knows.

    Args:
        bundle: of the generator.
        weights: name or folder of the bundle, which may hold a predictor.
        target: values by name. With several particles, the reward model ranks by what it predicts and RDKit by what it
            computes; the network is conditioned on what it was trained with.
        num_particles: trajectories for each molecule.
        reward_model: name, folder, or the predictor itself; by default the one inside the weights.
        reward: a further function to rank by, added to the closeness to the targets.
        options: how often particles are compared.

    Returns:
        The targets.

    Raises:
        ConfigError: if nobody knows a target, or there is nothing to rank several particles by.
    """
    targets = split_targets(bundle, weights, target or {}, num_particles, reward_model, reward, options)
    refuse_unknown(bundle, weights, targets.conditions)
    return targets


def resolve_particles(
    bundle: Bundle,
    weights: str | Path | None,
    target: Target | None,
    *,
    num_particles: int = 1,
    reward_model: RewardModel = None,
    reward: Reward | None = None,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> ParticleSampling | None:
    """As `resolve_targets`, where the network has no conditions: all targets rank particles.

    Args:
        bundle: as in `resolve_targets`.
        weights: as in `resolve_targets`.
        target: as in `resolve_targets`.
        num_particles: as in `resolve_targets`.
        reward_model: as in `resolve_targets`.
        reward: as in `resolve_targets`.
        options: as in `resolve_targets`.

    Returns:
        How particles compete; None for one particle.

    Raises:
        ConfigError: if a target ranks no particles.
    """
    particles = split_targets(bundle, weights, target or {}, num_particles, reward_model, reward, options).particles
    ranked = {} if particles is None else particles.recorded
    for name in target or {}:
        if name not in ranked:
            raise ConfigError(f"target={name}: here targets rank particles; {_remedy(name)}")
    return particles


def split_targets(
    bundle: Bundle,
    weights: str | Path | None,
    target: Target,
    num_particles: int,
    reward_model: RewardModel,
    reward: Reward | None,
    options: SamplingOptions,
) -> Targets:
    """Targets of particles and of the network; of the latter nobody has checked the names.

    Args:
        bundle: as in `resolve_targets`.
        weights: as in `resolve_targets`.
        target: as in `resolve_targets`.
        num_particles: as in `resolve_targets`.
        reward_model: as in `resolve_targets`.
        reward: as in `resolve_targets`.
        options: as in `resolve_targets`.

    Returns:
        The targets.

    Raises:
        ConfigError: if there is nothing to rank particles by, or a reward but one particle.
    """
    known = [condition.name for condition in bundle.statistics.conditions]
    if num_particles == 1:
        if reward_model is not None or reward is not None:
            what = "a reward" if reward_model is None else f"reward_model={reward_model}"
            raise ConfigError(f"{what}: ranks several particles; add num_particles=4")
        return Targets(target)
    predictor = _predictor(bundle, weights, reward_model)
    predicted = () if predictor is None else predictor.targets
    aims = {one.name: target[one.name] for one in predicted if one.name in target}
    computed = {
        name: _descriptor(name, value) for name, value in target.items() if name in DESCRIPTORS and name not in aims
    }
    if not aims and (reward_model is not None or not computed) and reward is None:
        names = f"the reward model predicts {', '.join(one.name for one in predicted)}"
        without = f"weights {weights} have no predictor inside (name one, such as reward_model=qm9-properties)"
        raise ConfigError(
            f"num_particles={num_particles}: {names if predicted else without}, and RDKit computes "
            f"{', '.join(DESCRIPTORS)}; add a target"
        )
    rewards: list[Reward] = [DescriptorReward(computed)] if computed else []
    labels: Sequence[tuple] = ()
    if predictor is not None and aims:
        values = labels_of(predicted, aims)
        rewards.append(PropertyReward(predictor, values))
        labels = tuple(zip(predicted, values, strict=True))
    if reward is not None:
        rewards.append(reward)
    conditions = {name: value for name, value in target.items() if name in known or name not in (*aims, *computed)}
    particles = ParticleSampling(
        rewards[0] if len(rewards) == 1 else SumReward(tuple(rewards)),
        num_particles,
        every=options.resample_every,
        until=options.resample_until,
        targets=labels,
        values=computed,
    )
    return Targets(conditions, particles)


def refuse_unknown(bundle: Bundle, weights: str | Path | None, names: Iterable[str]) -> None:
    """Refuses conditions that the network was not trained with.

    Args:
        bundle: of the generator.
        weights: its name or folder, for the message.
        names: of the conditions.

    Raises:
        ConfigError: that says who knows the target, and the options for it.
    """
    known = [condition.name for condition in bundle.statistics.conditions]
    for name in names:
        if name in known:
            continue
        if name in DESCRIPTORS:
            raise ConfigError(f"target={name}: weights {weights} were not trained with it; {_remedy(name, known)}")
        there = f"the weights know {', '.join(known)}" if known else "these weights know none"
        raise ConfigError(f"target {name!r}: {there}; train with --condition {name}, or {_remedy(name, known)}")


def _predictor(bundle: Bundle, weights: str | Path | None, reward_model: RewardModel) -> PropertyPredictor | None:
    if reward_model is None:
        return None if weights is None else PropertyPredictor.inside(weights)
    predictor = (
        reward_model if isinstance(reward_model, PropertyPredictor) else PropertyPredictor.from_pretrained(reward_model)
    )
    share = bundle.statistics.share_within(predictor.statistics.domain)
    if share < LEAST_SHARE:
        name = "a predictor" if isinstance(reward_model, PropertyPredictor) else reward_model
        raise ConfigError(
            f"reward_model={name}: knows {share:.0%} of what {weights or 'the generator'} samples, by size and atoms; "
            "its figures for others mean nothing: train one on molecules like them, moldiff train-predictor"
        )
    return predictor


def _remedy(name: str, known: Sequence[str] = ()) -> str:
    """Which options let particles compete for a target."""
    predictors, particles = shipped_predictors(), "num_particles=4"
    if name in DESCRIPTORS:
        return f"RDKit computes it, so particles can be ranked by it: add {particles}"
    for predictor, targets in predictors.items():
        if name in targets:
            return f"rank particles by a predictor: add reward_model={predictor} {particles}"
    ways = [f"RDKit computes {', '.join(DESCRIPTORS)} (add {particles})"]
    ways += [
        f"{one} predicts {', '.join(targets)} (add reward_model={one} {particles})"
        for one, targets in predictors.items()
    ]
    others = [*known, *DESCRIPTORS, *(target for targets in predictors.values() for target in targets)]
    near = difflib.get_close_matches(name.lower(), others, n=1)
    return f"choose another: {'; '.join(ways)}" + (f"; did you mean {near[0]!r}?" if near else "")


def _descriptor(name: str, value: Value) -> float:
    text = str(value).removesuffix(DESCRIPTORS[name].unit).strip()
    try:
        number = float(text)
    except ValueError as error:
        raise ConfigError(f"target {name}={text}: expected a number") from error
    if not math.isfinite(number):
        raise ConfigError(f"target {name}={text}: expected a finite number")
    return number
