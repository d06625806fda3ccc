"""Aromatic bonds as a class of their own, and back to Kekulé orders.

Which bonds of a benzene are double is one choice for all six of them. With a class of their own there is nothing to
choose; the numbers of hydrogens and the charges of the atoms then say which Kekulé forms there are.
"""

import numpy as np
from jaxtyping import Bool, Int, Integer
from rdkit import Chem, rdBase
from scipy.sparse.csgraph import connected_components

from moldiff.chem.each import each_bond
from moldiff.chem.kekule import add_bond, kekule_orders
from moldiff.chem.molecule import AROMATIC, Failure

_PERCEPTION = Chem.SANITIZE_SYMMRINGS | Chem.SANITIZE_SETCONJUGATION | Chem.SANITIZE_SETAROMATICITY


def find_aromatic(
    elements: Integer[np.ndarray, "n"],
    charges: Integer[np.ndarray, "n"],
    ends: Integer[np.ndarray, "2 e"],
    order: Integer[np.ndarray, "e"],
    hydrogens: Integer[np.ndarray, "n"] | None = None,
) -> Bool[np.ndarray, "e"]:
    """Which bonds are aromatic by RDKit's model.

    Args:
        elements: atomic numbers.
        charges: formal charges.
        ends: both ends of each bond, once.
        order: Kekulé order of each bond.
        hydrogens: of each atom, beside those that are atoms themselves; None for as many as its valence leaves room
            for, as where a part of a molecule stands for it.

    Returns:
        Truth values; all false where RDKit refuses the molecule.
    """
    mol = _build(elements, charges, ends, order, hydrogens)
    try:
        with rdBase.BlockLogs():
            mol.UpdatePropertyCache(strict=False)
            Chem.SanitizeMol(mol, _PERCEPTION)
    except Chem.MolSanitizeException:
        return np.zeros(len(order), dtype=bool)
    return np.array([bond.GetIsAromatic() for bond in each_bond(mol)], dtype=bool)


def mark_aromatic(
    elements: Integer[np.ndarray, "n"],
    charges: Integer[np.ndarray, "n"],
    bond: Int[np.ndarray, "n n"],
    hydrogens: Integer[np.ndarray, "n"] | None = None,
) -> Int[np.ndarray, "n n"]:
    """A matrix of Kekulé orders with `AROMATIC` where `find_aromatic` says so; arguments as there."""
    begin, end = np.nonzero(np.triu(bond))
    aromatic = find_aromatic(elements, charges, np.stack([begin, end]), bond[begin, end], hydrogens)
    found = bond.copy()
    found[begin[aromatic], end[aromatic]] = found[end[aromatic], begin[aromatic]] = AROMATIC
    return found


def kekulize(
    elements: Integer[np.ndarray, "n"],
    charges: Integer[np.ndarray, "n"],
    bond: Int[np.ndarray, "n n"],
    hydrogens: Integer[np.ndarray, "n"],
) -> Int[np.ndarray, "n n"]:
    """Kekulé orders of bonds of which some are `AROMATIC`.

    Args:
        elements: atomic numbers.
        charges: formal charges.
        bond: orders.
        hydrogens: of each atom, beside those that are atoms themselves.

    Returns:
        The orders; a system of aromatic bonds that has no Kekulé form stays `AROMATIC`, the others get theirs.
    """
    aromatic = bond == AROMATIC
    if not aromatic.any():
        return bond
    found = _kekulize(elements, charges, bond, hydrogens)
    if not isinstance(found, Failure):
        return found
    _, system = connected_components(aromatic, directed=False)
    numbers = np.unique(system[aromatic.any(1)])
    orders = bond
    for number in numbers if len(numbers) > 1 else ():  # one alone has just failed
        here = aromatic & (system == number)[:, None]
        found = _kekulize(elements, charges, np.where(aromatic & ~here, 1, bond), hydrogens)
        orders = orders if isinstance(found, Failure) else np.where(here, found, orders)
    return orders


def _kekulize(
    elements: Integer[np.ndarray, "n"],
    charges: Integer[np.ndarray, "n"],
    bond: Int[np.ndarray, "n n"],
    hydrogens: Integer[np.ndarray, "n"],
) -> Int[np.ndarray, "n n"] | Failure:
    begin, end = np.nonzero(np.triu(bond))
    return kekule_orders(_build(elements, charges, np.stack([begin, end]), bond[begin, end], hydrogens))


def _build(
    elements: Integer[np.ndarray, "n"],
    charges: Integer[np.ndarray, "n"],
    ends: Integer[np.ndarray, "2 e"],
    order: Integer[np.ndarray, "e"],
    hydrogens: Integer[np.ndarray, "n"] | None,
) -> Chem.RWMol:
    """The molecule without coordinates, its bonds in the order given."""
    mol = Chem.RWMol()
    counts = [None] * len(elements) if hydrogens is None else hydrogens.tolist()
    for element, charge, count in zip(elements.tolist(), charges.tolist(), counts, strict=True):
        atom = Chem.Atom(element)
        atom.SetFormalCharge(charge)
        if count is not None:
            atom.SetNoImplicit(True)
            atom.SetNumExplicitHs(count)
        mol.AddAtom(atom)
    for i, j, kind in zip(*ends.tolist(), order.tolist(), strict=True):
        add_bond(mol, i, j, kind)
    return mol
