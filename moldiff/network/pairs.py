"""The unordered pairs of n atoms: indices, sums to and from them, and their features.

Everything a pair carries is symmetric, so the n(n-1)/2 pairs i < j are kept instead of n² ones. Inside the
network the batch is the second axis, atoms `[n b d]` and pairs `[p b d]`: then the two sums between atoms and
pairs are one matrix product each, with the constant 0/1 incidence matrix.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Pairs:
    """Index tables of the pairs of n atoms.

    Attributes:
        first: lower atom of each pair.
        second: upper atom.
        incidence: 1 where an atom belongs to a pair.
        square: the pair's number for every ordered (i, j), flattened; 0 on the diagonal.
    """

    first: Int[Tensor, "p"]
    second: Int[Tensor, "p"]
    incidence: Float[Tensor, "p n"]
    square: Int[Tensor, "nn"]

    @classmethod
    def of(cls, n: int, *, device: torch.device) -> "Pairs":
        """The tables for n atoms."""
        first, second = torch.triu_indices(n, n, 1, device=device)
        p = torch.arange(len(first), device=device)
        incidence = torch.zeros(len(p), n, device=device)
        incidence[p, first] = incidence[p, second] = 1.0
        square = torch.zeros(n, n, dtype=torch.long, device=device)
        square[first, second] = square[second, first] = p
        return cls(first, second, incidence, square.flatten())

    def of_square(self, values: Float[Tensor, "b d n n"]) -> Float[Tensor, "p b d"]:
        """Upper triangles of symmetric matrices."""
        n = values.shape[-1]
        return values.flatten(2).permute(2, 0, 1).index_select(0, self.first * n + self.second)

    def to_square(self, values: Float[Tensor, "p b d"]) -> Float[Tensor, "b d n n"]:
        """Symmetric matrices; the diagonal holds a copy of some pair and must be masked."""
        n = self.incidence.shape[1]
        return values.index_select(0, self.square).permute(1, 2, 0).contiguous().unflatten(2, (n, n))

    def add_ends(self, values: Float[Tensor, "p b d"], atoms: Float[Tensor, "n b d"]) -> Float[Tensor, "p b d"]:
        """values_ij + a_i + a_j, in the memory of `values`."""
        return values.flatten(1).addmm_(self.incidence.to(atoms.dtype), atoms.flatten(1)).unflatten(1, values.shape[1:])

    def sum_over_pairs(self, values: Float[Tensor, "p b d"]) -> Float[Tensor, "n b d"]:
        """Sum over the pairs of each atom."""
        return (self.incidence.to(values.dtype).T @ values.flatten(1)).unflatten(1, values.shape[1:])


class GaussianBasis(nn.Module):
    """Smooth features of a scalar: Gaussians on an even grid, as in SchNet, arXiv:1706.08566."""

    centers: Tensor

    def __init__(self, low: float, high: float, count: int) -> None:
        super().__init__()
        self.register_buffer("centers", torch.linspace(low, high, count), persistent=False)
        self.inverse_width = (count - 1) / (high - low)

    def forward(self, value: Float[Tensor, "*e"]) -> Float[Tensor, "*e g"]:
        """exp(-((value - center) / spacing)^2 / 2)."""
        return torch.exp(-0.5 * ((value[..., None] - self.centers) * self.inverse_width) ** 2)


def safe_norm(vectors: Float[Tensor, "..."], dim: int = -1) -> Float[Tensor, "..."]:
    """Length along an axis, with a finite gradient at zero."""
    return (vectors.square().sum(dim) + 1e-8).sqrt()
