"""Which total bond orders a closed-shell atom may have: strict, Kekulé, with every hydrogen drawn.

No value stands here because some data set contains it, and none because an aromatic order was rounded down:
neutral carbon has four bonds and neutral nitrogen three, or the atom is not stable.
"""

import itertools
from functools import cache

import numpy as np
from jaxtyping import Bool, Int

from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import Vocabulary, parse_label

# Source of the neutral rows: standard bonding numbers of the IUPAC lambda convention (Pure Appl. Chem. 56, 769, 1984),
# with the higher ones in common use for P, S, As, Se, Sb, Te and I (OpenSMILES specification, section 3.1.5).
# Source of the charged rows: the isoelectronic rule; an atom of charge q bonds like the neutral element q places to
# its left (N+1 like C, O-1 like F). Hypervalent ions are listed where they are common (PF6-, I(III) salts, ClO4- as
# Cl+3). Metals are listed as ions and in their main covalent state.
ALLOWED: dict[str, tuple[int, ...]] = {
    "H": (1,),
    "H+1": (0,),
    "H-1": (0,),
    "Li": (1,),
    "Li+1": (0,),
    "Na": (1,),
    "Na+1": (0,),
    "K": (1,),
    "K+1": (0,),
    "Rb+1": (0,),
    "Cs+1": (0,),
    "Be": (2,),
    "Mg": (2,),
    "Mg+1": (1,),
    "Mg+2": (0,),
    "Ca": (2,),
    "Ca+2": (0,),
    "Sr+2": (0,),
    "Ba+2": (0,),
    "Zn": (2,),
    "Zn+2": (0,),
    "Hg": (2,),
    "Hg+1": (1,),
    "Hg+2": (0,),
    "B": (3,),
    "B+1": (2,),
    "B-1": (4,),
    "Al": (3,),
    "Al+3": (0,),
    "Al-1": (4,),
    "Ga": (3,),
    "Ga-1": (4,),
    "In": (3,),
    "Tl": (1, 3),
    "C": (4,),
    "C+1": (3,),
    "C-1": (3,),
    "C-2": (2,),
    "Si": (4,),
    "Si+1": (3,),
    "Si-1": (3, 5),
    "Si-2": (6,),
    "Ge": (4,),
    "Ge+1": (3,),
    "Ge-1": (3, 5),
    "Sn": (4,),
    "Sn-1": (3, 5),
    "Pb": (4,),
    "N": (3,),
    "N+1": (4,),
    "N-1": (2,),
    "N-2": (1,),
    "P": (3, 5),
    "P+1": (4,),
    "P-1": (2, 4, 6),
    "P-2": (1,),
    "As": (3, 5),
    "As+1": (4,),
    "As-1": (2, 4, 6),
    "Sb": (3, 5),
    "Sb+1": (4,),
    "Sb-1": (2, 4, 6),
    "Bi": (3, 5),
    "Bi+1": (4,),
    "O": (2,),
    "O+1": (3,),
    "O-1": (1,),
    "O-2": (0,),
    "S": (2, 4, 6),
    "S+1": (3, 5),
    "S-1": (1, 3, 5),
    "S-2": (0,),
    "Se": (2, 4, 6),
    "Se+1": (3, 5),
    "Se-1": (1, 3, 5),
    "Se-2": (0,),
    "Te": (2, 4, 6),
    "Te+1": (3, 5),
    "Te-1": (1, 3, 5),
    "F": (1,),
    "F+1": (2,),
    "F-1": (0,),
    "Cl": (1,),
    "Cl+1": (2,),
    "Cl+2": (3,),
    "Cl+3": (4,),
    "Cl-1": (0,),
    "Br": (1,),
    "Br+1": (2,),
    "Br+2": (3,),
    "Br+3": (4,),
    "Br-1": (0,),
    "I": (1, 3, 5),
    "I+1": (2, 4),
    "I+2": (3,),
    "I+3": (4,),
    "I-1": (0, 2, 4),
}
MAX_CHARGE, _MAX_VALENCE = 8, 12  # electrons of a shell; bonds
MOST_ORDERS = 8  # sums of bond orders in a table are below


@cache
def _lookup() -> Bool[np.ndarray, "elements charges valences"]:
    """Truth of (element, charge + `MAX_CHARGE`, total bond order)."""
    table = np.zeros((119, 2 * MAX_CHARGE + 1, _MAX_VALENCE + 1), dtype=bool)
    for label, valences in ALLOWED.items():
        element, charge, _ = parse_label(label)
        table[element, charge + MAX_CHARGE, list(valences)] = True
    return table


def allowed_valences(element: int, charge: int) -> tuple[int, ...]:
    """Total bond orders that the atom may have; empty when the table does not know the ion, so it is never stable."""
    if abs(charge) > MAX_CHARGE or not 0 < element < 119:
        return ()
    return tuple(int(v) for v in np.flatnonzero(_lookup()[element, charge + MAX_CHARGE]))


def bonding_table(vocabulary: Vocabulary, *, aromatic: bool) -> Bool[np.ndarray, "k aromatic orders double"]:
    """Which bonds an atom of each class may have beside the hydrogens that are folded into it.

    An atom of one aromatic ring has a hydrogen or a single bond beside it, a double bond, or nothing; an atom of two
    rings has nothing. One of its aromatic bonds is double in a Kekulé form, or none is. Two single bonds look like one
    double bond here. An ion that `ALLOWED` does not know may have any bonds.

    Args:
        vocabulary: of the classes.
        aromatic: there are aromatic bonds.

    Returns:
        Truth of (class, number of aromatic bonds, sum of the orders of the others, whether an aromatic one is double).
    """
    table = np.zeros((len(vocabulary), 4 if aromatic else 1, MOST_ORDERS, 2), dtype=bool)
    for row, element, charge, hydrogens in zip(
        table, vocabulary.elements.tolist(), vocabulary.charges.tolist(), vocabulary.hydrogens.tolist(), strict=True
    ):
        valences = allowed_valences(element, charge)
        row[:] = not valences
        for valence in valences:
            for rings, double in itertools.product(range(len(row)), range(2)):
                orders = valence - hydrogens - rings - double
                outside = rings < 2 and not rings + double  # in no ring
                in_ring = rings == 2 and (orders + hydrogens <= 1 or (orders == 2 and not hydrogens))
                fused = rings == 3 and orders + hydrogens == 0
                if 0 <= orders < MOST_ORDERS and (outside or in_ring or fused):
                    row[rings, orders, double] = True
    return table


def stable(
    elements: Int[np.ndarray, "n"], charges: Int[np.ndarray, "n"], valences: Int[np.ndarray, "n"]
) -> Bool[np.ndarray, "n"]:
    """Whether each atom's total bond order is one that `allowed_valences` lists.

    Args:
        elements: atomic numbers.
        charges: formal charges.
        valences: sum of the Kekulé orders of all bonds of the atom, hydrogens included.

    Returns:
        One truth value an atom.
    """
    known = (np.abs(charges) <= MAX_CHARGE) & (valences >= 0) & (valences <= _MAX_VALENCE)
    rows = np.clip(charges, -MAX_CHARGE, MAX_CHARGE) + MAX_CHARGE
    return known & _lookup()[elements, rows, np.clip(valences, 0, _MAX_VALENCE)]


def stable_atoms(molecule: Molecule) -> Bool[np.ndarray, "n"]:
    """Whether each atom has an allowed total bond order; the molecule is stable when all are."""
    return stable(molecule.elements, molecule.charges, molecule.bond.sum(1))
