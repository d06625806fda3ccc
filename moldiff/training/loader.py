"""Training batches in a fixed order that can be entered anywhere."""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, distributed
from torch.utils.data import IterableDataset

from moldiff.config.training import TrainingConfig
from moldiff.data.batching import BucketSampler
from moldiff.data.columns import conditioned
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore
from moldiff.state import State


def training_subset(
    config: TrainingConfig, store: MoleculeStore
) -> tuple[Statistics, Float[Tensor, "m l"] | None, Int[np.ndarray, "k"]]:
    """Statistics with the conditions, their labels of all molecules, and which molecules are trained on."""
    indices = subset_indices(store.split("train"), config.subset)
    return *conditioned(store, config.conditions, indices), indices


class TrainingBatches(IterableDataset):
    """Endless batches of the train split; `start` batches are skipped, so a resumed run meets the same ones.

    Processes that train together deal the batches out among themselves, one each in turn.

    Args:
        store: prepared molecules.
        budget: atom pairs in a batch.
        seed: of the order.
        indices: of the molecules; by default the train split.
        labels: of all molecules of the store, to come with the batches.
        start: number of batches already used.
        together: number of processes.
    """

    def __init__(
        self,
        store: MoleculeStore,
        *,
        budget: int,
        seed: int,
        indices: Int[np.ndarray, "k"] | None = None,
        labels: Float[Tensor, "m l"] | None = None,
        start: int = 0,
        together: int = 1,
    ) -> None:
        self.store, self.labels, self.start = store, labels, start
        chosen = store.split("train") if indices is None else indices
        self.sampler = BucketSampler(store.sizes, chosen, budget=budget, seed=seed, together=together)

    def __iter__(self) -> Iterator[State]:
        epoch, position = 0, self.start
        while position >= (length := len(self.sampler.batches(epoch))):
            epoch, position = epoch + 1, position - length
        rank, world = share_of_work()
        for _, _, indices in itertools.islice(self.sampler.iterate(epoch=epoch, position=position), rank, None, world):
            state = self.store.state(indices)
            yield state if self.labels is None else state.replace(labels=self.labels[torch.from_numpy(indices)])


def subset_indices(indices: Int[np.ndarray, "k"], part: tuple[float, float]) -> Int[np.ndarray, "_"]:
    """The molecules between two shares of a random order that is always the same, ascending."""
    order = np.random.RandomState(0).permutation(len(indices))
    begin, end = (round(share * len(indices)) for share in part)
    return np.sort(indices[order[begin:end]])


def share_of_work() -> tuple[int, int]:
    """Number of this process among those that train together, and how many they are."""
    together = distributed.is_available() and distributed.is_initialized()
    return (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)
