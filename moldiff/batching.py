"""Molecules of equal size share a batch when they are drawn."""

from collections.abc import Mapping, Sequence

import torch

from moldiff.precision import use_bf16

PAIRS_CPU, PAIRS_GPU = 32_000, 1 << 18  # atom pairs in a batch
ROWS_BF16, ROWS_FLOAT32 = 8, 32  # see `rows_of`


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


def filled(indices: Sequence[int], n: int, device: torch.device, precision: str = "auto") -> list[int]:
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
    rows = min(ROWS_FLOAT32, most)
    return rows, rows
