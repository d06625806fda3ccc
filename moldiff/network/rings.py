"""Rings and paths of bonds, counted in a noisy molecule: what a message would need many blocks to find out."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def path_counts(bonded: Bool[Tensor, "b n n"], longest: int) -> Float[Tensor, "b n n k"]:
    """Paths along bonds that never turn back, of 2, 3, ... `longest` bonds, from each atom to each, as log(1 + count).

    Between two bonded atoms a path of k bonds closes a ring of k + 1, from an atom to itself one of k; between others
    the shortest path is their distance in the graph. Every atom in them is counted, so fused rings are seen too.

    Args:
        bonded: which atoms are bonded, symmetric; no atom to itself.
        longest: bonds of the longest path, at least 2.

    Returns:
        The logarithms.

    Source: non-backtracking paths, B_2 = A² - D, B_(k+1) = B_k A - B_(k-1) (D - 1); cycles as features of a denoiser:
    Vignac et al. 2023, arXiv:2209.14734.
    """
    adjacency = bonded.float()
    with torch.autocast(adjacency.device.type, enabled=False):  # counts are whole numbers
        degree = adjacency.sum(-1)
        before, now = adjacency, adjacency @ adjacency - torch.diag_embed(degree)
        counts = [now]
        for _ in range(longest - 2):
            before, now = now, now @ adjacency - before * (degree - 1)[:, None]
            counts.append(now)
        return torch.stack(counts, -1).clamp_min(0).log1p()
