"""Bonds and charges for given elements and coordinates."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from moldiff.chem.bare_geometry import geometry_obstacle
from moldiff.chem.molecule import Failure, Molecule
from moldiff.errors import MoleculeError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import attempts
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains

UNDERCHARGED = ("valence", "radical")  # reasons of a failure that charges might have avoided
ATTEMPTS = 4  # the first with neutral atoms, which most are
STEPS = 10


def perceive_bonds(
    generator: MoleculeGenerator,
    geometries: Sequence[Molecule],
    *,
    num_steps: int | None = STEPS,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Draws bonds and charges; elements and coordinates stay.

    The first attempt takes all atoms as neutral; where that is not strictly valid the charges are drawn, too. The
    total charge is that of the property `charge`, or 0, as in RDKit's perception; another one is a failure `charge`.

    Args:
        generator: of weights.
        geometries: elements and coordinates; bonds and charges are not read.
        num_steps: network evaluations of an attempt.
        allow_extrapolation: draw for molecules unlike those of the training data, too, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        A sample for each in order; `confidence` tells how sure each bond is.
    """
    for geometry in geometries:
        check_geometry(geometry)
    check_domains(generator, geometries, "elements", allow_extrapolation=allow_extrapolation)

    def ask(number: int, attempt: int) -> PartialMolecule:
        geometry = _neutral(geometries[number])
        if attempt or _charge(geometry):
            return PartialMolecule.of(geometry, "pos", same_element=True)
        return PartialMolecule.of(geometry, "pos", "atom")

    neutral = not generator.bundle.vocabulary.charges.any()

    def judged(number: int, sample: Sample) -> Sample:
        if isinstance(sample.result, Failure) and neutral and sample.result.reason in UNDERCHARGED:
            limit = "these weights know neutral atoms only, no nitro group or salt"
            return replace(sample, result=replace(sample.result, detail=f"{sample.result.detail}; {limit}"))
        if not sample.valid or sample.molecule is None:
            return sample
        wanted, found = _charge(geometries[number]), int(sample.molecule.charges.sum())
        if found == wanted:
            return sample
        return replace(sample, result=Failure("charge", f"the charges add up to {found:+d}, expected {wanted:+d}"))

    return attempts(generator, len(geometries), ask, most=ATTEMPTS, judged=judged, num_steps=num_steps, **options)


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
