import numpy as np
import pytest
import torch

from moldiff.chem.molecule import Molecule
from moldiff.data.batching import BucketSampler, collate
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError
from moldiff.state import State

INDICES = [3, 150, 42, 42, 0, 199]


def assert_dense(state: State, molecules: list[Molecule], store: MoleculeStore) -> None:
    """Slot by slot against the molecules; padding is all zero; molecules are centred."""
    assert state.pos.dtype == torch.float32
    assert state.atom.dtype == state.bond.dtype == torch.int64
    for row, molecule in enumerate(molecules):
        n = len(molecule)
        assert state.mask[row].tolist() == [slot < n for slot in range(state.mask.shape[1])]
        atom = store.vocabulary.encode(molecule.elements, molecule.charges)
        np.testing.assert_array_equal(state.atom[row, :n].numpy(), atom)
        np.testing.assert_array_equal(state.bond[row, :n, :n].numpy(), molecule.bond)
        np.testing.assert_allclose(state.pos[row, :n].numpy(), molecule.pos - molecule.pos.mean(0), atol=2e-6)
        assert not state.pos[row, n:].any()
        assert not state.atom[row, n:].any()
        assert not state.bond[row, n:].any()
        assert not state.bond[row, :, n:].any()


def test_state_holds_the_molecules(store: MoleculeStore, sample: list[Molecule]):
    assert_dense(store.state(INDICES), [sample[i] for i in INDICES], store)


def test_state_law_catches_a_shifted_bond_offset(
    store: MoleculeStore, sample: list[Molecule], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "_bond_starts", np.maximum(store._bond_starts - 1, 0))
    with pytest.raises(AssertionError):
        assert_dense(store.state(INDICES), [sample[i] for i in INDICES], store)


def test_collate_equals_state_of_store(store: MoleculeStore):
    slow, fast = collate([store[i] for i in INDICES]), store.state(INDICES)
    for name in ("pos", "atom", "bond", "mask"):
        assert torch.equal(getattr(slow, name), getattr(fast, name))
    with pytest.raises(DataError, match="at least one"):
        collate([])


def assert_epoch(sampler: BucketSampler, sizes: np.ndarray, indices: np.ndarray, max_padding: int) -> None:
    batches = sampler.batches(3)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.sort(indices))
    for batch in batches:
        largest, smallest = sizes[batch].max(), sizes[batch].min()
        assert len(batch) <= max(1, sampler.budget // largest**2)
        assert largest - smallest <= max_padding


@pytest.mark.parametrize("max_padding", [0, 1, 2, 50])
@pytest.mark.parametrize("budget", [1, 700, 3000, 24000])
def test_sampler_takes_every_molecule_once_within_budget(store: MoleculeStore, budget: int, max_padding: int):
    train = store.split("train")
    sampler = BucketSampler(store.sizes, train, budget=budget, seed=0, max_padding=max_padding)
    assert_epoch(sampler, store.sizes, train, max_padding)


def test_sampler_law_catches_dropped_leftovers(store: MoleculeStore):
    class Dropping(BucketSampler):
        def batches(self, epoch: int) -> list[np.ndarray]:
            return [batch for batch in super().batches(epoch) if len(batch) * store.sizes[batch[0]] ** 2 > 1000]

    train = store.split("train")
    with pytest.raises(AssertionError):
        assert_epoch(Dropping(store.sizes, train, budget=3000, seed=0), store.sizes, train, 2)


def test_sampler_fills_batches_of_one_size(store: MoleculeStore):
    rng = np.random.default_rng(0)
    sizes = rng.choice([17, 18, 19, 25], p=[0.3, 0.4, 0.29, 0.01], size=20_000)
    batches = BucketSampler(sizes, np.arange(20_000), budget=24_000, seed=0).batches(0)
    assert sum(len(batch) == 74 for batch in batches if (sizes[batch] == 18).all()) > 100
    assert sum(len(set(sizes[batch])) > 1 for batch in batches) <= 3
    padded = sum(len(batch) * sizes[batch].max() ** 2 for batch in batches)
    assert padded < 1.01 * (sizes**2).sum()


@pytest.mark.parametrize("together", [1, 2, 3, 4])
def test_sampler_puts_batches_of_like_size_in_a_row(store: MoleculeStore, together: int):
    sizes = np.sort(np.random.default_rng(0).integers(3, 30, 20_000))
    sampler = BucketSampler(sizes, np.arange(20_000), budget=8_000, seed=0, together=together)
    for epoch in range(3):
        largest = [int(sizes[batch].max()) for batch in sampler.batches(epoch)]
        assert len(largest) % together == 0
        rows = [largest[i : i + together] for i in range(0, len(largest), together)]
        assert sum(max(row) - min(row) for row in rows) <= 30  # all sizes are passed through once
        assert [row[0] for row in rows] != sorted(row[0] for row in rows)
    assert_epoch(sampler, sizes, np.arange(20_000), 2)


def test_sampler_is_a_function_of_seed_and_epoch(store: MoleculeStore):
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = BucketSampler(store.sizes, store.split("train"), budget=3000, seed=seed)
        sampler.batches(7)  # what was asked before does not matter
        return [batch.tolist() for batch in sampler.batches(epoch)]

    assert order(0, 2) == order(0, 2)
    assert order(0, 2) != order(0, 3)
    assert order(0, 2) != order(1, 2)


def test_sampler_resumes_in_mid_epoch(store: MoleculeStore):
    sampler = BucketSampler(store.sizes, store.split("train"), budget=3000, seed=0)
    endless = sampler.iterate()
    length = len(sampler.batches(0))
    passed = [next(endless) for _ in range(length + 5)]
    epoch, position, batch = passed[length + 2]
    assert (epoch, position) == (1, 2)
    resumed = next(BucketSampler(store.sizes, store.split("train"), budget=3000, seed=0).iterate(epoch=1, position=2))
    np.testing.assert_array_equal(resumed[2], batch)


def test_sampler_refuses_nothing(store: MoleculeStore):
    with pytest.raises(DataError, match="0 molecules"):
        BucketSampler(store.sizes, np.empty(0, dtype=np.int64), budget=3000, seed=0)
    with pytest.raises(DataError, match="budget of 0"):
        BucketSampler(store.sizes, store.split("train"), budget=0, seed=0)
