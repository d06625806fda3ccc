"""The surroundings of an atom, as numbers that are the same for the same ones."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.data.representation import FoldedStore
from moldiff.data.store.dataset import MoleculeStore
from moldiff.network.rings import paths_of
from moldiff.state import State
from moldiff.training.distillation.density_ratio import count_keys

NUM_RADII = 4  # surroundings out to 0, 1, 2 and 3 bonds
LONGEST_RING = 6  # rings of up to as many atoms tell surroundings apart
NUM_BUCKETS = 2**20
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


def count_environments(store: MoleculeStore | FoldedStore) -> Float[Tensor, "radii buckets"]:
    """How often the surroundings come in the train split."""
    indices = store.split("train")
    parts = torch.from_numpy(indices[np.argsort(store.sizes[indices], kind="stable")]).split(ROWS)
    states = (store.state(part.numpy()) for part in parts)
    counts = (count_keys(environments(state)[state.mask], NUM_BUCKETS) for state in states)
    return sum(counts, torch.zeros(NUM_RADII, NUM_BUCKETS))
