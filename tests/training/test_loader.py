from itertools import islice

import pytest
import torch

from moldiff.data.store.dataset import MoleculeStore
from moldiff.state import State
from moldiff.training.loader import TrainingBatches


def same(one: State, other: State) -> bool:
    return all(torch.equal(getattr(one, k), getattr(other, k)) for k in ("pos", "atom", "bond", "mask"))


def epoch_length(store: MoleculeStore) -> int:
    return len(TrainingBatches(store, budget=2000, seed=3).sampler.batches(0))


@pytest.mark.parametrize("extra", [0, 1, 4])
@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_batches_can_be_entered_anywhere(store: MoleculeStore, epochs: int, extra: int):
    """Also in a later epoch, and exactly at the border of two."""
    start = epochs * epoch_length(store) + extra
    skipped = islice(TrainingBatches(store, budget=2000, seed=3), start, start + 5)
    entered = islice(TrainingBatches(store, budget=2000, seed=3, start=start), 5)
    assert all(same(a, b) for a, b in zip(skipped, entered, strict=True))


def test_batches_law_catches_one_batch_too_many(store: MoleculeStore):
    skipped = islice(TrainingBatches(store, budget=2000, seed=3), 3, 8)
    entered = islice(TrainingBatches(store, budget=2000, seed=3, start=4), 5)
    assert not all(same(a, b) for a, b in zip(skipped, entered, strict=True))


def test_batches_of_an_epoch_hold_every_molecule_of_the_train_split_once(store: MoleculeStore):
    batches = TrainingBatches(store, budget=2000, seed=3)
    first, second = (torch.cat([torch.as_tensor(b) for b in batches.sampler.batches(epoch)]) for epoch in (0, 1))
    assert first.sort().values.tolist() == sorted(store.split("train"))
    assert first.tolist() != second.tolist()
    assert sum(len(b.mask) for b in islice(batches, epoch_length(store))) == len(store.split("train"))
