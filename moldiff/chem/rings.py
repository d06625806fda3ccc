"""Rings of a molecule."""

import numpy as np
from rdkit import Chem
from scipy.sparse.csgraph import connected_components

from moldiff.chem.molecule import Molecule

_ATOM = Chem.Atom(6)  # rings do not depend on what the atoms are


def num_rings(molecule: Molecule) -> int:
    """Rings of RDKit's symmetrised smallest set; of any molecule, valid or not."""
    mol = Chem.RWMol()
    for _ in range(len(molecule)):
        mol.AddAtom(_ATOM)
    begin, end = np.nonzero(molecule.bond)
    for i, j in zip(begin.tolist(), end.tolist(), strict=True):
        if i < j:
            mol.AddBond(i, j)
    return len(Chem.GetSymmSSSR(mol))


def num_independent_rings(molecule: Molecule | Chem.Mol) -> int:
    """Bonds beyond those of a tree: bonds - atoms + connected parts; counted without a look for rings."""
    if isinstance(molecule, Molecule):
        return int(np.count_nonzero(molecule.bond)) // 2 - len(molecule) + int(connected_components(molecule.bond)[0])
    return molecule.GetNumBonds() - molecule.GetNumAtoms() + len(Chem.GetMolFrags(molecule))
