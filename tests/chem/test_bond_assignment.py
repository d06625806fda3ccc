from pathlib import Path

import numpy as np
import pytest

from moldiff.chem.bond_assignment import assign, from_orders
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import canonical_smiles, check
from moldiff.io.formats import read_molecules

SAMPLE = Path(__file__).parents[2] / "datasets" / "qm9" / "sample.sdf"


def smiles_of(molecule: Molecule) -> str:
    mol = check(molecule)
    assert not isinstance(mol, Failure)
    return canonical_smiles(mol)


@pytest.fixture(scope="module")
def sample() -> list[Molecule]:
    return [molecule for _, molecule in read_molecules(SAMPLE) if isinstance(molecule, Molecule)]


def assert_recovers(molecule: Molecule, smiles: str, *, seed: int) -> None:
    """From shuffled atoms without bonds, the same graph comes back, with the same charges and orders on it."""
    order = np.random.default_rng(seed).permutation(len(molecule))
    found = assign(molecule.elements[order], molecule.pos[order], smiles)
    assert isinstance(found, Molecule), found
    bond = molecule.bond[np.ix_(order, order)]
    np.testing.assert_array_equal(found.bond > 0, bond > 0)
    assert smiles_of(found) == smiles_of(molecule)
    assert np.sort(found.bond, axis=None).tolist() == np.sort(bond, axis=None).tolist()


def test_assignment_recovers_sample_from_shuffled_atoms(sample: list[Molecule]):
    assert len(sample) == 200
    for seed, molecule in enumerate(sample):
        assert_recovers(molecule, smiles_of(molecule), seed=seed)


def test_assignment_recovery_law_catches_exchanged_atoms(sample: list[Molecule]):
    molecule = next(m for m in sample if smiles_of(m) == "CCO" or ((m.elements == 8).sum() == 1 and len(m) > 12))
    carbon, oxygen = np.flatnonzero(molecule.elements == 6)[0], np.flatnonzero(molecule.elements == 8)[0]
    elements = molecule.elements.copy()
    elements[[carbon, oxygen]] = 8, 6
    broken = Molecule(elements, molecule.charges, molecule.pos, molecule.bond)
    with pytest.raises(AssertionError):
        assert_recovers(broken, smiles_of(molecule), seed=0)


def acetate(first: float, second: float) -> tuple[np.ndarray, np.ndarray]:
    """Elements and coordinates of CH3-CO2 with the two C-O lengths, Å."""
    angle = np.deg2rad(60)
    carbons = [(-1.5, 0.0, 0.0), (0.0, 0.0, 0.0)]
    oxygens = [
        (first * np.cos(angle), first * np.sin(angle), 0.0),
        (second * np.cos(angle), -second * np.sin(angle), 0.0),
    ]
    hydrogens = [(-1.9, 1.0, 0.1), (-1.9, -0.6, 0.8), (-1.9, -0.4, -0.9)]
    return np.array([6, 6, 8, 8, 1, 1, 1]), np.array(carbons + oxygens + hydrogens)


@pytest.mark.parametrize(("lengths", "charged"), [((1.22, 1.30), 3), ((1.30, 1.22), 2)])
def test_assignment_puts_charge_on_the_longer_of_two_like_bonds(lengths: tuple[float, float], charged: int):
    for smiles in ("CC(=O)[O-]", "CC([O-])=O"):
        molecule = assign(*acetate(*lengths), smiles)
        assert isinstance(molecule, Molecule)
        assert np.flatnonzero(molecule.charges).tolist() == [charged]
        assert molecule.bond[1, charged] == 1


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("CC(=O", "smiles_unreadable"),
        ("CC(=O)O", "formula_differs"),
        ("CC(=S)[O-]", "formula_differs"),
        ("COC=[O+]", "formula_differs"),
        ("CO[C-]=O", "geometry_differs"),
        ("CC=O.[O-]", "formula_differs"),
    ],
)
def test_assignment_refuses_what_is_another_molecule(smiles: str, reason: str):
    result = assign(*acetate(1.25, 1.25), smiles)
    assert isinstance(result, Failure)
    assert result.reason == reason


@pytest.mark.parametrize(("smiles", "owner"), [("NO", 1), ("[NH3+][O-]", 0)])
def test_assignment_gives_a_hydrogen_between_two_atoms_to_the_one_of_the_smiles(smiles: str, owner: int):
    """It stands 1.13 Å from N and 1.07 Å from O."""
    pos = np.array([[0, 0, 0], [1.4, 0, 0], [0.75, 0.85, 0], [-0.4, -0.5, 0.8], [-0.4, -0.5, -0.8]])
    molecule = assign(np.array([7, 8, 1, 1, 1]), pos, smiles)
    assert isinstance(molecule, Molecule)
    assert np.flatnonzero(molecule.bond[2]).tolist() == [owner]


def test_orders_kekulise_aromatic_rings():
    angles = np.arange(6) * np.pi / 3
    ring = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(6)])
    orders = np.zeros((12, 12))
    for i in range(6):
        orders[i, (i + 1) % 6] = orders[(i + 1) % 6, i] = 1.5
        orders[i, i + 6] = orders[i + 6, i] = 1
    molecule = from_orders(np.array([6] * 6 + [1] * 6), np.zeros(12, int), np.vstack([1.4 * ring, 2.5 * ring]), orders)
    assert isinstance(molecule, Molecule)
    assert smiles_of(molecule) == "c1ccccc1"
    assert sorted(molecule.bond[:6, :6].sum(1)) == [3] * 6
    without = from_orders(np.array([6] * 6 + [1] * 6), np.eye(12, dtype=int)[0], molecule.pos, orders)
    assert isinstance(without, Failure)
    assert without.reason == "kekulize"
    strange = from_orders(molecule.elements, molecule.charges, molecule.pos, orders * 4)
    assert isinstance(strange, Failure)
    assert strange.reason == "bond_type"
