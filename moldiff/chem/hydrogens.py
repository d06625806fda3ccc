"""Geometries without hydrogens: real ones, such as CO2 and C6F6, and those whose hydrogens were left out.

Perception makes up for hydrogens that are not there by multiple bonds: benzene without them becomes `c1c#cc#cc#1`.
Lengths and angles show that.
"""

import numpy as np
from jaxtyping import Float
from rdkit import Chem

from moldiff.chem.molecule import Failure

# Typical lengths of triple, double and single bonds, Å: Allen et al. 1987, J. Chem. Soc. Perkin Trans. 2, S1; CO, NO+,
# N2 and O2 as the molecules have them.
_LENGTHS = {
    ("C", "C"): (1.20, 1.34, 1.54),
    ("C", "N"): (1.16, 1.28, 1.47),
    ("C", "O"): (1.13, 1.21, 1.43),
    ("N", "N"): (1.10, 1.25, 1.45),
    ("N", "O"): (1.06, 1.21, 1.40),
    ("O", "O"): (1.10, 1.21, 1.48),
}
CONJUGATED = 0.06  # Å that a double bond of a conjugated system may be longer than halfway to a single bond
LINEAR = 150.0  # degrees; least angle at an atom with two double bonds, or a triple and a single one
REMEDY = "it has no hydrogens: if they were left out, write all atoms"


def find_misfit(mol: Chem.Mol, pos: Float[np.ndarray, "n 3"]) -> Failure | None:
    """Why the bonds perceived in a geometry without hydrogens do not fit it; None if they do, or if it has some.

    Args:
        mol: with bonds.
        pos: coordinates of its atoms, Å.

    Returns:
        A failure `perception` that names the bond or angle.
    """
    if any(atom.GetAtomicNum() == 1 for atom in mol.GetAtoms()):
        return None
    mol = Chem.Mol(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    for bond in mol.GetBonds():
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        first, second = sorted(end.GetSymbol() for end in ends)
        pair, order = (first, second), int(bond.GetBondTypeAsDouble())
        if pair in _LENGTHS and order > 1:
            triple, double, single = _LENGTHS[pair]
            most = (triple + double) / 2 if order == 3 else (double + single) / 2 + CONJUGATED
            length = float(np.linalg.norm(pos[ends[0].GetIdx()] - pos[ends[1].GetIdx()]))
            if length > most:
                kind = f"{pair[0]}{'#' if order == 3 else '='}{pair[1]} of {length:.2f} Å"
                return Failure("perception", f"the best bonds that fit have a {kind}; {REMEDY}")
    for atom in mol.GetAtoms():
        angle = _angle(atom, pos) if atom.GetSymbol() in ("C", "N") else 180.0
        if angle < LINEAR:
            kind = f"{atom.GetSymbol()} with a triple or two double bonds at {angle:.0f} degrees"
            return Failure("perception", f"the best bonds that fit have a {kind}; {REMEDY}")
    return None


def _angle(atom: Chem.Atom, pos: Float[np.ndarray, "n 3"]) -> float:
    """Angle, degrees, at an atom that should be linear; 180 at any other."""
    orders = sorted(int(bond.GetBondTypeAsDouble()) for bond in atom.GetBonds())
    if orders not in ([2, 2], [1, 3]):
        return 180.0
    one, two = (pos[other.GetIdx()] - pos[atom.GetIdx()] for other in atom.GetNeighbors())
    cosine = one @ two / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-9)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
