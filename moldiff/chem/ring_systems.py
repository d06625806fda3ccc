"""Ring systems of a molecule, as SMILES that can be looked up among those of other molecules."""

from rdkit import Chem

from moldiff.chem.each import each_bond
from moldiff.chem.rdkit_conversion import without_labels


def ring_systems(mol: Chem.Mol) -> list[str]:
    """Ring systems: rings that share an atom (fused, bridged, spiro), with what double bonds join to them.

    All single bonds outside rings are cut, and hydrogens take the place of what they led to. Aromaticity and charges
    stay; stereo, isotopes and atom maps do not. So toluene and phenol have the same system, cyclohexanone and
    cyclohexanol have not, and indigo is one system where biphenyl has two.

    Args:
        mol: sanitised.

    Returns:
        Canonical SMILES, one for each system, sorted.
    """
    return sorted(smiles for smiles, _ in locate_ring_systems(mol))


def locate_ring_systems(mol: Chem.Mol) -> list[tuple[str, tuple[int, ...]]]:
    """Ring systems in no order, as of `ring_systems`, each with its atoms."""
    mol = without_labels(mol)
    Chem.RemoveStereochemistry(mol)
    cut = [b.GetIdx() for b in each_bond(mol) if b.GetBondType() == Chem.BondType.SINGLE and not b.IsInRing()]
    if cut:
        mol = Chem.FragmentOnBonds(mol, cut, addDummies=False)
    atoms: list[tuple[int, ...]] = []
    pieces = Chem.GetMolFrags(mol, asMols=True, sanitizeFrags=False, fragsMolAtomMapping=atoms)
    found = zip(pieces, map(tuple, atoms), strict=True)
    return [(Chem.MolToSmiles(piece), of) for piece, of in found if piece.GetNumBonds() >= piece.GetNumAtoms()]


def count_rings(mol: Chem.Mol) -> int:
    """Rings of a smallest set."""
    return mol.GetNumBonds() - mol.GetNumAtoms() + len(Chem.GetMolFrags(mol))


def ring_sizes(mol: Chem.Mol) -> list[int]:
    """Sizes of the rings of a smallest set, sorted; other smallest sets of the same molecule have the same sizes."""
    return sorted(map(len, smallest_rings(mol)))


def smallest_rings(mol: Chem.Mol) -> list[tuple[int, ...]]:
    """Atoms of each ring of a smallest set, in order around the ring."""
    rings = mol.GetRingInfo().AtomRings()
    if len(rings) == count_rings(mol):
        return list(rings)
    return [tuple(ring) for ring in Chem.GetSSSR(Chem.Mol(mol))]  # without those that symmetry adds, as in cubane
