"""Sampled trajectories that distillation learns from."""

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from torch.utils.data import IterableDataset

from moldiff.generation.sizes import Size, Sizes
from moldiff.training.loader import share_of_work


class Trajectory(NamedTuple):
    """A batch of trajectories: its number, and the size of all its molecules."""

    number: int
    size: Size


class Rollouts(IterableDataset):
    """The batches of one update after another, endless; those of this process alone.

    Args:
        sizes: of the molecules.
        batches: of all processes in an update.
        seed: of the sizes.
        start: updates already done.
    """

    def __init__(self, sizes: Sizes, *, batches: int, seed: int, start: int = 0) -> None:
        self.sizes, self.batches, self.seed, self.start = sizes, batches, seed, start

    def __iter__(self) -> Iterator[list[Trajectory]]:
        rank, world = share_of_work()
        for update in count(self.start):
            numbers = range(update * self.batches + rank, (update + 1) * self.batches, world)
            yield [Trajectory(number, self.sizes.draw(self.seed, number)) for number in numbers]
