"""The molecular graph of a conformer task, and whether coordinates have its stereo."""

from dataclasses import dataclass, replace

import numpy as np
from rdkit import Chem, rdBase

from moldiff.chem.bond_assignment import COVALENT_RADIUS
from moldiff.chem.each import each_atom, each_bond
from moldiff.chem.kekule import kekule_orders
from moldiff.chem.molecule import Failure, Molecule, one_line
from moldiff.chem.rdkit_conversion import assign_stereo_from_3d, convert, title, unusable_record, without_labels
from moldiff.chem.validity import check, sanitise

REACH = 1.15  # sums of covalent radii; parts bonded from other pairs in all of 5,000 molecules of QM9's train split


@dataclass(frozen=True, eq=False)
class Graph:
    """Atoms and bonds without coordinates, and the requested stereo.

    Attributes:
        molecule: coordinates all 0.
        centres: numbers of the atoms whose configuration is requested.
        sides: pairs of atoms with a double bond whose configuration is requested.
        stereo: canonical SMILES with just these.
    """

    molecule: Molecule
    centres: frozenset[int]
    sides: frozenset[tuple[int, int]]
    stereo: str

    def has_stereo_of(self, mol: Chem.Mol) -> bool:
        """Whether the coordinates of the same graph, atom for atom, have the requested stereo."""
        if not self.centres and not self.sides:
            return True
        in_3d = Chem.Mol(mol)
        with rdBase.BlockLogs():
            assign_stereo_from_3d(in_3d)
        return stereo_key(in_3d, self.centres, self.sides) == self.stereo


def graph_of(mol: Chem.Mol) -> Graph | Failure:
    """What a conformer of a molecule must have; implicit hydrogens become atoms, behind the others.

    Stereo is read from the coordinates where there are some in 3D, from the wedges and the sides of double bonds of a
    drawing, else as the molecule says; what it leaves open stays open. Isotopes and atom maps are dropped. What is not
    valid without coordinates is a `Failure`, as in `moldiff.chem.validity.check`.
    """
    full = without_labels(mol)
    obstacle = unusable_record(full, in_space=False)
    orders = kekule_orders(full) if obstacle is None else obstacle
    obstacle = orders if isinstance(orders, Failure) else sanitise(full)
    if obstacle is not None:
        return obstacle
    full = with_shown_stereo(full)
    if isinstance(full, Failure):
        return full
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
    centres, sides = stereo_elements(full)
    return Graph(molecule, centres, sides, stereo_key(full, centres, sides))


def stereo_elements(full: Chem.Mol) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    """Atoms and double bonds, by their ends, that have stereo."""
    centres = frozenset(
        atom.GetIdx() for atom in each_atom(full) if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED
    )
    return centres, frozenset(_ends(bond) for bond in each_bond(full) if bond.GetStereo() > Chem.BondStereo.STEREOANY)


def in_space(mol: Chem.Mol) -> bool:
    """Whether it has coordinates in 3D, which a drawing has not, whatever its header says."""
    return bool(mol.GetNumConformers() and mol.GetConformer().Is3D() and mol.GetConformer().GetPositions()[:, 2].any())


def with_shown_stereo(mol: Chem.Mol) -> Chem.Mol | Failure:
    """A sanitised molecule with all its hydrogens, and the stereo that it shows; not of atoms in one place."""
    try:
        with rdBase.BlockLogs():
            return _with_stereo(mol)
    except RuntimeError as error:  # RDKit, of the direction from an atom to another in the same place
        return Failure("overlap", f"its coordinates show no stereo, as if atoms lay in one place: {one_line(error)}")


def _with_stereo(mol: Chem.Mol) -> Chem.Mol:
    conformer = mol.GetConformer() if mol.GetNumConformers() else None
    if in_space(mol):
        assign_stereo_from_3d(mol)
        return Chem.AddHs(mol)
    if conformer is not None:
        conformer.Set3D(False)  # a drawing, whatever its header says
        Chem.AssignChiralTypesFromBondDirs(mol)
        Chem.DetectBondStereochemistry(mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return Chem.AddHs(mol)


def largest_fragment(mol: Chem.Mol) -> Chem.Mol:
    """The connected part with most heavy atoms, then most atoms, then the first, under the same title."""
    parts = Chem.GetMolFrags(mol, asMols=True, sanitizeFrags=False)
    if len(parts) < 2:
        return mol
    best = max(parts, key=lambda part: (part.GetNumHeavyAtoms(), part.GetNumAtoms()))
    best.SetProp("_Name", title(mol))
    return best


def mirror(molecule: Molecule) -> Molecule:
    """The enantiomer."""
    return replace(molecule, pos=molecule.pos * np.array([-1.0, 1.0, 1.0]))


def keeps_bonds(molecule: Molecule) -> bool:
    """Whether the bonded atoms, and no others, lie within `REACH`: the graph follows from the coordinates."""
    apart = np.linalg.norm(molecule.pos[:, None] - molecule.pos[None], axis=-1)
    radii = COVALENT_RADIUS[molecule.elements]
    near = apart < REACH * (radii[:, None] + radii[None])
    return bool((near == (molecule.bond > 0))[~np.eye(len(molecule), dtype=bool)].all())


def _ends(bond: Chem.Bond) -> tuple[int, int]:
    begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
    return min(begin, end), max(begin, end)


def stereo_key(mol: Chem.Mol, centres: frozenset[int], sides: frozenset[tuple[int, int]]) -> str:
    """Canonical SMILES with the stereo of these atoms and bonds alone."""
    mol = Chem.Mol(mol)
    for atom in each_atom(mol):
        if atom.GetIdx() not in centres:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    for bond in each_bond(mol):
        if _ends(bond) not in sides:
            bond.SetStereo(Chem.BondStereo.STEREONONE)
    with rdBase.BlockLogs():
        smiles = Chem.MolToSmiles(Chem.RemoveHs(mol, sanitize=False))
        read = Chem.MolFromSmiles(smiles)
    return smiles if read is None else Chem.MolToSmiles(read)
