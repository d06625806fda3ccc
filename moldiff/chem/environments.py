"""Surroundings of atoms and functional groups of a molecule, to be looked up among those of other molecules."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from moldiff.chem.each import each_atom, each_bond

RADII = (1, 2)  # bonds
MOST_KEPT = 2**16  # groups whose SMILES a process remembers
_AROMATIC, _SINGLE = Chem.BondType.AROMATIC, Chem.BondType.SINGLE
_N_O_S = (7, 8, 16)
_Bonds = Sequence[Sequence[tuple[int, Chem.BondType]]]  # of each atom: to which other, and of which kind


def environments(mol: Chem.Mol) -> dict[int, frozenset[int]]:
    """Surroundings of all atoms, as 32-bit numbers that depend neither on the order of atoms nor on the process.

    Those of ECFP: element, bonds, hydrogens, charge and ring membership of an atom, then those of its neighbours, with
    the types of the bonds; without stereo.

    Args:
        mol: sanitised, hydrogens implicit.

    Returns:
        The different ones, by radius in bonds (`RADII`).

    Source: Rogers and Hahn 2010, J. Chem. Inf. Model. 50, 742; RDKit's Morgan fingerprints.
    """
    found = rdFingerprintGenerator.AdditionalOutput()
    found.AllocateBitInfoMap()
    _generator().GetSparseCountFingerprint(mol, additionalOutput=found)
    by_radius: dict[int, set[int]] = {radius: set() for radius in RADII}
    for number, places in found.GetBitInfoMap().items():
        for _, radius in places:
            if radius in by_radius:
                by_radius[radius].add(number)
    return {radius: frozenset(numbers) for radius, numbers in by_radius.items()}


@cache
def _generator() -> "rdFingerprintGenerator.FingerprintGenerator64":
    return rdFingerprintGenerator.GetMorganGenerator(radius=max(RADII), includeRedundantEnvironments=True)


def functional_groups(mol: Chem.Mol) -> list[str]:
    """Functional groups by Ertl's rules, `*` for each carbon beside.

    Marked are heteroatoms; carbons with a double or triple bond outside arenes; carbons with single bonds to two or
    more O, N or S that have single bonds only (acetals); all atoms of three-membered rings with N, O or S. Marked atoms
    that are connected are one group. Bonds of arenes connect nothing, so each heteroatom of an arene is in a group of
    its own. Hydrogens of a group stay, so an aldehyde is no ketone.

    Args:
        mol: sanitised, hydrogens implicit.

    Returns:
        Canonical SMILES of each group, sorted; one that occurs twice is there twice.

    Source: Ertl 2017, J. Cheminform. 9, 36.
    """
    atoms = [_key(atom) for atom in each_atom(mol)]
    bonds: list[list[tuple[int, Chem.BondType]]] = [[] for _ in atoms]
    for bond in each_bond(mol):
        begin, end, kind = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondType()
        bonds[begin].append((end, kind))
        bonds[end].append((begin, kind))
    marked = {index for index in range(len(atoms)) if _is_marked(index, atoms, bonds)}
    for ring in mol.GetRingInfo().AtomRings():
        if len(ring) == 3 and any(atoms[index].element in _N_O_S for index in ring):
            marked.update(ring)
    groups, seen = [], set()
    for start in sorted(marked):
        if start in seen:
            continue
        seen.add(start)
        group = [start]
        for index in group:  # grows as it is read
            for other, kind in bonds[index]:
                if other in marked and other not in seen and kind != _AROMATIC:
                    seen.add(other)
                    group.append(other)
        groups.append(_smiles_of_group(atoms, bonds, group))
    return sorted(groups)


class _Key(NamedTuple):
    """What an atom shows of itself in the SMILES of a group."""

    element: int
    charge: int
    aromatic: bool
    hydrogens: int


def _key(atom: Chem.Atom) -> _Key:
    return _Key(atom.GetAtomicNum(), atom.GetFormalCharge(), atom.GetIsAromatic(), atom.GetTotalNumHs())


def _is_marked(index: int, atoms: Sequence[_Key], bonds: _Bonds) -> bool:
    if atoms[index].element != 6:
        return atoms[index].element != 1
    if any(kind not in (_SINGLE, _AROMATIC) for _, kind in bonds[index]):
        return True
    single = [other for other, _ in bonds[index] if atoms[other].element in _N_O_S]
    return (
        len(single) > 1
        and not atoms[index].aromatic
        and sum(all(kind == _SINGLE for _, kind in bonds[other]) for other in single) > 1
    )


def _smiles_of_group(atoms: Sequence[_Key], bonds: _Bonds, group: Sequence[int]) -> str:
    places = {index: place for place, index in enumerate(group)}
    inner = tuple(
        (places[index], places[other], kind)
        for index in group
        for other, kind in bonds[index]
        if other in places and kind != _AROMATIC and index < other
    )
    outer = tuple(
        (places[index], kind)
        for index in group
        for other, kind in bonds[index]
        if other not in places or kind == _AROMATIC
    )
    return _write_smiles(tuple(atoms[index] for index in group), inner, outer)


@lru_cache(maxsize=MOST_KEPT)
def _write_smiles(
    atoms: tuple[_Key, ...],
    inner: tuple[tuple[int, int, Chem.BondType], ...],
    outer: tuple[tuple[int, Chem.BondType], ...],
) -> str:
    """Canonical SMILES of some atoms, the bonds between them, and those to a star each; the same few come often."""
    out = Chem.RWMol()
    for element, charge, aromatic, hydrogens in atoms:
        atom = Chem.Atom(element)
        atom.SetFormalCharge(charge)
        atom.SetIsAromatic(aromatic)
        atom.SetNumExplicitHs(hydrogens)
        atom.SetNoImplicit(True)
        out.AddAtom(atom)
    for begin, end, kind in inner:
        out.AddBond(begin, end, kind)
    for begin, kind in outer:
        out.AddBond(begin, out.AddAtom(Chem.Atom(0)), kind)
    with rdBase.BlockLogs():
        out.UpdatePropertyCache(strict=False)
        return Chem.MolToSmiles(out)
