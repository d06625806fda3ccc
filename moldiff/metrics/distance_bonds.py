"""Bonds by a table of distances, as an older protocol of this field counts them (`moldiff.metrics.protocols`).

Charges are ignored, so 5 % of QM9's own molecules are unstable.
Source: Hoogeboom et al. 2022, arXiv:2203.17003, appendix C (lengths, margins and valences).
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import atoms_of
from moldiff.chem.validity import Record

ELEMENTS = (1, 6, 7, 8, 9)
VALENCES = (1, 4, 3, 2, 1)
# Longest distance of a bond, pm: the typical length plus a margin of 10, 5 and 3 for orders 1, 2 and 3.
_SINGLE = (
    (74, 109, 101, 96, 92),
    (109, 154, 147, 143, 135),
    (101, 147, 145, 140, 136),
    (96, 143, 140, 148, 142),
    (92, 135, 136, 142, 142),
)
_DOUBLE = {(6, 6): 134, (6, 7): 129, (6, 8): 120, (7, 7): 125, (7, 8): 121, (8, 8): 121}
_TRIPLE = {(6, 6): 120, (6, 7): 116, (6, 8): 113, (7, 7): 110}
TABLE = (ELEMENTS, VALENCES, _SINGLE, _DOUBLE, _TRIPLE)


def _longest() -> Float[np.ndarray, "3 10 10"]:
    """Longest distance in Å by order and both atomic numbers; -1 where there is no such bond."""
    table = np.full((3, 10, 10), -1.0)
    table[0][np.ix_(ELEMENTS, ELEMENTS)] = np.array(_SINGLE) + 10
    for order, lengths, margin in ((1, _DOUBLE, 5), (2, _TRIPLE, 3)):
        for (one, other), length in lengths.items():
            table[order, one, other] = table[order, other, one] = length + margin
    return table / 100


_LONGEST = _longest()
_VALENCE = np.full(10, -1)  # no valence of an unknown element is right
_VALENCE[list(ELEMENTS)] = VALENCES


def distance_bonds(elements: Int[np.ndarray, "n"], pos: Float[np.ndarray, "n 3"]) -> Int[np.ndarray, "n n"]:
    """Bond orders from distances alone; elements beyond H, C, N, O and F have no bonds.

    Args:
        elements: atomic numbers.
        pos: coordinates, Å.

    Returns:
        Symmetric orders, 0 to 3: the highest whose longest distance is not reached, if a single bond is possible.
    """
    known = np.where(np.isin(elements, ELEMENTS), elements, 0)
    distance = np.linalg.norm(pos[:, None] - pos[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    single, double, triple = (distance < _LONGEST[:, known[:, None], known[None]]) & (known > 0)
    return np.where(single, 1 + np.where(double, 1 + triple, 0), 0)


def with_distance_bonds(record: Record) -> Molecule | Failure:
    """The atoms of a record, neutral, with bonds by distance; its own bonds are not read."""
    if isinstance(record, Failure):
        return record
    if isinstance(record, Molecule):
        elements, pos = record.elements, record.pos
    else:
        located = atoms_of(record)
        if isinstance(located, Failure):
            return located
        elements, pos = located
    return Molecule(elements, np.zeros_like(elements), pos, distance_bonds(elements, pos))


def has_right_valence(molecule: Molecule) -> Bool[np.ndarray, "n"]:
    """Whether each atom has the valence that the protocol expects of its element."""
    expected = _VALENCE[np.clip(molecule.elements, 0, 9) * (molecule.elements < 10)]
    return molecule.bond.sum(1) == expected
