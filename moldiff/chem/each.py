"""Atoms and bonds of a molecule, one after the other; RDKit's own iterators count all of them again for each."""

from collections.abc import Iterator

from rdkit import Chem


def each_atom(mol: Chem.Mol) -> Iterator[Chem.Atom]:
    """Atoms in order; the molecule must not lose any meanwhile."""
    return map(mol.GetAtomWithIdx, range(mol.GetNumAtoms()))


def each_bond(mol: Chem.Mol) -> Iterator[Chem.Bond]:
    """Bonds in order; the molecule must not lose any meanwhile."""
    return map(mol.GetBondWithIdx, range(mol.GetNumBonds()))
