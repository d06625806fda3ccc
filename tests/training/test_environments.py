"""Surroundings of atoms: what tells them apart, and what drawing them too often costs."""

from collections.abc import Sequence

import pytest
import torch
from rdkit import Chem

from moldiff.data.store.dataset import MoleculeStore
from moldiff.state import State
from moldiff.training.distillation.density_ratio import MOST, DensityRatio, count_keys
from moldiff.training.distillation.environments import NUM_BUCKETS, count_environments, environments


def state(smiles: str, *, padding: int = 0, order: Sequence[int] | None = None) -> State:
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    Chem.Kekulize(molecule, clearAromaticFlags=True)
    if order is not None:
        molecule = Chem.RenumberAtoms(molecule, list(order))
    n = molecule.GetNumAtoms()
    atom, bond = torch.zeros(1, n + padding, dtype=torch.long), torch.zeros(1, n + padding, n + padding).long()
    atom[0, :n] = torch.tensor([a.GetAtomicNum() for a in molecule.GetAtoms()])
    bond[0, :n, :n] = torch.from_numpy(Chem.GetAdjacencyMatrix(molecule, useBO=True)).long()
    mask = torch.arange(n + padding)[None] < n
    return State(torch.zeros(1, n + padding, 3), atom, bond, mask)


def first(smiles: str) -> list[int]:
    """Surroundings of the first atom."""
    return environments(state(smiles))[0, 0].tolist()


def same(one: str, two: str) -> int:
    """Radii out to which the first atoms of two molecules have the same surroundings."""
    return sum(a == b for a, b in zip(first(one), first(two), strict=True))


@pytest.mark.parametrize(
    ("one", "two", "radii"),
    [
        ("CCCCO", "CCCCO", 4),
        ("CCCCO", "CCCCN", 4),
        ("CCCO", "CCCN", 3),
        ("CCO", "CCN", 2),
        ("CO", "CN", 1),
        ("CO", "NO", 0),
        ("C=C", "CC", 0),
        ("C1CC1", "C1CCC1", 0),
        ("C1CCCC1", "C1CCCCC1", 0),
        ("C1CCCCC1", "CCC", 0),
    ],
)
def test_surroundings_are_the_same_out_to_where_the_molecules_are(one: str, two: str, radii: int):
    assert same(one, two) == radii


def test_surroundings_know_neither_order_nor_padding():
    plain = environments(state("CC(=O)NC1CC1"))[0]
    order = torch.randperm(len(plain), generator=torch.Generator().manual_seed(0)).tolist()
    turned = environments(state("CC(=O)NC1CC1", padding=3, order=order))[0]
    assert torch.equal(turned[: len(plain)], plain[order])
    assert len(set(plain[:, 3].tolist())) == 10  # hydrogens of one carbon, and both carbons of the ring, are alike


@pytest.fixture
def ratio(store: MoleculeStore) -> DensityRatio:
    return DensityRatio(count_environments(store))


def draw(ratio: DensityRatio, drawn: State, times: float = 1.0) -> torch.Tensor:
    """What each atom of the molecules gets, drawn some times over."""
    keys = environments(drawn)
    ratio.drawn += times * count_keys(keys[drawn.mask], NUM_BUCKETS)
    return ratio(keys, 1.0)[drawn.mask]


def test_the_data_itself_is_neither_too_common_nor_too_rare(ratio: DensityRatio, store: MoleculeStore):
    drawn = store.state(store.split("train"))
    keys = environments(drawn)
    ratio.drawn += count_keys(keys[drawn.mask], NUM_BUCKETS)
    due = ratio.expected * ratio.drawn.sum(-1, keepdim=True)
    torch.testing.assert_close(due, ratio.drawn)
    assert ratio(keys, 0.0)[drawn.mask].abs().max() < 1e-5


def test_what_is_drawn_too_often_pays_and_what_is_drawn_too_rarely_earns(ratio: DensityRatio, store: MoleculeStore):
    one = store.state(store.split("train")[:1])
    draw(ratio, store.state(store.split("train")[1:]))
    assert draw(ratio, one, times=500.0).max() < -0.3
    ratio.drawn.zero_()
    draw(ratio, one.replace(atom=one.atom * 0), times=500.0)
    assert draw(ratio, one).min() > 0.3
    assert ratio(environments(one), 1.0).abs().max() <= MOST


def test_an_atom_does_not_count_itself(ratio: DensityRatio, store: MoleculeStore):
    one = store.state(store.split("train")[:1])
    alone = draw(ratio, one.replace(atom=one.atom * 0 + len(store.vocabulary) - 1))  # in none of the data
    assert alone.min() >= -1.5


def test_what_is_drawn_as_one_does_not_count_against_itself():
    ratio = DensityRatio(torch.tensor([[100.0, 1.0]]))
    ratio.drawn += torch.tensor([[50.0, 6.0]])
    ring = torch.ones(6, 1, dtype=torch.long)
    assert ratio(ring, 1.0, 6 * ring).min() > 0 > ratio(ring, 1.0).max()


def test_what_was_drawn_long_ago_weighs_nothing(ratio: DensityRatio, store: MoleculeStore):
    draw(ratio, store.state(store.split("train")))
    for _ in range(100):
        ratio.fade()
    assert ratio.drawn.max() < 0.1
