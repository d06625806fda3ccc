"""Bonds looked up from distances, and the stability of such molecules: the older protocol of this field.

Only for comparison with figures published that way: charges are ignored, so 5 % of QM9's own molecules are unstable.
Source: Hoogeboom et al. 2022, arXiv:2203.17003, appendix C (lengths, margins and valences).
"""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float, Int

from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import Record
from moldiff.scoring.score import Rate

ELEMENTS = (1, 6, 7, 8, 9)
VALENCES = (1, 4, 3, 2, 1)
# Longest distance of a bond, pm: the typical length plus a margin of 10, 5 and 3 for orders 1, 2 and 3.
_SINGLE = ((74, 109, 101, 96, 92), (109, 154, 147, 143, 135), (101, 147, 145, 140, 136), (96, 143, 140, 148, 142),
           (92, 135, 136, 142, 142))  # fmt: skip
_DOUBLE = {(6, 6): 134, (6, 7): 129, (6, 8): 120, (7, 7): 125, (7, 8): 121, (8, 8): 121}
_TRIPLE = {(6, 6): 120, (6, 7): 116, (6, 8): 113, (7, 7): 110}


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


def lookup_bonds(elements: Int[np.ndarray, "n"], pos: Float[np.ndarray, "n 3"]) -> Int[np.ndarray, "n n"]:
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


def lookup_stability(records: Iterable[Record], *, num_requested: int | None = None) -> Mapping[str, Rate]:
    """Stable atoms and molecules where bonds are looked up and every atom is neutral.

    Args:
        records: molecules; anything else counts as an unstable molecule without atoms.
        num_requested: what was asked for, if not all of it came.

    Returns:
        `lookup_stable_atoms`, of all atoms read, and `lookup_stable`, of all molecules.
    """
    atoms = stable_atoms = molecules = stable = 0
    for record in records:
        molecules += 1
        if isinstance(record, Molecule):
            valences = lookup_bonds(record.elements, record.pos).sum(1)
            right = valences == _VALENCE[np.clip(record.elements, 0, 9) * (record.elements < 10)]
            atoms, stable_atoms, stable = (
                atoms + len(right),
                stable_atoms + int(right.sum()),
                stable + bool(right.all()),
            )
    return {
        "lookup_stable_atoms": Rate(stable_atoms, atoms),
        "lookup_stable": Rate(stable, molecules if num_requested is None else num_requested),
    }
