"""The molecular graph that a conformer is asked for, and whether coordinates have its hand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from rdkit import Chem, rdBase

from moldiff.chem.assignment import COVALENT_RADIUS
from moldiff.chem.border import convert, kekule_orders, title
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import check, sanitise

REACH = 1.15  # sums of covalent radii; parts bonded from other pairs in all of 5,000 molecules of QM9's train split


@dataclass(frozen=True, eq=False)
class Graph:
    """Atoms and bonds without coordinates, and the stereo that is asked.

    Attributes:
        molecule: coordinates all 0.
        centres: numbers of the atoms whose hand is asked.
        sides: pairs of atoms with a double bond whose side is asked.
        stereo: canonical SMILES with just these.
    """

    molecule: Molecule
    centres: frozenset[int]
    sides: frozenset[tuple[int, int]]
    stereo: str

    def has_stereo_of(self, mol: Chem.Mol) -> bool:
        """Whether the coordinates of the same graph, atom for atom, have the stereo that is asked."""
        if not self.centres and not self.sides:
            return True
        told = Chem.Mol(mol)
        with rdBase.BlockLogs():
            Chem.AssignStereochemistryFrom3D(told)
        return _key(told, self.centres, self.sides) == self.stereo


def graph_of(mol: Chem.Mol) -> Graph | Failure:
    """What a conformer of a molecule must have; implicit hydrogens become atoms, behind the others.

    Stereo is read from the coordinates where there are some in 3D, else as the molecule says; what it leaves open stays
    open. What is not valid without coordinates is a `Failure`, as in `moldiff.chem.validity.check`.
    """
    in_space = mol.GetNumConformers() > 0 and mol.GetConformer().Is3D()
    with rdBase.BlockLogs():
        full = Chem.AddHs(mol, addCoords=in_space)
        obstacle = sanitise(full)
        if obstacle is not None:
            return obstacle
        if in_space:
            Chem.AssignStereochemistryFrom3D(full)
        else:
            if full.GetNumConformers():
                Chem.AssignChiralTypesFromBondDirs(full)
            Chem.AssignStereochemistry(full, cleanIt=True, force=True)
    full.RemoveAllConformers()
    orders = kekule_orders(full)
    if isinstance(orders, Failure):
        return orders
    flat = Chem.Mol(full)
    flat.AddConformer(Chem.Conformer(flat.GetNumAtoms()), assignId=True)
    molecule = convert(flat, name=title(mol))
    if isinstance(molecule, Failure):
        return molecule
    checked = check(molecule)
    if isinstance(checked, Failure):
        return checked
    centres = frozenset(
        atom.GetIdx() for atom in full.GetAtoms() if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED
    )
    sides = frozenset(_ends(bond) for bond in full.GetBonds() if bond.GetStereo() > Chem.BondStereo.STEREOANY)
    return Graph(molecule, centres, sides, _key(full, centres, sides))


def graphs_of(records: Iterable[tuple[int, Chem.Mol | Failure]]) -> Iterator[tuple[int, Graph | Failure]]:
    """`graph_of` numbered records of a reader; failures stay in their place."""
    for number, record in records:
        yield number, record if isinstance(record, Failure) else graph_of(record)


def mirrored(molecule: Molecule) -> Molecule:
    """The other hand."""
    return replace(molecule, pos=molecule.pos * np.array([-1.0, 1.0, 1.0]))


def keeps_bonds(molecule: Molecule) -> bool:
    """Whether the bonded atoms, and no others, lie within `REACH`: the coordinates alone tell the graph."""
    apart = np.linalg.norm(molecule.pos[:, None] - molecule.pos[None], axis=-1)
    radii = COVALENT_RADIUS[molecule.elements]
    near = apart < REACH * (radii[:, None] + radii[None])
    return bool((near == (molecule.bond > 0))[~np.eye(len(molecule), dtype=bool)].all())


def _ends(bond: Chem.Bond) -> tuple[int, int]:
    begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
    return min(begin, end), max(begin, end)


def _key(mol: Chem.Mol, centres: frozenset[int], sides: frozenset[tuple[int, int]]) -> str:
    """Canonical SMILES with the stereo of these atoms and bonds alone."""
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        if atom.GetIdx() not in centres:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    for bond in mol.GetBonds():
        if _ends(bond) not in sides:
            bond.SetStereo(Chem.BondStereo.STEREONONE)
    with rdBase.BlockLogs():
        smiles = Chem.MolToSmiles(Chem.RemoveHs(mol, sanitize=False))
        read = Chem.MolFromSmiles(smiles)
    return smiles if read is None else Chem.MolToSmiles(read)
