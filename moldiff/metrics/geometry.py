"""How far a sample's geometry and composition lie from a reference: distances between distributions.

W1 is the 1-Wasserstein distance, within each type, then averaged over the reference's types with their frequency in
the reference, as in MiDi (Vignac et al. 2023, arXiv:2302.09048). Total variation is half the sum of differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import wasserstein_distance

from moldiff.chem.descriptors import num_rings
from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import atom_label
from moldiff.errors import DataError


@dataclass(frozen=True)
class Measured:
    """Geometry of a set of molecules: lengths in Å, angles and torsions in degrees, each with the number of its type.

    `bond_name` names a type of lengths, and of torsions by central bond, `atom_name` one of angles by their centre.
    """

    lengths: tuple[Int[np.ndarray, "bonds"], Float[np.ndarray, "bonds"]]
    angles: tuple[Int[np.ndarray, "angles"], Float[np.ndarray, "angles"]]
    torsions: tuple[Int[np.ndarray, "torsions"], Float[np.ndarray, "torsions"]]
    sizes: Int[np.ndarray, "molecules"]
    rings: Int[np.ndarray, "molecules"]
    atoms: Int[np.ndarray, "atoms"]
    valences: Int[np.ndarray, "atoms"]


def geometry_distances(sample: Sequence[Molecule], reference: "Sequence[Molecule] | Measured") -> dict[str, float]:
    """Distances of a sample to a reference; all zero for the reference itself.

    Args:
        sample: generated molecules; say beside the figures whether only valid ones are in.
        reference: molecules of the data, best not those trained on, or what `measure` makes of them.

    Returns:
        `bond_length_w1` in Å by bond type (two elements and the order), `bond_angle_w1` in degrees by centre atom
        (element and charge), `torsion_w1` in degrees by central bond type, the sign dropped: 0 to 180;
        `..._coverage` of each, the share of the reference whose types the sample has at all (NaN distance if none);
        `size_tv`, `ring_tv` (number of rings of a molecule), `atom_tv` (element and charge), `bond_tv` (bond type),
        `valence_tv` (element, charge and sum of bond orders), 0 to 1.

    Raises:
        DataError: if one of the two is empty.
    """
    theirs = reference if isinstance(reference, Measured) else measure(reference)
    ours = measure(sample)
    result: dict[str, float] = {}
    for name, one, two in (
        ("bond_length", ours.lengths, theirs.lengths),
        ("bond_angle", ours.angles, theirs.angles),
        ("torsion", ours.torsions, theirs.torsions),
    ):
        result[f"{name}_w1"], result[f"{name}_coverage"] = typed_w1(one, two)
    result["size_tv"] = _total_variation(ours.sizes, theirs.sizes)
    result["ring_tv"] = _total_variation(ours.rings, theirs.rings)
    result["atom_tv"] = _total_variation(ours.atoms, theirs.atoms)
    result["valence_tv"] = _total_variation(ours.valences, theirs.valences)
    result["bond_tv"] = _total_variation(ours.lengths[0], theirs.lengths[0])
    return result


def bond_name(kind: int) -> str:
    """Such as `C=O`."""
    pair, order = divmod(kind, 4)
    low, high = divmod(pair, 128)
    return f"{atom_label(low, 0)}{' -=#'[order]}{atom_label(high, 0)}"


def atom_name(kind: int) -> str:
    """Such as `N+1`."""
    return atom_label(kind // 32, kind % 32 - 16)


def measure(molecules: Sequence[Molecule]) -> Measured:
    """Bonds, angles and torsions of all molecules at once, on one long list of atoms; of none it is a `DataError`."""
    if not molecules:
        raise DataError("nothing to measure: needs at least one molecule")
    sizes = np.array([len(molecule) for molecule in molecules], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    pos = np.concatenate([molecule.pos for molecule in molecules]).astype(np.float64)
    elements = np.concatenate([molecule.elements for molecule in molecules])
    atoms = elements * 32 + np.concatenate([molecule.charges for molecule in molecules]) + 16
    pairs = [np.nonzero(molecule.bond) for molecule in molecules]  # sorted by the first atom
    begin = np.concatenate([i + start for (i, _), start in zip(pairs, starts, strict=True)])
    end = np.concatenate([j + start for (_, j), start in zip(pairs, starts, strict=True)])
    order = np.concatenate([m.bond[i, j] for m, (i, j) in zip(molecules, pairs, strict=True)])
    low, high = np.minimum(elements[begin], elements[end]), np.maximum(elements[begin], elements[end])
    kind = (low * 128 + high) * 4 + order
    once = begin < end
    vector = pos[end] - pos[begin]

    degree = np.bincount(begin, minlength=len(pos))
    first, second = _edges_from(begin, begin, degree)
    keep = first < second
    first, second = first[keep], second[keep]
    angles = _angle(vector[first], vector[second])

    middle, arm = _edges_from(begin[once], begin, degree)
    middle = np.flatnonzero(once)[middle]
    middle, arm = middle[middle != arm], arm[middle != arm]
    row, far = _edges_from(end[middle], begin, degree)
    middle, arm = middle[row], arm[row]
    keep = (end[far] != begin[middle]) & (end[far] != end[arm])  # neither back along the bond nor around a three-ring
    middle, arm, far = middle[keep], arm[keep], far[keep]
    torsions = _angle(np.cross(vector[middle], vector[arm]), np.cross(vector[middle], vector[far]))
    return Measured(
        lengths=(kind[once], np.linalg.norm(vector[once], axis=1)),
        angles=(atoms[begin[first]], angles),
        torsions=(kind[middle], torsions),
        sizes=sizes,
        rings=np.array([num_rings(molecule) for molecule in molecules], dtype=np.int64),
        atoms=atoms,
        valences=atoms * 32 + np.bincount(begin, weights=order, minlength=len(pos)).astype(np.int64),
    )


def _edges_from(
    nodes: Int[np.ndarray, "rows"], begin: Int[np.ndarray, "edges"], degree: Int[np.ndarray, "atoms"]
) -> tuple[Int[np.ndarray, "joined"], Int[np.ndarray, "joined"]]:
    """Every (row, edge) such that the edge begins at the row's node; `begin` is sorted."""
    counts = degree[nodes]
    row = np.repeat(np.arange(len(nodes)), counts)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, np.searchsorted(begin, nodes)[row] + offset


def _angle(one: Float[np.ndarray, "rows 3"], two: Float[np.ndarray, "rows 3"]) -> Float[np.ndarray, "rows"]:
    """Angle between vectors in degrees, 0 to 180; by atan2, which stays exact near both ends."""
    sine = np.linalg.norm(np.cross(one, two), axis=1)
    return np.degrees(np.arctan2(sine, (one * two).sum(1)))


def typed_w1(
    sample: tuple[Int[np.ndarray, "a"], Float[np.ndarray, "a"]],
    reference: tuple[Int[np.ndarray, "b"], Float[np.ndarray, "b"]],
) -> tuple[float, float]:
    """Weighted mean of W1 over the types that both have, and the share of the reference in these types."""
    weighted, shared = 0.0, 0
    for kind in np.intersect1d(sample[0], reference[0]):
        ours, theirs = sample[1][sample[0] == kind], reference[1][reference[0] == kind]
        weighted += len(theirs) * float(wasserstein_distance(ours, theirs))
        shared += len(theirs)
    total = len(reference[0])
    return (weighted / shared if shared else float("nan")), (shared / total if total else 1.0)


def _total_variation(sample: Int[np.ndarray, "a"], reference: Int[np.ndarray, "b"]) -> float:
    kinds, where = np.unique(np.concatenate([sample, reference]), return_inverse=True)
    ours = np.bincount(where[: len(sample)], minlength=len(kinds)) / max(1, len(sample))
    theirs = np.bincount(where[len(sample) :], minlength=len(kinds)) / max(1, len(reference))
    return float(np.abs(ours - theirs).sum() / 2)
