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
        if n < 2:
            return values.new_zeros(*values.shape[1:], n, n)
        return values.index_select(0, self.square).permute(1, 2, 0).contiguous().unflatten(2, (n, n))


class PairLayer(torch.autograd.Function):
    """Two linear maps with a SiLU between them, on pairs, with a sum from and a sum to the atoms in the middle.

    hidden_ij = silu(W_in x_ij + a_i + a_j), out_ij = W_out hidden_ij + b_out, sum_i = sum_j hidden_ij. The first
    outputs are added to what the pairs carry. As one function because it is the most expensive part of the network:
    its backward adds in place where autograd would make four more passes over the pairs.
    """

    @staticmethod
    def forward(
        ctx,
        features: Float[Tensor, "p b f"],
        atoms: Float[Tensor, "n b h"],
        carried: Float[Tensor, "p b e"],
        weight_in: Float[Tensor, "h f"],
        weight_out: Float[Tensor, "o h"],
        bias_out: Float[Tensor, "o"],
        incidence: Float[Tensor, "p n"],
    ) -> tuple[Float[Tensor, "p b e"], Float[Tensor, "p b oe"], Float[Tensor, "n b h"]]:
        """Returns carried + the first outputs, the other outputs, and the sum; all floating inputs have one dtype."""
        p, b, e = carried.shape
        h = len(weight_in)
        before = (features.flatten(0, 1) @ weight_in.T).view(p, b * h).addmm_(incidence, atoms.flatten(1))
        hidden = torch.nn.functional.silu(before)
        ctx.save_for_backward(features, before, hidden, weight_in, weight_out, incidence)
        flat = hidden.view(p * b, h)
        updated = torch.addmm(carried.reshape(p * b, e), flat, weight_out[:e].T).add_(bias_out[:e])
        others = torch.addmm(bias_out[e:], flat, weight_out[e:].T)
        return updated.view(p, b, e), others.view(p, b, len(weight_out) - e), (incidence.T @ hidden).view_as(atoms)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of all inputs but the incidence matrix."""
        features, before, hidden, weight_in, weight_out, incidence = ctx.saved_tensors
        p, b, h = *features.shape[:2], len(weight_in)
        e = gradients[0].shape[-1]
        grad_updated, grad_others = (grad.reshape(p * b, grad.shape[-1]) for grad in gradients[:2])
        grad_hidden = (grad_updated @ weight_out[:e]).addmm_(grad_others, weight_out[e:]).view(p, b * h)
        grad_before = torch.ops.aten.silu_backward(grad_hidden.addmm_(incidence, gradients[2].flatten(1)), before)
        flat, flat_hidden = grad_before.view(p * b, h), hidden.view(p * b, h)
        return (
            (flat @ weight_in).view_as(features),
            (incidence.T @ grad_before).unflatten(1, (b, h)),
            gradients[0],
            flat.T @ features.flatten(0, 1),
            torch.cat([grad_updated.T @ flat_hidden, grad_others.T @ flat_hidden]),
            torch.cat([grad_updated.sum(0), grad_others.sum(0)]),
            None,
        )


def pair_layer(
    features: list[Float[Tensor, "p b _"]],
    atoms: Float[Tensor, "n b h"],
    carried: Float[Tensor, "p b e"],
    inner: nn.Linear,
    outer: nn.Linear,
    pairs: Pairs,
) -> tuple[Float[Tensor, "p b e"], Float[Tensor, "p b oe"], Float[Tensor, "n b h"]]:
    """`PairLayer` with the weights of two modules, in the precision of what the pairs carry.

    Args:
        features: of the pairs, to be set side by side.
        atoms: what the atoms add before the SiLU.
        carried: what the first outputs are added to; of no channel where there is none.
        inner: map before the SiLU.
        outer: map after it.
        pairs: index tables.

    Returns:
        What the pairs carry now, the other outputs, and the sums over the pairs of each atom.
    """
    dtype = carried.dtype
    weights = (inner.weight.to(dtype), outer.weight.to(dtype), outer.bias.to(dtype))
    joined = torch.cat([part.to(dtype) for part in features], -1)
    return PairLayer.apply(joined, atoms.to(dtype), carried, *weights, pairs.incidence.to(dtype))  # type: ignore[return-value]


def safe_norm(vectors: Float[Tensor, "..."], dim: int = -1) -> Float[Tensor, "..."]:
    """Length along an axis, with a finite gradient at zero."""
    return (vectors.square().sum(dim) + 1e-8).sqrt()
