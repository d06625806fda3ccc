"""Aromatic bonds as a class of their own, and back to Kekulé orders.

Which bonds of a benzene are double is a choice that all six make together. As a class of their own they need not
choose; the numbers of hydrogens and the charges of the atoms then say which Kekulé forms there are.
"""

import numpy as np
from jaxtyping import Bool, Int, Integer
from rdkit import Chem, rdBase

from moldiff.chem.each import each_bond
from moldiff.chem.molecule import Failure
from moldiff.chem.rdkit_conversion import BOND_TYPES, kekule_orders

AROMATIC = 4  # in place of an order
_TYPES = {**BOND_TYPES, AROMATIC: Chem.BondType.AROMATIC}
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
        Truth values; all false where the valences are odd.
    """
    mol = _build(elements, charges, ends, order, hydrogens)
    try:
        with rdBase.BlockLogs():
            mol.UpdatePropertyCache(strict=False)
            Chem.SanitizeMol(mol, _PERCEPTION)
    except Chem.MolSanitizeException:
        return np.zeros(len(order), dtype=bool)
    return np.array([bond.GetIsAromatic() for bond in each_bond(mol)], dtype=bool)


def with_aromatic(
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
) -> Int[np.ndarray, "n n"] | Failure:
    """Kekulé orders of bonds of which some are `AROMATIC`, or that there are none.

    Args:
        elements: atomic numbers.
        charges: formal charges.
        bond: orders.
        hydrogens: of each atom, beside those that are atoms themselves.

    Returns:
        The orders.
    """
    if not (bond == AROMATIC).any():
        return bond
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
        mol.AddBond(i, j, _TYPES[kind])
        if kind == AROMATIC:
            mol.GetBondBetweenAtoms(i, j).SetIsAromatic(True)
            for place in (i, j):
                mol.GetAtomWithIdx(place).SetIsAromatic(True)
    return mol
