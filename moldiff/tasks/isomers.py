"""Molecules of a formula."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from moldiff.chem.formula import formula_text, parse_formula
from moldiff.chem.fragments import part_of
from moldiff.chem.molecule import Molecule
from moldiff.errors import ConfigError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.sample import Sample
from moldiff.generation.targets import RewardModel, Target
from moldiff.tasks.attempts import attempts
from moldiff.tasks.defaults import ISOMERS
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains
from moldiff.tasks.routing import Router

VALENCE = {"valence": 1.0, "valence_time": 0.6}  # settings of the sampler; decision 030


def isomers(
    generator: MoleculeGenerator | Router | str,
    formula: str,
    *,
    num_samples: int = ISOMERS.num_samples,
    seed: int = 0,
    num_steps: int = ISOMERS.num_steps,
    target: Target | ParticleSampling | None = None,
    num_particles: int = 1,
    reward_model: RewardModel = None,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> list[Sample]:
    """Samples molecules of a formula, with neutral atoms, in one piece.

    Args:
        generator: samples; a name of weights, or `auto`, will do.
        formula: such as C7H10O2, hydrogens included.
        num_samples: how many.
        seed: random seed.
        num_steps: network evaluations of an attempt.
        target: values by the name of the property, which rank particles; or how particles compete.
        num_particles: trajectories for each molecule.
        reward_model: a predictor to rank particles by.
        options: as of `MoleculeGenerator.stream`.

    Returns:
        Samples in order; an unknown formula is a `MoleculeError`, one outside the domain a `DomainError`.
    """
    counts = parse_formula(formula)
    router = Router.of(generator, allow_extrapolation=options.allow_extrapolation)
    name = router.name_of(atoms_of_formula(counts))
    particles = router.particles(
        [name], target, num_particles=num_particles, reward_model=reward_model, options=options
    )
    samples = router.complete(
        sample_isomers,
        [counts] * num_samples,
        names=[name] * num_samples,
        seed=seed,
        num_steps=num_steps,
        particles=particles,
        options=options,
    )
    return list(samples)


def sample_isomers(
    generator: MoleculeGenerator,
    formulas: Sequence[Mapping[int, int]],
    *,
    most: int = ISOMERS.num_attempts,
    num_steps: int | None = ISOMERS.num_steps,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Samples bonds and coordinates of neutral atoms.

    Args:
        generator: of weights.
        formulas: counts by atomic number of each sample, as `moldiff.chem.formula.parse_formula` gives them.
        most: attempts at one sample. With latent hydrogens a further one keeps the hydrogens of the failed one on their
            atoms, and samples the bonds and coordinates again.
        num_steps: network evaluations of an attempt.
        allow_extrapolation: accept molecules unlike those of the training data, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        A sample for each formula, in order.
    """
    options["options"] = _with_valence(options.get("options", DEFAULT_OPTIONS))
    given = [atoms_of_formula(formula) for formula in formulas]
    check_domains(generator, given, allow_extrapolation=allow_extrapolation)
    latent = generator.bundle.vocabulary.folded
    parts = [without_hydrogens(atoms) if latent else PartialMolecule.of(atoms, "atom") for atoms in given]
    failed: dict[int, Molecule] = {}

    def known(number: int, attempt: int) -> PartialMolecule:
        del attempt
        if number not in failed:
            return parts[number]
        return PartialMolecule.of(failed[number], "atom").with_hydrogen_bonds()

    def correct(number: int, sample: Sample) -> Sample:
        if latent and sample.failure is not None and sample.failure.reason != "changed" and sample.molecule is not None:
            failed[number] = sample.molecule
        return sample

    return attempts(generator, len(parts), known, most=most, correct=correct, num_steps=num_steps, **options)


def _with_valence(options: SamplingOptions) -> SamplingOptions:
    """With classes and bonds that fit from early on, where nothing else is asked for: the atoms are given."""
    if options.sampler is not None:
        return options
    return options.model_copy(update={name: value for name, value in VALENCE.items() if getattr(options, name) is None})


def without_hydrogens(atoms: Molecule) -> PartialMolecule:
    """The heavy atoms, and that so many hydrogens are to be on them."""
    heavy = atoms.elements != 1
    if not heavy.any():
        raise ConfigError(f"{atoms.label}: has no heavy atom, and the hydrogens of these weights are latent")
    part = PartialMolecule.of(part_of(atoms, heavy), "atom")
    return replace(part, num_hydrogens=int((~heavy).sum()), open_hydrogens=True)


def atoms_of_formula(formula: Mapping[int, int]) -> Molecule:
    """Heaviest first, all in one point."""
    elements = np.array(sorted(Counter(formula).elements(), reverse=True), dtype=np.int64)
    n = len(elements)
    return Molecule(
        elements, np.zeros(n, np.int64), np.zeros((n, 3)), np.zeros((n, n), np.int64), name=formula_text(formula)
    )
