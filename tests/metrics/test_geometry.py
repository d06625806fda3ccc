from dataclasses import replace

import numpy as np
import pytest
from rdkit.Chem import rdMolTransforms
from scipy.spatial.transform import Rotation

from moldiff.chem.molecule import Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.errors import DataError
from moldiff.metrics.geometry import atom_name, bond_name, geometry_distances, measure

SMILES = ["CCO", "c1ccccc1", "C1CC1C#N", "CC(=O)N", "OC1CC1F", "[NH3+]CC(=O)[O-]"]


@pytest.fixture(scope="module")
def molecules(embed) -> list[Molecule]:
    return [embed(smiles, seed=seed) for smiles in SMILES for seed in range(3)]


def test_measures_agree_with_rdkit(molecules) -> None:
    """The slow, readable twin: RDKit, atom by atom."""
    lengths, angles, torsions = [], [], []
    for molecule in molecules:
        conformer = to_rdkit(molecule).GetConformer()
        near = [np.flatnonzero(row).tolist() for row in molecule.bond]
        for j in range(len(molecule)):
            angles += [rdMolTransforms.GetAngleDeg(conformer, i, j, k) for i in near[j] for k in near[j] if i < k]
            for k in near[j]:
                if j < k:
                    lengths.append(rdMolTransforms.GetBondLength(conformer, j, k))
                    ends = [(i, m) for i in near[j] for m in near[k] if i != k and m not in (i, j)]
                    torsions += [abs(rdMolTransforms.GetDihedralDeg(conformer, i, j, k, m)) for i, m in ends]
    measured = measure(molecules)
    assert len(torsions) > 100
    for ours, theirs in ((measured.lengths, lengths), (measured.angles, angles), (measured.torsions, torsions)):
        assert sorted(ours[1]) == pytest.approx(sorted(theirs), abs=1e-4)


def test_distances_vanish_on_the_reference_itself(molecules) -> None:
    distances = geometry_distances(molecules, molecules[::-1])
    assert all(
        value == pytest.approx(1.0 if "coverage" in name else 0.0, abs=1e-9) for name, value in distances.items()
    )


def test_distances_ignore_motion_and_mirror(molecules) -> None:
    turn = Rotation.random(rng=np.random.default_rng(0)).as_matrix()
    moved = [replace(molecule, pos=-molecule.pos @ turn.T + 5.0) for molecule in molecules]
    distances = geometry_distances(moved, molecules)
    assert max(value for name, value in distances.items() if "coverage" not in name) < 1e-9


def test_length_distance_is_the_shift(molecules) -> None:
    """All coordinates times 1.02: each length grows by 2 %, angles and torsions stay."""
    grown = [replace(molecule, pos=1.02 * molecule.pos) for molecule in molecules]
    distances = geometry_distances(grown, molecules)
    assert distances["bond_length_w1"] == pytest.approx(0.02 * measure(molecules).lengths[1].mean(), rel=1e-6)
    assert distances["bond_angle_w1"] < 1e-6
    assert distances["torsion_w1"] < 1e-5


def test_angle_distance_sees_a_bent_molecule() -> None:
    def water(angle: float) -> Molecule:
        half = np.radians(angle) / 2
        pos = np.array([[0, 0, 0], [np.sin(half), np.cos(half), 0], [-np.sin(half), np.cos(half), 0]])
        return Molecule(np.array([8, 1, 1]), np.zeros(3, int), pos, np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]]))

    distances = geometry_distances([water(110.0)], [water(104.5)])
    assert distances["bond_angle_w1"] == pytest.approx(5.5)
    assert distances["bond_length_w1"] == pytest.approx(0.0)


def test_compositions_differ_by_total_variation(embed) -> None:
    distances = geometry_distances([embed("C"), embed("N")], [embed("C")])
    assert distances["size_tv"] == pytest.approx(0.5)
    assert distances["atom_tv"] == pytest.approx(1 / 9)  # C 1/9, N 1/9, H 7/9 against C 1/5, H 4/5
    assert distances["bond_tv"] == pytest.approx(3 / 7)
    assert distances["bond_length_coverage"] == 1.0


def test_rings_are_counted(embed) -> None:
    assert geometry_distances([embed("C1CC1")], [embed("CCC")])["ring_tv"] == 1.0
    assert geometry_distances([embed("C1CC1"), embed("CCC")], [embed("C1CCC1")])["ring_tv"] == pytest.approx(0.5)


def test_types_that_are_missing_show_in_the_coverage(embed) -> None:
    distances = geometry_distances([embed("C")], [embed("C"), embed("O")])
    assert distances["bond_length_coverage"] == pytest.approx(4 / 6)
    assert np.isnan(geometry_distances([embed("O")], [embed("C")])["bond_length_w1"])


def test_empty_side_is_refused(molecules) -> None:
    for one, two in (([], molecules), (molecules, [])):
        with pytest.raises(DataError, match="nothing to measure"):
            geometry_distances(one, two)


def test_reference_may_be_measured_once_for_all(molecules) -> None:
    one, two = molecules[:9], molecules[9:]
    assert geometry_distances(one, measure(two)) == geometry_distances(one, two)


def test_types_have_names(embed) -> None:
    measured = measure([embed("C[NH3+]"), embed("C=O"), embed("C#N")])
    assert {bond_name(int(kind)) for kind in measured.lengths[0]} == {"C-N", "H-C", "H-N", "C=O", "C#N"}
    assert {atom_name(int(kind)) for kind in measured.angles[0]} == {"C", "N+1"}
