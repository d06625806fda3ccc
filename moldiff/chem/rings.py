"""Rings of a molecule."""

from rdkit import Chem

from moldiff.chem.border import to_rdkit
from moldiff.chem.molecule import Molecule


def ring_sizes(molecule: Molecule) -> list[int]:
    """Number of atoms of each ring of RDKit's symmetrised smallest set, ascending; any molecule, valid or not."""
    return sorted(len(ring) for ring in Chem.GetSymmSSSR(to_rdkit(molecule)))
