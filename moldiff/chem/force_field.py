"""Relaxation of coordinates by MMFF94."""

from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

from moldiff.chem.molecule import Failure, one_line

MOST_ROUNDS, ROUND = 20, 500  # of steps of RDKit's minimiser


def relax(mol: Chem.Mol) -> tuple[float, float] | Failure:
    """Moves the conformer to a minimum of MMFF94.

    Args:
        mol: as of `mmff94`; changed.

    Returns:
        The energies before and after, kcal/mol; or a failure as of `mmff94`.
    """
    known = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, mmffVariant="MMFF94")
    if known is None:
        return Failure("parameters", "MMFF94 does not know one of its atoms")
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, known)
    field.Initialize()
    before = field.CalcEnergy()
    try:
        for _ in range(MOST_ROUNDS):
            if field.Minimize(maxIts=ROUND) == 0:
                return float(before), float(field.CalcEnergy())
    except RuntimeError as error:  # its line search, where two atoms lie at one point
        return Failure("unconverged", f"MMFF94 found no minimum: {one_line(error)}")
    return Failure("unconverged", f"MMFF94 found no minimum in {MOST_ROUNDS * ROUND} steps")
