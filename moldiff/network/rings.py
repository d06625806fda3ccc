"""Rings and paths of bonds, counted in a noisy molecule: what a message would need many blocks to find out."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def paths_of(bonded: Bool[Tensor, "b n n"], longest: int) -> list[Float[Tensor, "b n n"]]:
    """Numbers of paths along bonds that never turn back, from each atom to each.

    Between two bonded atoms a path of k bonds closes a ring of k + 1, from an atom to itself one of k; between others
    the shortest path is their distance in the graph. A path may cross itself, so fused rings are seen too.

    Args:
        bonded: which atoms are bonded, symmetric; no atom to itself.
        longest: bonds of the longest path, at least 2.

    Returns:
        Those of 2, 3, ... `longest` bonds, in float64.

    Source: of non-backtracking paths, B_2 = A² - D and B_(k+1) = B_k A - B_(k-1) (D - 1).
    """
    before = bonded.double()
    degree = before.sum(-1)
    adjacency, found = before, [before @ before - torch.diag_embed(degree)]
    for _ in range(longest - 2):
        before, now = found[-1], found[-1] @ adjacency - before * (degree - 1)[:, None]
        found.append(now)
    return found


def path_counts(bonded: Bool[Tensor, "b n n"], longest: int) -> Float[Tensor, "b n n k"]:
    """The same as log(1 + number), side by side, in float32; as features of a denoiser: Vignac et al. 2023,
    arXiv:2209.14734."""
    return torch.stack(paths_of(bonded, longest), -1).clamp_min(0).log1p().float()
