"""Training batches in a fixed order that can be entered anywhere."""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, distributed
from torch.utils.data import IterableDataset

from moldiff.config.training import TrainingConfig, ValidatedRunConfig
from moldiff.data.batching import BucketSampler
from moldiff.data.columns import conditioned
from moldiff.data.representation import FoldedStore
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore
from moldiff.state import State


def training_subset(
    config: TrainingConfig, store: MoleculeStore | FoldedStore
) -> tuple[Statistics, Float[Tensor, "m l"] | None, Int[np.ndarray, "k"]]:
    """Statistics with the conditions, their labels of all molecules, and which molecules are trained on."""
    indices = subset_indices(store.split("train"), config.subset)
    return *conditioned(store, config.conditions, indices), indices


class ValidationBatches(IterableDataset):
    """Batches of held-out molecules, always the same; none where nothing was held out or the run wants none.

    Processes that train together share them.

    Args:
        config: of the run.
        store: its data.
        labels: of all molecules of the store, to come with the batches.
    """

    def __init__(
        self, config: ValidatedRunConfig, store: MoleculeStore | FoldedStore, labels: Float[Tensor, "m l"] | None = None
    ) -> None:
        self.store, self.labels, self.interval = store, labels, config.validation_interval
        self.batches: list[Int[np.ndarray, "b"]] = []
        if config.validation_interval and len(split := store.split("valid")):
            chosen = np.sort(np.random.RandomState(0).permutation(split)[: config.num_validation_molecules])
            self.batches = BucketSampler(store.sizes, chosen, budget=config.pair_budget, seed=0).batches(0)

    def __iter__(self) -> Iterator[State]:
        rank, world = share_of_work()
        for indices in self.batches[rank::world]:
            yield _state(self.store, indices, self.labels)


def _state(
    store: MoleculeStore | FoldedStore, indices: Int[np.ndarray, "b"], labels: Float[Tensor, "m l"] | None
) -> State:
    state = store.state(indices)
    return state if labels is None else state.replace(labels=labels[torch.from_numpy(indices)])


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
        store: MoleculeStore | FoldedStore,
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
            yield _state(self.store, indices, self.labels)


def subset_indices(indices: Int[np.ndarray, "k"], part: tuple[float, float]) -> Int[np.ndarray, "_"]:
    """The molecules between two shares of a random order that is always the same, ascending."""
    order = np.random.RandomState(0).permutation(len(indices))
    begin, end = (round(share * len(indices)) for share in part)
    return np.sort(indices[order[begin:end]])


def share_of_work() -> tuple[int, int]:
    """Number of this process among those that train together, and how many they are."""
    together = distributed.is_available() and distributed.is_initialized()
    return (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)
