"""Fragments of known molecules, as the tasks are evaluated on."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import combinations, islice

import numpy as np
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from moldiff.chem.fragments import part_of
from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import check
from moldiff.tasks.fragments import Fragment


def fragments_of(
    molecules: Iterable[Molecule], atoms: Callable[[Molecule], set[int]], count: int
) -> list[tuple[Fragment, int]]:
    """The first so many that there are."""
    found = (fragment_of(molecule, atoms(molecule)) for molecule in molecules)
    return list(islice((fragment for fragment in found if fragment is not None), count))


def fragment_of(molecule: Molecule, atoms: set[int]) -> tuple[Fragment, int] | None:
    """These atoms with their hydrogens, open where bonds were cut, and how many atoms are gone."""
    kept = np.isin(np.arange(len(molecule)), list(atoms))
    kept |= (molecule.elements == 1) & (molecule.bond[:, kept] > 0).any(1)
    if kept.all() or not kept.any():
        return None
    cut = ((molecule.bond > 0) & kept[:, None] & ~kept[None]).any(1)
    rest = replace(part_of(molecule, kept), properties={})
    return Fragment(rest, cut[kept]), int((~kept).sum())


def scaffold_atoms(molecule: Molecule) -> set[int]:
    """Heavy atoms of the Murcko scaffold."""
    mol = check(molecule)
    assert isinstance(mol, Chem.Mol)
    core = MurckoScaffold.GetScaffoldForMol(Chem.RemoveHs(mol))
    return set(mol.GetSubstructMatch(core)) if core.GetNumAtoms() else set()


def outer_atoms(molecule: Molecule) -> set[int]:
    """Atoms of the first two pieces, of at least two heavy atoms each, that a third one links by single bonds."""
    mol = check(molecule)
    assert isinstance(mol, Chem.Mol)
    bonds = [
        bond
        for bond in mol.GetBonds()
        if not bond.IsInRing()
        and bond.GetBondTypeAsDouble() == 1
        and min(bond.GetBeginAtom().GetAtomicNum(), bond.GetEndAtom().GetAtomicNum()) > 1
    ]
    for one, other in combinations(bonds, 2):
        ends = [b for bond in (one, other) for b in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())]
        parts = Chem.GetMolFrags(Chem.FragmentOnBonds(mol, [one.GetIdx(), other.GetIdx()], addDummies=False))
        outer = [part for part in parts if sum(end in part for end in ends) == 1]
        if len(outer) == 2 and all((molecule.elements[list(part)] > 1).sum() >= 2 for part in outer):
            return set(outer[0]) | set(outer[1])
    return set()
