"""Rings of a molecule."""

import numpy as np
from rdkit import Chem

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
