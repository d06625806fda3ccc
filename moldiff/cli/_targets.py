"""Conditions and their guidance as they are written on the command line."""

import difflib
import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from moldiff.errors import ConfigError
from moldiff.generation.target_report import Judge, evaluators_of

if TYPE_CHECKING:
    from moldiff.generation.generator import MoleculeGenerator
    from moldiff.generation.particles import ParticleSampling


LEAST_SHARE = 0.9  # of the molecules that weights draw, which a guide must know


def parse_conditions(texts: Sequence[str] | None) -> dict[str, str]:
    """`gap=6.5eV` and the like, by name; the weights know what the values mean."""
    return dict(_named("--condition", text) for text in texts or ())


def choose(
    generator: "MoleculeGenerator",
    weights: str,
    conditions: dict[str, str],
    *,
    reward_model: str | None,
    num_particles: int,
) -> "tuple[ParticleSampling | None, dict[str, str]]":
    """What several walks compete for, and the conditions that the weights themselves are told.

    Args:
        generator: of the weights.
        weights: name or folder.
        conditions: by name; the guide heeds those it predicts, RDKit computes its descriptors, the weights heed those
            they know.
        reward_model: folder of a predictor.
        num_particles: for each molecule.

    Returns:
        None for one walk, and the conditions.

    Raises:
        ConfigError: if nothing is asked for that a guide predicts or RDKit computes, with several walks.
    """
    from moldiff.chem.descriptors import DESCRIPTORS
    from moldiff.conditions.labels import labels_of
    from moldiff.generation.particles import ParticleSampling
    from moldiff.generation.rewards import DescriptorReward, PropertyReward, Reward, SumReward
    from moldiff.pretrained.property_predictor import PropertyPredictor

    known = [condition.name for condition in generator.bundle.statistics.conditions]
    if num_particles == 1:
        if reward_model is not None:
            raise ConfigError(f"--reward-model {reward_model}: chooses among several walks; add --num-particles 4")
        return None, conditions
    predictor = (
        PropertyPredictor.inside(weights) if reward_model is None else PropertyPredictor.from_pretrained(reward_model)
    )
    if reward_model is not None and predictor is not None:
        _refuse_stranger(generator.bundle.statistics.share_within(predictor.statistics.domain), reward_model, weights)
    targets = () if predictor is None else predictor.targets
    aims = {target.name: conditions[target.name] for target in targets if target.name in conditions}
    computed = {
        name: _descriptor(name, text) for name, text in conditions.items() if name in DESCRIPTORS and name not in aims
    }
    if not aims and (reward_model is not None or not computed):
        guided = f"the guide predicts {', '.join(target.name for target in targets)}"
        without = f"weights {weights} have no predictor inside (name one with --reward-model, such as qm9-properties)"
        raise ConfigError(
            f"--num-particles {num_particles}: {guided if targets else without}, and RDKit computes "
            f"{', '.join(DESCRIPTORS)}; ask with --condition"
        )
    scores: list[Reward] = [DescriptorReward(computed)] if computed else []
    asked = ()
    if predictor is not None and aims:
        labels = labels_of(targets, aims)
        scores.append(PropertyReward(predictor, labels))
        asked = tuple(zip(targets, labels, strict=True))
    told = {name: value for name, value in conditions.items() if name in known or name not in (*aims, *computed)}
    score = scores[0] if len(scores) == 1 else SumReward(tuple(scores))
    return ParticleSampling(score, num_particles, asked=asked, told=computed), told


def refuse_unknown(generator: "MoleculeGenerator", weights: str, conditions: Iterable[str]) -> None:
    """What nobody knows.

    Args:
        generator: of the weights.
        weights: name or folder.
        conditions: names that the weights are to be told.

    Raises:
        ConfigError: if the weights do not know one; the message says what to type.
    """
    known = [condition.name for condition in generator.bundle.statistics.conditions]
    for name in conditions:
        if name in known:
            continue
        if name in _computed():
            raise ConfigError(f"--condition {name}: weights {weights} do not heed it; {_to_add(name, known)}")
        there = f"the weights know {', '.join(known)}" if known else "these weights know none"
        raise ConfigError(f"condition {name!r}: {there}; train with --condition {name}, or {_to_add(name, known)}")


def _to_add(name: str, known: Sequence[str] = ()) -> str:
    """What to type for a condition that molecules compete for."""
    from moldiff.pretrained.format import shipped_predictors

    predictors, walks = shipped_predictors(), "--num-particles 4"
    if name in _computed():
        return f"RDKit computes it, so let molecules compete for it: add {walks}"
    for predictor, targets in predictors.items():
        if name in targets:
            return f"let molecules compete for what a predictor says: add --reward-model {predictor} {walks}"
    ways = [f"RDKit computes {', '.join(_computed())} (add {walks})"]
    ways += [
        f"{one} predicts {', '.join(targets)} (add --reward-model {one} {walks})" for one, targets in predictors.items()
    ]
    others = [*known, *_computed(), *(target for targets in predictors.values() for target in targets)]
    near = difflib.get_close_matches(name.lower(), others, n=1)
    return f"ask for another: {'; '.join(ways)}" + (f"; did you mean {near[0]!r}?" if near else "")


def _computed() -> Collection[str]:
    from moldiff.chem.descriptors import DESCRIPTORS

    return DESCRIPTORS.keys()


def compete(
    generator: "MoleculeGenerator",
    weights: str,
    texts: Sequence[str] | None,
    *,
    reward_model: str | None,
    num_particles: int,
) -> "tuple[ParticleSampling | None, list[Judge]]":
    """As `choose`, where the weights themselves are told nothing.

    Args:
        generator: as in `choose`.
        weights: as in `choose`.
        texts: of `--condition`.
        reward_model: as in `choose`.
        num_particles: as in `choose`.

    Returns:
        What walks compete for, None for one walk, and who tells how near they came.

    Raises:
        ConfigError: if a condition has nobody to choose by it.
    """
    conditions = parse_conditions(texts)
    selection, _ = choose(generator, weights, conditions, reward_model=reward_model, num_particles=num_particles)
    heeded = {} if selection is None else selection.wishes
    for name in conditions:
        if name not in heeded:
            raise ConfigError(f"--condition {name}: here conditions choose among walks; {_to_add(name)}")
    return selection, [] if selection is None else evaluators_of(weights, selection)


def parse_guidance(texts: Sequence[str] | None) -> float | dict[str, float]:
    """One number for all conditions, or `gap=2` for single ones.

    Args:
        texts: as given; None is 1.

    Returns:
        The number, or those by name.

    Raises:
        ConfigError: if one is no number, or numbers with and without a name are mixed.
    """
    if not texts:
        return 1.0
    if len(texts) == 1 and "=" not in texts[0]:
        return _number("--guidance", texts[0])
    return {name: _number("--guidance", value) for name, value in (_named("--guidance", text) for text in texts)}


def parse_interval(text: str) -> tuple[float, float]:
    """`0.1-0.8`, two times; anything else is a `ConfigError`."""
    low, dash, high = text.partition("-")
    if not dash:
        raise ConfigError(f"--guidance-interval {text}: expected two times, such as 0.1-0.8")
    return _number("--guidance-interval", low), _number("--guidance-interval", high)


def _named(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ConfigError(f"{option} {text}: expected name=value, such as {option} gap=2")
    return name.strip(), value.strip()


def _refuse_stranger(share: float, reward_model: str, weights: str) -> None:
    if share < LEAST_SHARE:
        raise ConfigError(
            f"--reward-model {reward_model}: knows {share:.0%} of what {weights} draws, by size and atoms; its figures "
            "for others mean nothing: train one on molecules like them, moldiff train-predictor"
        )


def _descriptor(name: str, text: str) -> float:
    from moldiff.chem.descriptors import DESCRIPTORS

    return _number(f"--condition {name}", text.removesuffix(DESCRIPTORS[name].unit).strip())


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text}: expected a number") from error
    if not math.isfinite(number):
        raise ConfigError(f"{option} {text}: expected a finite number")
    return number
