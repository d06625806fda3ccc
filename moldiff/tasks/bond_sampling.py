"""Bonds and charges for given elements and coordinates, sampled; RDKit's are in `chem.bond_perception`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from moldiff.chem.bare_geometry import attach_hydrogens, geometry_obstacle
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.domain import encode_folded
from moldiff.errors import MoleculeError, VocabularyError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import attempts
from moldiff.tasks.defaults import BONDS
from moldiff.tasks.inputs import Molecules, Usable, geometries_of, usable
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains
from moldiff.tasks.routing import Router

UNDERCHARGED = ("valence", "radical", "kekulize")  # reasons of a failure that charges might have avoided


def perceive_bonds(
    generator: MoleculeGenerator | Router | str,
    geometries: Molecules,
    *,
    charge: int | None = None,
    seed: int = 0,
    num_steps: int = BONDS.num_steps,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> list[Sample]:
    """Finds bonds and charges for elements and coordinates; `confidence` of a sample has the probability of each bond.

    Args:
        generator: samples; a name of weights, or `auto`, will do.
        geometries: a file, a `Molecule`, an RDKit molecule, ASE's atoms, or a sequence of these; bonds are not read.
        charge: total charge of every molecule; by default the property `charge` of each, or 0.
        seed: random seed.
        num_steps: network evaluations of an attempt.
        options: as of `MoleculeGenerator.stream`.

    Returns:
        A sample for each geometry in order; failures in the place of what is refused.

    Raises:
        DataError: if no geometry can be completed.
    """
    router = Router.of(generator, allow_extrapolation=options.allow_extrapolation)
    label, records = geometries_of(geometries)
    found = usable_geometries(router, label, records, charge)
    found.check(label)
    samples = router.complete(
        sample_bonds,
        found.items,
        names=[router.name_of(geometry, "elements") for geometry in found.items],
        seed=seed,
        num_steps=num_steps,
        options=options,
    )
    return found.in_place(samples, 1)


def usable_geometries(
    router: Router, label: str, records: Iterable[tuple[int, Molecule | Failure]], charge: int | None
) -> Usable:
    """Geometries that weights know.

    Args:
        router: finds the weights.
        label: of the file.
        records: of a reader.
        charge: total charge of each, if it is not its own.

    Returns:
        The geometries, and what was refused.
    """

    def check(geometry: Molecule) -> None:
        check_geometry(geometry)
        router.name_of(geometry, "elements")

    return usable(label, records, check, make=partial(_with_charge, charge=charge))


def _with_charge(geometry: Molecule, *, charge: int | None) -> Molecule:
    return geometry if charge is None else replace(geometry, properties={**geometry.properties, "charge": charge})


def sample_bonds(
    generator: MoleculeGenerator,
    geometries: Sequence[Molecule],
    *,
    num_steps: int | None = BONDS.num_steps,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Samples bonds and charges; elements and coordinates stay.

    The first attempt takes all atoms as neutral; where that is not strictly valid the charges are sampled, too. The
    total charge is that of the property `charge`, or 0, as in RDKit's perception; another one is a failure `charge`.

    Args:
        generator: of weights.
        geometries: elements and coordinates; bonds and charges are not read.
        num_steps: network evaluations of an attempt.
        allow_extrapolation: accept molecules unlike those of the training data, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        A sample for each in order; `confidence` has the probability of each bond.
    """
    for geometry in geometries:
        check_geometry(geometry)
    check_domains(generator, geometries, "elements", allow_extrapolation=allow_extrapolation)

    vocabulary = generator.bundle.vocabulary
    latent, neutral = vocabulary.folded, not vocabulary.charges.any()

    def part_of(number: int, attempt: int) -> PartialMolecule:
        geometry = _neutral(geometries[number])
        if latent:
            return _with_hydrogens(attach_hydrogens(geometry), vocabulary, charged=bool(attempt or _charge(geometry)))
        if attempt or _charge(geometry):
            return PartialMolecule.of(geometry, "pos", same_element=True)
        return PartialMolecule.of(geometry, "pos", "atom")

    def correct(number: int, sample: Sample) -> Sample:
        if isinstance(sample.result, Failure) and neutral and sample.result.reason in UNDERCHARGED:
            limit = "these weights know neutral atoms only, no nitro group or salt"
            return replace(sample, result=replace(sample.result, detail=f"{sample.result.detail}; {limit}"))
        if not sample.valid or sample.molecule is None:
            return sample
        wanted, found = _charge(geometries[number]), int(sample.molecule.charges.sum())
        if found == wanted:
            return sample
        return replace(sample, result=Failure("charge", f"the charges add up to {found:+d}, expected {wanted:+d}"))

    return attempts(
        generator, len(geometries), part_of, most=BONDS.num_attempts, correct=correct, num_steps=num_steps, **options
    )


def _with_hydrogens(geometry: Molecule, vocabulary: Vocabulary, *, charged: bool) -> PartialMolecule:
    """For weights whose hydrogens are latent: which atom each is on is known, too; charges where all classes are."""
    try:
        encode_folded(geometry, vocabulary)
    except VocabularyError:  # such as a neutral NH4
        charged = True
    if charged:
        return PartialMolecule.of(geometry, "pos", same_element=True).with_hydrogen_bonds()
    return PartialMolecule.of(geometry, "pos", "atom").with_hydrogen_bonds()


def check_geometry(geometry: Molecule) -> None:
    """Refuses a total charge that is no number, and coordinates that are none of a whole molecule in Å.

    Args:
        geometry: to look at.

    Raises:
        MoleculeError: on any of these.
    """
    charge = geometry.properties.get("charge", 0)
    if not isinstance(charge, int):
        raise MoleculeError(f"its charge is {charge!r}, expected an integer")
    obstacle = geometry_obstacle(geometry)
    if obstacle is not None:
        raise MoleculeError(obstacle)


def _charge(geometry: Molecule) -> int:
    return int(geometry.properties.get("charge", 0))


def _neutral(geometry: Molecule) -> Molecule:
    return replace(geometry, charges=np.zeros_like(geometry.charges))
