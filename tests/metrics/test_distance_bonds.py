"""Bonds by distance: known molecules, the limits of the protocol, and the published row of the data."""

from collections.abc import Callable

import numpy as np
import pytest

from moldiff.chem.molecule import Failure, Molecule
from moldiff.metrics.distance_bonds import distance_bonds
from moldiff.metrics.score import score


def stable(*records: Molecule | Failure) -> tuple[float, float]:
    rates = score(records, protocols=["distance-bonds"]).protocols["distance-bonds"]
    return rates["stable_atoms"].value, rates["stable"].value


@pytest.mark.parametrize("smiles", ["C", "N", "O", "CCO", "C=C", "C#N", "C#C", "CC(C)=O", "C1CC1", "CNC", "FC"])
def test_looked_up_bonds_are_the_bonds(embed: Callable[[str], Molecule], smiles: str):
    molecule = embed(smiles)
    assert np.array_equal(distance_bonds(molecule.elements, molecule.pos), molecule.bond)
    assert stable(molecule) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("elements", "distance", "order"),
    [
        ((6, 6), 1.639, 1),
        ((6, 6), 1.641, 0),
        ((6, 6), 1.389, 2),
        ((6, 6), 1.391, 1),
        ((6, 6), 1.229, 3),
        ((6, 6), 1.231, 2),
        ((6, 8), 1.159, 3),
        ((8, 8), 1.259, 2),
        ((1, 1), 0.839, 1),
        ((1, 1), 0.841, 0),
        ((9, 9), 1.519, 1),
        ((7, 8), 1.259, 2),
        ((6, 17), 1.5, 0),
    ],
)
def test_order_changes_at_the_published_distances(elements: tuple[int, int], distance: float, order: int):
    bonds = distance_bonds(np.array(elements), np.array([[0, 0, 0], [0, 0, distance]], dtype=float))
    assert bonds.tolist() == [[0, order], [order, 0]]


def test_charged_molecule_is_unstable_by_this_protocol(embed: Callable[[str], Molecule]):
    """Charges are not seen: the known limit that costs the data 5 %."""
    assert stable(embed("C[NH3+]"))[1] == 0


def test_stretched_molecule_and_unknown_element_are_unstable(embed: Callable[[str], Molecule]):
    methane = embed("C")
    stretched = Molecule(methane.elements, methane.charges, methane.pos * 1.3, methane.bond)
    assert stable(stretched) == (0.0, 0.0)
    lone = Molecule(np.array([18]), np.array([0]), np.zeros((1, 3)), np.zeros((1, 1), dtype=int))
    assert stable(lone) == (0.0, 0.0)


def test_denominator_is_what_was_asked_for(embed: Callable[[str], Molecule]):
    records = [embed("C"), Failure("coordinates", "NaN")]
    rates = score(records, num_requested=4, protocols=["distance-bonds"]).protocols["distance-bonds"]
    assert (rates["stable"].numerator, rates["stable"].denominator) == (1, 4)
    assert rates["stable_atoms"].denominator == 5
