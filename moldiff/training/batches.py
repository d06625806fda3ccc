"""Training batches in a fixed order that can be entered anywhere."""

from collections.abc import Iterator

from torch.utils.data import IterableDataset

from moldiff.data.batches import BucketSampler
from moldiff.data.store import MoleculeStore
from moldiff.state import State


class TrainingBatches(IterableDataset):
    """Endless batches of the train split; `start` batches are skipped, so a resumed run meets the same ones.

    Args:
        store: prepared molecules.
        budget: atom pairs in a batch.
        seed: of the order.
        start: number of batches already used.
    """

    def __init__(self, store: MoleculeStore, *, budget: int, seed: int, start: int = 0) -> None:
        self.store, self.start = store, start
        self.sampler = BucketSampler(store.sizes, store.split("train"), budget=budget, seed=seed)

    def __iter__(self) -> Iterator[State]:
        epoch, position = 0, self.start
        while position >= (length := len(self.sampler.batches(epoch))):
            epoch, position = epoch + 1, position - length
        for _, _, indices in self.sampler.iterate(epoch=epoch, position=position):
            yield self.store.state(indices)
