"""PoseBusters' checks of a molecule by itself that need no energy: the same answers, 40 times faster.

One differs: a distance from a plane counts on both sides. The package takes that of one side, which the order of the
atoms decides, so one molecule can pass and fail there.

Bounds of distances come from RDKit's distance geometry, without the hydrogens. The package `posebusters` has the
internal energy as well (`moldiff.metrics.posebusters`).

Source: Buttenschoen et al. 2024, Chem. Sci. 15, 3130, table 2; limits of its configuration `mol`.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from moldiff.chem.each import each_atom

MOST_BOND_ERROR, MOST_ANGLE_ERROR, MOST_OVERLAP = 0.25, 0.25, 0.3  # beyond the bounds of a distance, relative
MOST_FROM_PLANE, LEAST_FROM_PLANE = 0.25, 0.05  # Å, of what is to be flat, and of what is not
FLAT_RINGS = (
    "[ar5^2]1[ar5^2][ar5^2][ar5^2][ar5^2]1",
    "[ar6^2]1[ar6^2][ar6^2][ar6^2][ar6^2][ar6^2]1",
)
FLAT_DOUBLE_BONDS = ("[C;X3;^2](*)(*)=[C;X3;^2](*)(*)",)
PUCKERED_RINGS = (
    "[C,O,S,N;R1]~1[C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1]1",
    "[C;R1]~1[C;R1][C,O,S,N;R1]~[C,O,S,N;R1][C;R1][C;R1]1",
    "[C;R1]~1[C;R1][C;R1]~[C;R1][C,O,S,N;R1][C;R1]1",
    "[C;R1]~1[C;R1][C;R1][C,O,S,N;R1]~[C,O,S,N;R1][C;R1]1",
    "[C;R1]~1[C;R1][C,O,S,N;R1][C;R1]~[C;R1][C;R1]1",
)
# Bonds to a terminal atom that could as well be the double bond of the group, as in a carboxylate, have one range.
CONJUGATED_ENDS = "[O,N;D1;$([O,N;D1]-[*]=[O,N;D1]),$([O,N;D1]=[*]-[O,N;D1])]~[*]"
PLAUSIBILITY_CHECKS = (
    "inchi_convertible",
    "bond_lengths",
    "bond_angles",
    "internal_steric_clash",
    "aromatic_ring_flatness",
    "non-aromatic_ring_non-flatness",
    "double_bond_flatness",
)


def plausibility(mol: Chem.Mol) -> Mapping[str, bool | None]:
    """Whether a molecule passes each of `PLAUSIBILITY_CHECKS`; None for one that cannot be made.

    Args:
        mol: sanitised, with all its hydrogens; without coordinates in space only the first check is made.

    Returns:
        The answers, by PoseBusters' names.
    """
    found: dict[str, bool | None] = dict.fromkeys(PLAUSIBILITY_CHECKS)
    with rdBase.BlockLogs():
        found["inchi_convertible"] = bool(Chem.MolToInchi(mol))
        if not mol.GetNumConformers() or not mol.GetConformer().Is3D():
            return found
        pos = mol.GetConformer().GetPositions()
        if not np.isfinite(pos).all():
            return found
        found |= _distances(mol, pos)
    rings = mol.GetRingInfo().NumRings()
    for name, patterns, least, most in (
        ("aromatic_ring_flatness", FLAT_RINGS if rings else (), 0.0, MOST_FROM_PLANE),
        ("non-aromatic_ring_non-flatness", PUCKERED_RINGS if rings else (), LEAST_FROM_PLANE, np.inf),
        ("double_bond_flatness", FLAT_DOUBLE_BONDS, 0.0, MOST_FROM_PLANE),
    ):
        apart = [_from_plane(pos[list(match)]) for text in patterns for match in mol.GetSubstructMatches(_query(text))]
        found[name] = all(least <= one <= most for one in apart)
    return found


def is_plausible(found: Mapping[str, bool | None]) -> bool:
    """All checks were made and passed."""
    return all(passed is True for passed in found.values())


def _distances(mol: Chem.Mol, pos: Float[np.ndarray, "n 3"]) -> dict[str, bool | None]:
    """Bond lengths, distances across an angle, and all others against their bounds."""
    names = ("bond_lengths", "bond_angles", "internal_steric_clash")
    if mol.GetNumAtoms() == 1:
        return dict.fromkeys(names, True)
    try:
        bounds = rdDistGeom.GetMoleculeBoundsMatrix(mol, set15bounds=True, scaleVDW=True)
    except RuntimeError:  # no bounds fit together
        return dict.fromkeys(names)
    _widen_conjugated_ends(mol, bounds)
    heavy = np.array([atom.GetIdx() for atom in each_atom(mol) if atom.GetAtomicNum() > 1], dtype=np.int64)
    first, second = (heavy[places] for places in np.triu_indices(len(heavy), 1))
    adjacency = Chem.GetAdjacencyMatrix(mol).astype(np.float64)
    bonded = adjacency[first, second] > 0
    across = ((adjacency @ adjacency)[first, second] > 0) & ~bonded
    lower, upper = bounds[second, first], bounds[first, second]
    apart = np.linalg.norm(pos[first] - pos[second], axis=-1)

    def beyond(chosen: Bool[np.ndarray, "pairs"], most: float, *, above: bool = True) -> bool:
        d, low, high = apart[chosen], lower[chosen], upper[chosen]
        short = np.where(d < low, (low - d) / low, 0.0)
        long = np.where(d > high, (d - high) / high, 0.0) if above else 0.0
        return bool((np.maximum(short, long) > most).any())

    return {
        "bond_lengths": not beyond(bonded, MOST_BOND_ERROR),
        "bond_angles": not beyond(across, MOST_ANGLE_ERROR),
        "internal_steric_clash": not beyond(~bonded & ~across, MOST_OVERLAP, above=False),
    }


def _widen_conjugated_ends(mol: Chem.Mol, bounds: Float[np.ndarray, "n n"]) -> None:
    """One range for all bonds of the same two elements to a conjugated terminal atom, in place.

    Args:
        mol: as of `plausibility`.
        bounds: of distances in Å, the upper ones above the diagonal.
    """
    groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for match in mol.GetSubstructMatches(_query(CONJUGATED_ENDS)):
        elements = sorted(mol.GetAtomWithIdx(index).GetAtomicNum() for index in match)
        groups.setdefault(tuple(elements), []).append((min(match), max(match)))
    for ends in groups.values():
        low, high = np.array(ends).T
        bounds[high, low] = bounds[high, low].min()
        bounds[low, high] = bounds[low, high].max()


def _from_plane(pos: Float[np.ndarray, "k 3"]) -> float:
    """Largest distance of points from their common plane, Å."""
    centred = pos - pos.mean(0)
    normal = np.linalg.svd(centred)[2][-1]
    return float(np.abs(centred @ normal).max())


@cache
def _query(text: str) -> Chem.Mol:
    return Chem.MolFromSmarts(text)
