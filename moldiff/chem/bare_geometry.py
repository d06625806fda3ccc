"""What distances alone say against a geometry: units other than Å, or hydrogens that are not there."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int
from rdkit import Chem

from moldiff.chem.molecule import Molecule

_TABLE = Chem.GetPeriodicTable()
_RADIUS = np.array([1.5, *(_TABLE.GetRcovalent(number) for number in range(1, 119))])
NEAREST = (0.7, 1.4)  # sums of covalent radii; QM9's molecules have a median of 0.98 to 1.06
BOHR, NANOMETRE = 1.0 / 0.529177210903, 0.1  # Å in these units; CODATA 2018
_REACH = 1.3  # sums of covalent radii
_SOFTNESS = 0.3  # Å: a bond is e times weaker when so much longer
_SINGLE = {1: 1.09, 6: 1.54, 7: 1.47, 8: 1.43, 9: 1.35, 16: 1.82, 17: 1.77, 35: 1.94}  # Å, of a single bond to carbon
OPEN = 3.5  # a carbon whose bond orders add up to less; benzene without hydrogens 3.3, cyanogen 4.4


def geometry_obstacle(molecule: Molecule) -> str | None:
    """Why coordinates are none of a whole molecule in Å, or None; its bonds are not read.

    Bond orders are Pauling's, exp((single - length) / 0.3 Å): Pauling 1947, J. Am. Chem. Soc. 69, 542.
    """
    if len(molecule) < 2:
        return None
    radii = _RADIUS[molecule.elements]
    apart = np.linalg.norm(molecule.pos[:, None] - molecule.pos[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    relative = apart / (radii[:, None] + radii[None])
    if (apart.min(1) == 0).any():
        return f"{int((apart.min(1) == 0).sum())} of its atoms lie on one another"
    nearest = float(np.median(relative.min(1)))
    if not NEAREST[0] < nearest < NEAREST[1]:
        units = min((BOHR, NANOMETRE), key=lambda factor: abs(np.log(nearest / factor)))
        guess = ", as in Bohr" if units == BOHR and nearest > 1 else ", as in nm" if nearest < 0.3 else ""
        return f"bonds are {nearest:.2g} times as long as in Å{guess}; give coordinates in Å"
    carbons = molecule.elements == 6
    bare = int((_valences(molecule.elements, apart, relative)[carbons] < OPEN).sum())
    none = not (molecule.elements == 1).any()
    if bare and (none or bare > max(1, carbons.sum() // 3)):  # a carbanion, or a strained cage, has one or two
        number = "hydrogens, and it has none" if none else "hydrogens that are missing"
        return f"{bare} of {int(carbons.sum())} carbons need {number}; add them"
    return None


def attach_hydrogens(molecule: Molecule) -> Molecule:
    """With no bonds but a single one from each hydrogen to the nearest heavy atom, if that is near enough."""
    hydrogen = molecule.elements == 1
    bond = np.zeros_like(molecule.bond)
    if hydrogen.any() and not hydrogen.all():
        radii, heavy, own = _RADIUS[molecule.elements], np.flatnonzero(~hydrogen), np.flatnonzero(hydrogen)
        apart = np.linalg.norm(molecule.pos[own][:, None] - molecule.pos[heavy][None], axis=-1)
        relative = apart / (radii[own][:, None] + radii[heavy][None])
        near = relative.min(1) < _REACH
        parent = heavy[relative.argmin(1)]
        bond[own[near], parent[near]] = bond[parent[near], own[near]] = 1
    return replace(molecule, bond=bond)


def _valences(
    elements: Int[np.ndarray, "n"], apart: Float[np.ndarray, "n n"], relative: Float[np.ndarray, "n n"]
) -> Float[np.ndarray, "n"]:
    """Sum of Pauling's bond orders of each atom, as if all its neighbours were as they are to carbon."""
    single = np.array([_SINGLE.get(int(element), 2 * _RADIUS[element]) for element in elements])
    orders = np.exp((single[None] - apart) / _SOFTNESS)
    return np.where(relative < _REACH, orders, 0.0).sum(1)
