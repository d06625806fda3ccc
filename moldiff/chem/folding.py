"""Which hydrogens can be folded into the atoms that they are bonded to.

Folded is a neutral hydrogen whose only bond is a single one to an atom of another element that does not have too many
of them. Every other hydrogen, such as those of H2 or a bridging one, stays an atom.
"""

import numpy as np
from jaxtyping import Int, Integer

from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import Vocabulary

KEPT = 255  # slot of an atom that is none of another's hydrogens


def fold(
    elements: Integer[np.ndarray, "a"],
    charges: Integer[np.ndarray, "a"],
    ends: Integer[np.ndarray, "2 e"],
    order: Integer[np.ndarray, "e"],
    *,
    most: int,
) -> tuple[Integer[np.ndarray, "a"], Integer[np.ndarray, "a"]]:
    """Which hydrogens are folded into which atom.

    Args:
        elements: atomic numbers of all atoms, of one molecule or of many.
        charges: their formal charges.
        ends: both ends of each bond, once.
        order: of each bond.
        most: hydrogens that are folded into one atom; where there are more, all of them stay atoms.

    Returns:
        Of each atom the one that it is folded into, or itself; and its number among the hydrogens there, or `KEPT`
        where it is folded into none.
    """
    count = len(elements)
    hydrogen = (elements == 1) & (charges == 0) & (np.bincount(ends.reshape(-1), minlength=count) == 1)
    parent = np.arange(count)
    for here, there in (ends, ends[::-1]):
        of = hydrogen[here] & (order == 1) & (elements[there] != 1)
        parent[here[of]] = there[of]
    parent = np.where(np.bincount(parent, minlength=count)[parent] > most + 1, np.arange(count), parent)
    folded = np.flatnonzero(parent != np.arange(count))
    slot = np.full(count, KEPT, dtype=np.uint8)
    if len(folded):
        by_parent = folded[np.argsort(parent[folded], kind="stable")]
        _, starts, counts = np.unique(parent[by_parent], return_index=True, return_counts=True)
        slot[by_parent] = np.arange(len(by_parent)) - np.repeat(starts, counts)
    return parent, slot


def fold_molecule(
    molecule: Molecule, vocabulary: Vocabulary
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """As `fold`, of one molecule, as far as classes have so many; and how many are folded into each atom."""
    most = int(vocabulary.hydrogens.max())
    ends = np.stack(np.nonzero(np.triu(molecule.bond)))
    parent, slot = fold(molecule.elements, molecule.charges, ends, molecule.bond[tuple(ends)], most=most)
    slot = slot.astype(np.int64)
    return parent, slot, np.bincount(parent[slot != KEPT], minlength=len(molecule))
