"""Hydrogens folded into the atoms that they are bonded to: nothing of a molecule is lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem

import moldiff
from moldiff.chem.folding import fold
from moldiff.chem.molecule import AROMATIC, Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.validity import check, judge
from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.model import ModelConfig
from moldiff.data.decoding import molecule_of
from moldiff.data.prepare import prepare
from moldiff.data.representation import FoldedStore, represent, state_of
from moldiff.data.store.dataset import MoleculeStore
from moldiff.io.formats import read_records

SAMPLE = Path(__file__).parents[2] / "datasets" / "qm9" / "sample.sdf"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MoleculeStore:
    path = tmp_path_factory.mktemp("stores") / "sample"
    prepare(SAMPLE, path)
    return MoleculeStore(path)


def sorted_atoms(molecule: Molecule) -> np.ndarray:
    """Rows of element, charge, number of bonds and coordinates about the centre of the heavy atoms, in one order."""
    centre = molecule.pos[molecule.elements != 1].mean(0)
    columns = [molecule.elements, molecule.charges, molecule.bond.sum(1), *(molecule.pos - centre).T.round(3)]
    return np.array(sorted(zip(*columns, strict=True)))


@pytest.mark.parametrize("aromatic", [False, True])
def test_folded_molecules_come_back_whole(store: MoleculeStore, aromatic: bool):
    folded = FoldedStore(store, aromatic=aromatic)
    for index in range(len(store)):
        again = molecule_of(folded.state([index]), 0, folded.vocabulary)
        np.testing.assert_allclose(sorted_atoms(again), sorted_atoms(store.molecule(index)), atol=2e-3)


def test_a_batch_holds_the_molecules_that_it_was_asked_for(store: MoleculeStore):
    """Of different sizes, in any order, each as it is alone."""
    folded, indices = FoldedStore(store), [150, 3, 77]
    batch = folded.state(indices)
    for row, index in enumerate(indices):
        alone, n = folded.state([index]), folded.sizes[index]
        assert int(batch.mask[row].sum()) == n
        for name in ("pos", "atom", "latent", "hydrogens"):
            assert torch.equal(getattr(batch, name)[row, :n], getattr(alone, name)[0]), name
        assert torch.equal(batch.bond[row, :n, :n], alone.bond[0])
        assert not batch.atom[row, n:].any()
        assert not batch.bond[row, n:].any()


def test_aromatic_bonds_are_those_of_each_molecule(store: MoleculeStore):
    """Of each molecule of the sample, alone and in a batch, as RDKit finds them; the statistics count them."""
    folded, kekule = FoldedStore(store, aromatic=True), FoldedStore(store)
    aromatic = 0
    for index in range(len(store)):
        mol = to_rdkit(store.molecule(index))
        Chem.SanitizeMol(mol)
        bond = folded.state([index]).bond
        count = sum(b.GetIsAromatic() for b in mol.GetBonds())
        assert int((bond == AROMATIC).sum()) == 2 * count
        rest = bond != AROMATIC
        assert torch.equal(bond[rest], kekule.state([index]).bond[rest])
        assert torch.equal(state_of(store.molecule(index), folded.vocabulary, aromatic=True).bond, bond)
        aromatic += count
    assert aromatic > 20
    marginals = folded.statistics.bond_marginals
    assert len(marginals) == 5
    assert marginals[4] > 0
    assert marginals[0] == kekule.statistics.bond_marginals[0]
    assert folded.statistics.from_dict(folded.statistics.to_dict()) == folded.statistics
    batch = folded.state(range(50))
    for row in range(50):
        n = int(folded.sizes[row])
        assert torch.equal(batch.bond[row, :n, :n], folded.state([row]).bond[0])


def test_aromatic_bonds_without_a_kekule_form_fail(store: MoleculeStore, tmp_path: Path):
    """They stay aromatic in what comes out, which is not valid, in memory and in a file."""
    folded = FoldedStore(store, aromatic=True)
    index = next(i for i in range(len(store)) if bool((folded.state([i]).bond == AROMATIC).any()))
    state = folded.state([index])
    ring = (state.bond == AROMATIC).any(-1)[0]
    carbon = folded.vocabulary.labels.index("CH2")
    broken = state.replace(atom=torch.where(ring, carbon, state.atom))
    broken = broken.replace(hydrogens=torch.randn(*state.hydrogens.shape))
    molecule = molecule_of(broken, 0, folded.vocabulary)
    bond = molecule.bond[: len(ring), : len(ring)]
    assert ((bond == AROMATIC) == (state.bond[0].numpy() == AROMATIC)).all()
    moldiff.write_molecules(tmp_path / "broken.sdf", [molecule])
    ((_, again),) = read_records(tmp_path / "broken.sdf")
    for failure in (check(molecule), judge(molecule).failure, judge(again).failure):
        assert isinstance(failure, Failure)
        assert failure.reason == "kekulize"


def test_folded_statistics_count_what_is_left(store: MoleculeStore):
    folded = FoldedStore(store)
    statistics, whole = folded.statistics, store.statistics
    sizes = np.array([(store.molecule(int(i)).elements != 1).sum() for i in store.split("train")])
    assert statistics.sizes == dict(zip(*(x.tolist() for x in np.unique(sizes, return_counts=True)), strict=True))
    assert (statistics.num_heavy_atoms, statistics.net_charge) == (whole.num_heavy_atoms, whole.net_charge)
    assert statistics.whole_sizes == whole.sizes
    assert {n: sum(of.values()) for n, of in statistics.num_hydrogens.items()} == statistics.sizes
    assert replace(statistics.domain, folded=()) == whole.domain
    latents = folded.state(store.split("train"))
    root = latents.latent[latents.mask].double().square().mean().sqrt()
    assert statistics.latent_scale == pytest.approx(float(root), rel=1e-5)
    assert type(statistics).from_dict(statistics.to_dict()) == statistics


def test_the_domain_sees_explicit_molecules(store: MoleculeStore):
    """What folded weights know is said of molecules with their hydrogens."""
    domain = FoldedStore(store).statistics.domain
    assert domain.obstacle(store.molecule(0)) is None
    assert "H" in domain.labels
    assert "CH3" not in domain.labels


def of_bonds(elements: list[int], bonds: list[tuple[int, int, int]], charges: list[int] | None = None):
    ends, order = np.array([[a for a, *_ in bonds], [b for _, b, _ in bonds]]), np.array([o for *_, o in bonds])
    return fold(np.array(elements), np.array(charges or [0] * len(elements)), ends, order, most=4)


@pytest.mark.parametrize(
    ("elements", "charges", "bonds"),
    [
        ([1, 1], [0, 0], [(0, 1, 1)]),
        ([5, 1, 5], [0, 0, 0], [(0, 1, 1), (1, 2, 1)]),
        ([3, 1], [1, -1], [(0, 1, 1)]),
        ([6, 1, 1, 1, 1, 1], [0] * 6, [(0, k, 1) for k in range(1, 6)]),
        ([8, 1], [0, 0], [(0, 1, 2)]),
    ],
    ids=["H2", "bridge", "hydride", "five", "double"],
)
def test_other_hydrogens_stay_atoms(elements: list[int], charges: list[int], bonds: list[tuple[int, int, int]]):
    parent, slot = of_bonds(elements, bonds, charges)
    assert (slot == 255).all()
    assert (parent == np.arange(len(elements))).all()


def test_hydrogens_are_numbered_on_each_atom():
    parent, slot = of_bonds([1, 6, 1, 8, 1, 1], [(0, 1, 1), (1, 2, 1), (1, 3, 1), (3, 4, 1), (5, 1, 1)])
    assert parent.tolist() == [1, 1, 1, 3, 3, 1]
    assert slot.tolist() == [0, 255, 1, 255, 0, 2]


def test_settings_say_how_molecules_are_read(store: MoleculeStore):
    assert represent(store, ModelConfig()) is store
    folded = represent(store, ModelConfig(representation="latent", bonds="aromatic"))
    assert isinstance(folded, FoldedStore)
    assert folded.aromatic


def test_hydrides_are_one_atom(tmp_path: Path):
    """Water, ammonia and methane are one atom each, and come back whole."""
    smiles = tmp_path / "small.smi"
    smiles.write_text("O\nCO\nC\nCC\nN\n")
    prepare(smiles, tmp_path / "s")
    folded = FoldedStore(MoleculeStore(tmp_path / "s"))
    assert {"OH2", "CH3", "OH", "CH4", "NH3"} == set(folded.vocabulary.labels)
    sizes = [len(molecule_of(folded.state([i]), 0, folded.vocabulary)) for i in range(len(folded.sizes))]
    assert sizes == folded.store.sizes.tolist()


def test_labels_of_folded_classes():
    vocabulary = Vocabulary.from_triples([(7, 1, 3), (6, 0, 3), (6, 0, 0), (6, -1, 1), (1, 0, 0)])
    assert vocabulary.labels == ("H", "C", "CH3", "CH-1", "NH3+1")
    assert vocabulary.hydrogens.tolist() == [0, 0, 3, 1, 3]
    assert vocabulary.unfolded.labels == ("H", "C", "C-1", "N+1")
    assert vocabulary.encode(np.array([7, 6]), np.array([1, -1]), np.array([3, 1])).tolist() == [4, 3]
