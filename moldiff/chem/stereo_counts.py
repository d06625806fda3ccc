"""How much of a molecule's stereo is assigned, and whether its coordinates show the stereo that its record states."""

from dataclasses import dataclass

from rdkit import Chem, rdBase

from moldiff.chem.molecule import MAX_SMILES
from moldiff.chem.rdkit_conversion import assign_stereo_from_3d
from moldiff.chem.stereo import in_space, stereo_elements, stereo_key
from moldiff.chem.validity import canonical_smiles, has_stereo

TAGS = ("smiles", "input_smiles", "input")  # names of SD tags, in any case, that may hold the SMILES of the input


@dataclass(frozen=True)
class StereoCounts:
    """Stereo of one molecule, from its coordinates where it has some in 3D, otherwise as it is stated.

    Attributes:
        stereocentres: atoms that can have one of two configurations.
        stereocentres_unassigned: of these, without one.
        stereo_bonds: double bonds that can be cis or trans.
        stereo_bonds_unassigned: of these, neither.
        stereo_kept: the coordinates show all stereo that the record states, in a tag of `TAGS` or at its atoms and
            bonds; None if it states none, or has no coordinates.
    """

    stereocentres: int
    stereocentres_unassigned: int
    stereo_bonds: int
    stereo_bonds_unassigned: int
    stereo_kept: bool | None


def count_stereo(mol: Chem.Mol) -> StereoCounts | None:
    """Of a sanitised molecule with its hydrogens as atoms; None of coordinates that show no direction."""
    shown = Chem.Mol(mol)
    kept = None
    with rdBase.BlockLogs():
        try:
            if in_space(mol):
                assign_stereo_from_3d(shown)
                kept = _keeps_stated_stereo(mol, shown)
            else:
                Chem.AssignStereochemistry(shown, cleanIt=True, force=True)
            found = [
                (one.type, one.specified == Chem.StereoSpecified.Specified) for one in Chem.FindPotentialStereo(shown)
            ]
        except RuntimeError:  # atoms at one point
            return None
    atoms = [assigned for kind, assigned in found if kind == Chem.StereoType.Atom_Tetrahedral]
    bonds = [assigned for kind, assigned in found if kind == Chem.StereoType.Bond_Double]
    return StereoCounts(len(atoms), atoms.count(False), len(bonds), bonds.count(False), kept)


def _keeps_stated_stereo(mol: Chem.Mol, shown: Chem.Mol) -> bool | None:
    """Whether a copy with the stereo of the coordinates has all that the molecule states; None if it states none."""
    stated = _input_of(mol)
    if stated is not None:
        seen = Chem.MolFromSmiles(canonical_smiles(mol, stereo=True))
        return seen is not None and seen.HasSubstructMatch(stated, useChirality=True)
    if mol.HasProp("_MolFileInfo"):  # of a file, whose marks RDKit takes from the coordinates
        return None
    centres, sides = stereo_elements(mol)
    if not centres and not sides:
        return None
    return stereo_key(mol, centres, sides) == stereo_key(shown, centres, sides)


def _input_of(mol: Chem.Mol) -> Chem.Mol | None:
    """The molecule of a tag, if it is the same one and has stereo."""
    for name in mol.GetPropNames():
        if name.lower() in TAGS and has_stereo(mol.GetProp(name)) and len(mol.GetProp(name)) <= MAX_SMILES:
            stated = Chem.MolFromSmiles(mol.GetProp(name))
            if stated is None or not has_stereo(Chem.MolToSmiles(stated)):
                continue
            if canonical_smiles(stated) == canonical_smiles(mol):
                return stated
    return None
