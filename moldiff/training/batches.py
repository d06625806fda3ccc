"""Training batches in a fixed order that can be entered anywhere."""

import itertools
from collections.abc import Iterator

from torch import distributed
from torch.utils.data import IterableDataset

from moldiff.data.batches import BucketSampler
from moldiff.data.store import MoleculeStore
from moldiff.state import State


class TrainingBatches(IterableDataset):
    """Endless batches of the train split; `start` batches are skipped, so a resumed run meets the same ones.

    Processes that train together deal the batches out among themselves, one each in turn.

    Args:
        store: prepared molecules.
        budget: atom pairs in a batch.
        seed: of the order.
        start: number of batches already used.
        together: number of processes.
    """

    def __init__(self, store: MoleculeStore, *, budget: int, seed: int, start: int = 0, together: int = 1) -> None:
        self.store, self.start = store, start
        self.sampler = BucketSampler(store.sizes, store.split("train"), budget=budget, seed=seed, together=together)

    def __iter__(self) -> Iterator[State]:
        epoch, position = 0, self.start
        while position >= (length := len(self.sampler.batches(epoch))):
            epoch, position = epoch + 1, position - length
        rank, world = share_of_work()
        for _, _, indices in itertools.islice(self.sampler.iterate(epoch=epoch, position=position), rank, None, world):
            yield self.store.state(indices)


def share_of_work() -> tuple[int, int]:
    """Number of this process among those that train together, and how many they are."""
    together = distributed.is_available() and distributed.is_initialized()
    return (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)
