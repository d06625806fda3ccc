"""Decorating scaffolds and linking pieces."""

from moldiff.errors import ConfigError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.sample import Sample
from moldiff.generation.sizes import NumAtoms
from moldiff.generation.targets import RewardModel, Target
from moldiff.tasks.defaults import GROWTH
from moldiff.tasks.fragments import grow
from moldiff.tasks.inputs import Molecules, records_of, usable
from moldiff.tasks.routing import Router
from moldiff.tasks.sites import Attach, Placement, Sites


def decorate(
    generator: MoleculeGenerator | Router | str,
    scaffold: Molecules,
    *,
    attach: Attach = None,
    num_added: NumAtoms = None,
    add_hydrogens: bool = False,
    num_samples: int = GROWTH.num_samples,
    seed: int = 0,
    num_steps: int = GROWTH.num_steps,
    target: Target | ParticleSampling | None = None,
    num_particles: int = 1,
    reward_model: RewardModel = None,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> list[Sample]:
    """Samples substituents on a scaffold, whose atoms, bonds and coordinates stay; each site gets a heavy atom.

    A scaffold without 3D coordinates gets them from the same weights first, or from ETKDG and MMFF94 where it is
    smaller than the weights know.

    Args:
        generator: samples; a name of weights, or `auto`, will do.
        scaffold: a SMILES, a file, an RDKit molecule, a `Molecule`, or a sequence of these; stars are its sites.
        attach: atoms that get a new bond in the place of a hydrogen, counted from 1: `3` or `[3, 5]`; with the number
            of atoms to add at each: `{3: (4, 9), 5: 2}`; or a SMARTS pattern. Of a scaffold with stars, their labels.
        num_added: atoms to add, hydrogens included: one number, or the least and the greatest; by default sizes as
            often as in the training data.
        add_hydrogens: add hydrogens with coordinates to a scaffold that has not all of them.
        num_samples: molecules for each scaffold.
        seed: random seed.
        num_steps: network evaluations of an attempt.
        target: values by the name of the property, which rank particles; or how particles compete.
        num_particles: trajectories for each molecule.
        reward_model: a predictor to rank particles by.
        options: as of `MoleculeGenerator.stream`.

    Returns:
        Samples in order, those of one scaffold together; failures in the place of what is refused.

    Raises:
        DataError: if no scaffold can be completed.
    """
    router = Router.of(generator, allow_extrapolation=options.allow_extrapolation)
    placement = Placement(router, Sites.of(attach, num_added), num_added, add_hydrogens, seed)
    label, records = records_of(scaffold, stars=True)
    found = usable(label, records, make=placement.fragment)
    found.check(label)
    names = [name for _, name in found.items]
    samples = router.complete(
        grow,
        [fragment for fragment, _ in found.items],
        names=names,
        num_each=num_samples,
        num_added=num_added,
        seed=seed,
        num_steps=num_steps,
        particles=router.particles(
            names, target, num_particles=num_particles, reward_model=reward_model, options=options
        ),
        options=options,
    )
    return found.in_place(samples, num_samples)


def link(
    generator: MoleculeGenerator | Router | str,
    pieces: Molecules,
    *,
    attach: Attach = None,
    num_added: NumAtoms = None,
    add_hydrogens: bool = False,
    num_samples: int = GROWTH.num_samples,
    seed: int = 0,
    num_steps: int = GROWTH.num_steps,
    target: Target | ParticleSampling | None = None,
    num_particles: int = 1,
    reward_model: RewardModel = None,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> list[Sample]:
    """Samples atoms that link pieces, whose atoms, bonds and coordinates stay.

    Args:
        generator: samples; a name of weights, or `auto`, will do.
        pieces: with 3D coordinates, in one record or in several: a file, or molecules; stars are their sites.
        attach: as of `decorate`, without sizes; atoms are counted through all records.
        num_added: as of `decorate`.
        add_hydrogens: as of `decorate`.
        num_samples: molecules.
        seed: random seed.
        num_steps: network evaluations of an attempt.
        target: as of `decorate`.
        num_particles: as of `decorate`.
        reward_model: as of `decorate`.
        options: as of `MoleculeGenerator.stream`.

    Returns:
        Samples in order.

    Raises:
        ConfigError: if a piece cannot be used.
    """
    router = Router.of(generator, allow_extrapolation=options.allow_extrapolation)
    placement = Placement(router, Sites.of(attach, num_added), num_added, add_hydrogens, seed)
    label, records = records_of(pieces, stars=True)
    found = usable(label, records, make=placement.outline)
    found.check(label)
    if found.refused:
        raise ConfigError(next(f"{where}: {why}" for where, why in found.refused.items()))
    fragment, name = placement.link(found.items, label)
    samples = router.complete(
        grow,
        [fragment],
        names=[name],
        num_each=num_samples,
        num_added=num_added,
        seed=seed,
        num_steps=num_steps,
        particles=router.particles(
            [name], target, num_particles=num_particles, reward_model=reward_model, options=options
        ),
        options=options,
    )
    return list(samples)
