"""Molecules put into padded batches, for training and for sampling."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int

from moldiff.errors import DataError
from moldiff.runtime.precision import use_bf16
from moldiff.state import State

if TYPE_CHECKING:
    from torch_geometric.data.data import BaseData

PAIRS_CPU, PAIRS_GPU = 32_000, 1 << 18  # atom pairs in a batch
ROWS_BF16, ROWS_FLOAT32 = 8, 32  # see `rows_of`
ATOMS_FLOAT32 = 18  # of smaller molecules as many times more rows as fit into this


def in_batches(
    sizes: Mapping[int, int],
    batch_size: int | None,
    device: torch.device,
    *,
    copies: int = 1,
    precision: str = "auto",
) -> list[tuple[int, list[int]]]:
    """A size and the indices that have it, for each batch; the batch with the lowest index first.

    Args:
        sizes: number of atoms of each index.
        batch_size: most rows of a batch; by default as many as `rows_of` says.
        device: to compute on.
        copies: rows that each index takes.
        precision: to compute in.

    Returns:
        The batches.
    """
    groups: dict[int, list[int]] = {}
    for index, n in sizes.items():
        groups.setdefault(n, []).append(index)
    batches = []
    for n, indices in groups.items():
        most, unit = rows_of(n, device, precision)
        most, unit = max(1, min(most, batch_size or most) // copies), max(1, unit // copies)
        count = -(-len(indices) // most)
        each = min(most, -(-len(indices) // (count * unit)) * unit)  # equal shares
        batches += [(n, indices[i : i + each]) for i in range(0, len(indices), each)]
    return sorted(batches, key=lambda batch: batch[1][0])


def pad_rows(indices: Sequence[int], n: int, device: torch.device, precision: str = "auto") -> list[int]:
    """The indices of a batch, the last repeated until no bits depend on their number; see `rows_of`."""
    _, unit = rows_of(n, device, precision)
    return [*indices, *[indices[-1]] * (-len(indices) % unit)]


def rows_of(n: int, device: torch.device, precision: str = "auto") -> tuple[int, int]:
    """Most rows of a batch, and the unit that its rows are filled up to, so that no bits depend on the batch.

    Kernels are chosen by shape, and add up in another order in another shape. In bf16 on the CPU all multiples of
    8 rows were found to agree; elsewhere every batch of a size has one shape, on the CPU the least that is fast.
    """
    if device.type == "cuda":
        rows = max(1, PAIRS_GPU // n**2)
        return rows, rows
    most = max(1, PAIRS_CPU // n**2)
    if use_bf16(precision, device):
        return max(ROWS_BF16, most // ROWS_BF16 * ROWS_BF16), ROWS_BF16
    rows = min(ROWS_FLOAT32 * max(1, ATOMS_FLOAT32 // n), most)
    return rows, rows


def collate(molecules: "Sequence[BaseData]") -> State:
    """Dense, padded batch in which each molecule is centred.

    Args:
        molecules: with `pos` in Å, `atom`, `edge_index` with both directions of each bond, and `edge_attr` in 1 to 3.

    Returns:
        The batch.

    Raises:
        DataError: if there is no molecule.
    """
    if not molecules:
        raise DataError("a batch needs at least one molecule")
    sizes = np.array([len(data["pos"]) for data in molecules])
    b, n = len(sizes), int(sizes.max())
    mask = np.arange(n) < sizes[:, None]
    pos = np.zeros((b, n, 3), dtype=np.float32)
    pos[mask] = torch.cat([data["pos"] for data in molecules]).numpy()
    pos = (pos - pos.sum(1, keepdims=True) / sizes[:, None, None].astype(np.float32)) * mask[..., None]
    atom = np.zeros((b, n), dtype=np.int64)
    atom[mask] = torch.cat([data["atom"] for data in molecules]).numpy()
    rows = np.repeat(np.arange(b), [data["edge_index"].shape[1] for data in molecules])
    left, right = torch.cat([data["edge_index"] for data in molecules], dim=1).numpy()
    bond = np.zeros((b, n, n), dtype=np.int64)
    bond[rows, left, right] = torch.cat([data["edge_attr"] for data in molecules]).numpy()
    return State(*(torch.from_numpy(array) for array in (pos, atom, bond, mask)))


class BucketSampler:
    """Batches of one size each, as many molecules as a budget of atom pairs allows; a pure function of (seed, epoch).

    A leftover that fills less than half a batch is merged with the next larger sizes, at most `max_padding` atoms up.
    Every molecule comes once an epoch.

    Args:
        sizes: number of atoms of each molecule of the store.
        indices: molecules to draw from, for instance `store.split("train")`.
        budget: atom pairs in a batch; a batch has `budget // n**2` molecules of n atoms, at least one.
        seed: of the order.
        max_padding: largest difference of sizes within a merged batch; 0 keeps all batches of one size.
        together: so many batches in a row are of like size, for processes that wait for one another after each.

    Raises:
        DataError: if there is nothing to draw from or the budget is not positive.
    """

    def __init__(
        self,
        sizes: Int[np.ndarray, "m"],
        indices: Int[np.ndarray, "k"],
        *,
        budget: int,
        seed: int,
        max_padding: int = 2,
        together: int = 1,
    ) -> None:
        if len(indices) == 0 or budget < 1:
            raise DataError(f"sampler: {len(indices)} molecules and a budget of {budget} pairs; both must be positive")
        self._sizes, self._indices = np.asarray(sizes), np.asarray(indices)
        self.budget, self.seed, self.max_padding, self.together = budget, seed, max_padding, together
        order = np.argsort(self._sizes[self._indices], kind="stable")
        values, starts = np.unique(self._sizes[self._indices][order], return_index=True)
        self._buckets = dict(zip(values.tolist(), np.split(self._indices[order], starts[1:]), strict=True))

    def batches(self, epoch: int) -> list[Int[np.ndarray, "b"]]:
        """All batches of an epoch, in order; training resumes at any position of this list."""
        rng = np.random.default_rng((self.seed, epoch))
        batches: list[np.ndarray] = []
        carried, carried_size = np.empty(0, dtype=np.int64), 0
        for size, bucket in self._buckets.items():
            if len(carried) and size - carried_size > self.max_padding:
                batches.append(carried)
                carried = carried[:0]
            count = max(1, self.budget // size**2)
            if not len(carried):
                carried_size = size
            if len(carried) >= count:  # fewer fit at this size than were carried up to it
                batches.append(carried)
                carried, carried_size = carried[:0], size
            queue = np.concatenate([carried, rng.permutation(bucket)])
            full = len(queue) // count * count
            batches.extend(np.split(queue[:full], range(count, full, count)) if full else [])
            rest = queue[full:]
            if full:
                carried_size = size
            carried = rest
            if 2 * len(rest) >= count:
                batches.append(rest)
                carried = rest[:0]
        if len(carried):
            batches.append(carried)
        while len(batches) % self.together and len(batches[-1]) > 1:
            batches[-1:] = np.array_split(batches[-1], 2)  # or the next epoch would begin in the middle of a row
        rows = [batches[i : i + self.together] for i in range(0, len(batches), self.together)]
        return [batch for i in rng.permutation(len(rows)) for batch in rows[i]]

    def iterate(self, *, epoch: int = 0, position: int = 0) -> Iterator[tuple[int, int, Int[np.ndarray, "b"]]]:
        """Endless (epoch, position, batch) from a given place on."""
        while True:
            batches = self.batches(epoch)
            for place in range(position, len(batches)):
                yield epoch, place, batches[place]
            epoch, position = epoch + 1, 0
