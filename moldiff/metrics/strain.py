"""Strain: how far above the nearest minimum of a method a geometry lies, and how far from it.

GFN2-xTB needs the packages `tblite` and `ase`, of the extra `score`.
"""

from math import isfinite

import numpy as np
from jaxtyping import Float, Int
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from moldiff.chem.force_field import relax
from moldiff.chem.molecule import Failure, one_line

LEAST_FORCE, MOST_STEPS = 0.02, 500  # eV/Å, the largest on an atom; of xTB
KCAL_PER_EV = 23.060548  # kcal/mol; CODATA 2018


def mmff94(mol: Chem.Mol) -> dict[str, float] | Failure:
    """By the force field MMFF94 (Halgren 1996, J. Comput. Chem. 17, 490), as RDKit has it.

    Args:
        mol: sanitised, with a conformer and all its hydrogens.

    Returns:
        `energy` above the minimum, kcal/mol, and `displacement`, the root mean square over all atoms, Å; a failure of
        the reason `parameters` (an atom that the force field does not know), `unconverged` or `no_energy` (atoms at one
        point).
    """
    relaxed = Chem.Mol(mol)
    energies = relax(relaxed)
    return energies if isinstance(energies, Failure) else _strain(mol, relaxed, energies[0] - energies[1])


def gfn2_xtb(mol: Chem.Mol) -> dict[str, float] | Failure:
    """By GFN2-xTB (Bannwarth et al. 2019, J. Chem. Theory Comput. 15, 1652), with `tblite` and ASE's BFGS.

    Args:
        mol: as of `mmff94`.

    Returns:
        As of `mmff94`; the reasons are `scf`, `unconverged` and `no_energy`.
    """
    elements = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64)
    found = gfn2_minimum(elements, mol.GetConformer().GetPositions(), Chem.GetFormalCharge(mol))
    if isinstance(found, Failure):
        return found
    pos, before, after = found
    relaxed = Chem.Mol(mol)
    relaxed.GetConformer().SetPositions(pos)
    return _strain(mol, relaxed, KCAL_PER_EV * (before - after))


def gfn2_minimum(
    elements: Int[np.ndarray, "n"], pos: Float[np.ndarray, "n 3"], charge: int, *, least_force: float = LEAST_FORCE
) -> tuple[Float[np.ndarray, "n 3"], float, float] | Failure:
    """Down to a minimum of GFN2-xTB.

    Args:
        elements: atomic numbers.
        pos: coordinates, Å.
        charge: of the molecule.
        least_force: largest on an atom at which it ends, eV/Å.

    Returns:
        Coordinates of the minimum, Å, and the energies before and there, eV; or a failure as of `gfn2_xtb`.
    """
    from ase import Atoms
    from ase.calculators.calculator import CalculatorError
    from ase.optimize import BFGS
    from tblite.ase import TBLite

    atoms = Atoms(numbers=elements, positions=pos)
    atoms.calc = TBLite(method="GFN2-xTB", charge=charge, verbosity=0)
    try:
        before = atoms.get_potential_energy()
        if not BFGS(atoms, logfile=None).run(fmax=least_force, steps=MOST_STEPS):
            return Failure("unconverged", f"GFN2-xTB found no minimum in {MOST_STEPS} steps")
        after = atoms.get_potential_energy()
    except (CalculatorError, RuntimeError, ValueError) as error:  # ValueError: linear algebra, on forces that are NaN
        return Failure("scf", f"GFN2-xTB: {one_line(error)}")
    return atoms.get_positions(), float(before), float(after)


def _strain(mol: Chem.Mol, relaxed: Chem.Mol, energy: float) -> dict[str, float] | Failure:
    if not isfinite(energy):
        return Failure("no_energy", "the energy at these coordinates is no number; do atoms lie at one point?")
    same = [(index, index) for index in range(mol.GetNumAtoms())]
    return {"energy": float(energy), "displacement": float(rdMolAlign.AlignMol(relaxed, mol, atomMap=same))}
