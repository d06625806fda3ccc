"""How common the surroundings of an atom are in the data, and how common among what a student draws.

A student rewarded for validity alone learns to sample what is easy to get right. If an atom's reward has the logarithm
of how much more common its surroundings are in the data, what is drawn too often becomes rarer again: on average
that reward is the Kullback-Leibler divergence from the data, with its sign turned.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from moldiff.data.representation import FoldedStore
from moldiff.data.store.dataset import MoleculeStore
from moldiff.network.rings import paths_of
from moldiff.state import State

NUM_RADII = 4  # surroundings out to 0, 1, 2 and 3 bonds
LONGEST_RING = 6  # rings of up to as many atoms tell surroundings apart
NUM_BUCKETS = 2**20
MEMORY = 10.0  # updates that the drawn ones are counted over
SMOOTHING = 1.0  # atoms added to both counts
MOST = 3.0  # of a logarithm of two counts
ROWS = 1024  # molecules of the data that are counted at once


def environments(state: State) -> Int[Tensor, "b n radii"]:
    """Numbers of the surroundings of each atom, the same for the same ones, below `NUM_BUCKETS`.

    Out to 0 bonds they are its class, its bonds and the rings around it, from there on the surroundings one bond
    nearer of all its neighbours as well, as in Morgan's fingerprints. The rings enter as closed walks that never turn
    back.

    Args:
        state: molecules, padded or not.

    Returns:
        A number for every radius; rarely two different surroundings have the same.
    """
    bonded = state.bond > 0
    factors = _mix_bits(torch.arange(int(state.bond.max()) + 1, device=state.bond.device))[state.bond]  # 0 is 0
    key = _mix_bits(state.atom + 1) + factors.sum(-1)
    for length, paths in enumerate(paths_of(bonded, LONGEST_RING), 2):
        if length > 2:
            key = key + _mix_bits(paths.diagonal(dim1=1, dim2=2).long() * 1000 + length)
    keys = [_mix_bits(key)]
    for _ in range(1, NUM_RADII):
        keys.append(_mix_bits(3 * keys[-1] + (factors * keys[-1][:, None, :]).sum(-1)))
    return torch.stack(keys, -1) % NUM_BUCKETS


def _mix_bits(key: Int[Tensor, "*e"]) -> Int[Tensor, "*e"]:
    """The last rounds of a 64-bit hash (Steele et al. 2014, SplitMix), which wrap round."""
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        key = (key ^ (key >> shift)) * factor
    return key ^ (key >> 31)


class DensityRatio(nn.Module):
    """Counts surroundings in the data once, and those that were drawn as they come, the older ones less and less.

    Args:
        store: the data; its train split is counted.

    Attributes:
        expected: share of the surroundings in the data.
        drawn: weighted number of them among what was drawn.
    """

    expected: Float[Tensor, "radii buckets"]
    drawn: Float[Tensor, "radii buckets"]

    def __init__(self, store: MoleculeStore | FoldedStore) -> None:
        super().__init__()
        indices = store.split("train")
        parts = torch.from_numpy(indices[np.argsort(store.sizes[indices], kind="stable")]).split(ROWS)
        states = (store.state(part.numpy()) for part in parts)
        counts = sum(
            (count_keys(environments(state)[state.mask]) for state in states), torch.zeros(NUM_RADII, NUM_BUCKETS)
        )
        self.register_buffer("expected", counts / counts.sum(-1, keepdim=True), persistent=False)
        self.register_buffer("drawn", torch.zeros_like(counts))

    def fade(self) -> None:
        """Makes all that was counted weigh less, once an update."""
        self.drawn *= 1 - 1 / MEMORY

    def forward(self, keys: Int[Tensor, "b n radii"], weight: float) -> Float[Tensor, "b n"]:
        """Log of the density in the data over that among the drawn, a mean over the radii; the atom itself not counted.

        Args:
            keys: of whole molecules of the drawn, see `environments`.
            weight: that they were counted with.

        Returns:
            Natural logarithms, each between `-MOST` and `MOST` before the mean.
        """
        radii = torch.arange(NUM_RADII, device=keys.device)
        there = self.drawn[radii, keys] - weight
        due = self.expected[radii, keys] * self.drawn.sum(-1)
        return ((due + SMOOTHING) / (there + SMOOTHING)).log().clamp(-MOST, MOST).mean(-1)


def count_keys(keys: Int[Tensor, "*atoms radii"]) -> Float[Tensor, "radii buckets"]:
    """How often each number comes."""
    flat = keys.flatten(0, -2)
    return torch.stack([torch.bincount(column, minlength=NUM_BUCKETS) for column in flat.unbind(-1)]).float()
