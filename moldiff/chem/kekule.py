"""Bond orders of RDKit molecules: Kekulé orders from aromatic bonds, and what is wrong with aromatic bonds."""

import numpy as np
from rdkit import Chem, rdBase

from moldiff.chem.each import each_bond
from moldiff.chem.molecule import AROMATIC, Failure, one_line

BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
_READABLE_BONDS = {*BOND_TYPES.values(), Chem.BondType.AROMATIC}
_SECOND_PERIOD = range(3, 11)  # no more than four orbitals: with four neighbours none is left for a ring


def add_bond(mol: Chem.RWMol, one: int, other: int, order: int) -> None:
    """Adds a bond of an order, or an aromatic one between atoms that are marked as aromatic."""
    if order != AROMATIC:
        mol.AddBond(one, other, BOND_TYPES[order])
        return
    mol.AddBond(one, other, Chem.BondType.AROMATIC)
    for part in (mol.GetBondBetweenAtoms(one, other), mol.GetAtomWithIdx(one), mol.GetAtomWithIdx(other)):
        part.SetIsAromatic(True)


def kekule_orders(mol: Chem.Mol) -> np.ndarray | Failure:
    """Matrix of Kekulé bond orders, symmetric, int64; `mol` itself is not changed."""
    strange = {bond.GetBondType() for bond in each_bond(mol)} - _READABLE_BONDS
    if strange:
        names = ", ".join(sorted(str(kind) for kind in strange))
        return Failure("bond_type", f"has bonds of type {names}; expected single, double, triple or aromatic ones")
    orders = Chem.GetAdjacencyMatrix(mol, useBO=True, force=True)
    if (orders % 1).any():
        fault = aromatic_fault(mol)
        if fault is not None:
            return fault
        try:
            with rdBase.BlockLogs():
                mol = Chem.Mol(mol)
                mol.UpdatePropertyCache(strict=False)
                Chem.Kekulize(mol, clearAromaticFlags=True)
        except Chem.MolSanitizeException as error:
            return Failure("kekulize", f"its aromatic bonds have no Kekulé form: {one_line(error)}")
        orders = Chem.GetAdjacencyMatrix(mol, useBO=True, force=True)
        if (orders % 1).any():  # left by RDKit, where a bond's type and its flag disagree
            return Failure("kekulize", "an aromatic bond is not marked as aromatic")
    return orders.astype(np.int64)


def aromatic_fault(mol: Chem.Mol) -> Failure | None:
    """Aromatic bonds that RDKit takes for single ones: outside rings, or of an atom with four neighbours (CH2)."""
    return stray_aromatic_bond(mol) or next(
        (
            Failure("kekulize", f"{atom.GetSymbol()} (atom {atom.GetIdx() + 1}) has four neighbours and aromatic bonds")
            for bond in each_bond(mol)
            if bond.GetBondType() == Chem.BondType.AROMATIC
            for atom in (bond.GetBeginAtom(), bond.GetEndAtom())
            if atom.GetDegree() + atom.GetNumExplicitHs() > 3 and atom.GetAtomicNum() in _SECOND_PERIOD
        ),
        None,
    )


def stray_aromatic_bond(mol: Chem.Mol) -> Failure | None:
    """The first aromatic bond outside all rings of aromatic bonds, as in H:O:H, which RDKit takes for a single bond.

    Between two atoms of such rings that are aromatic themselves it is how SMILES write a single bond, and passes.
    """
    aromatic = [bond for bond in each_bond(mol) if bond.GetBondType() == Chem.BondType.AROMATIC]
    if not aromatic:
        return None
    alone = Chem.RWMol()
    for _ in range(mol.GetNumAtoms()):
        alone.AddAtom(Chem.Atom(6))
    for bond in aromatic:
        alone.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
    Chem.FastFindRings(alone)
    rings = alone.GetRingInfo()
    for number, bond in enumerate(aromatic):
        ends = bond.GetBeginAtom(), bond.GetEndAtom()
        if rings.NumBondRings(number) or all(a.GetIsAromatic() and rings.NumAtomRings(a.GetIdx()) for a in ends):
            continue
        pair = " and ".join(f"{atom.GetSymbol()} (atom {atom.GetIdx() + 1})" for atom in ends)
        return Failure("kekulize", f"the bond of {pair} is aromatic, but in no ring of aromatic bonds")
    return None
