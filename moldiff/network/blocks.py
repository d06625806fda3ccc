"""The equivariant block: pairs are updated by a small network, atoms by attention and by sums over their pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from e3nn import o3
from jaxtyping import Bool, Float
from torch import Tensor, nn

from moldiff.network.pairs import GaussianBasis, Pairs, pair_layer, safe_norm

DISTANCE_FEATURES = 16
SILENT = -1e4  # brought to a pair by a padded slot: SiLU and its slope are zero there
MAX_DISTANCE = 9.0  # Å; chemistry is decided below 3 Å, the rest is shape


@dataclass(frozen=True)
class Widths:
    """Sizes of a block.

    Attributes:
        atom: scalar channels of an atom.
        vector: channels of each l >= 1 of an atom.
        pair: scalar channels of a pair.
        hidden: channels inside the pair network.
        heads: attention heads.
        lmax: highest l of the atoms' irreps.
    """

    atom: int
    vector: int
    pair: int
    hidden: int
    heads: int
    lmax: int

    @property
    def degrees(self) -> range:
        """l of the vector features."""
        return range(1, self.lmax + 1)

    def irreps(self, copies: int = 1) -> o3.Irreps:
        """Irreps of the vector features, l = 1 to lmax, of the parity of spherical harmonics."""
        parts = [f"{copies * self.vector}x{degree}{'eo'[degree % 2]}" for degree in self.degrees]
        return o3.Irreps("+".join(parts))  # pyright: ignore[reportReturnType]

    def by_degree(self, vectors: Tensor, copies: int) -> list[tuple[Tensor, ...]]:
        """Splits features of `irreps(copies)` into a tuple of copies for each degree."""
        widths = [copies * self.vector * (2 * degree + 1) for degree in self.degrees]
        return [part.chunk(copies, -1) for part in vectors.split(widths, -1)]


@dataclass(frozen=True, eq=False)
class Features:
    """What flows through the blocks, batch on the second axis.

    Attributes:
        scalars: of atoms.
        vectors: of atoms, flat irreps of `Widths.irreps`.
        pairs: of pairs.
        pos: running estimate of the clean coordinates, Å.
    """

    scalars: Float[Tensor, "n b s"]
    vectors: Float[Tensor, "n b v"]
    pairs: Float[Tensor, "p b e"]
    pos: Float[Tensor, "n b 3"]


class VectorNorm(nn.Module):
    """Divides the channels of each l by their root mean square length: equivariant, keeps directions."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.widths = widths

    def forward(self, vectors: Float[Tensor, "n b v"]) -> Float[Tensor, "n b v"]:
        """The normalised features, in float32 as e3nn's products want them."""
        parts = [widened(part) for (part,) in self.widths.by_degree(vectors, 1)]
        return joined([v * (v.square().sum(-1, keepdim=True) / self.widths.vector + 1e-2).rsqrt() for v in parts])


class SolidHarmonics(nn.Module):
    """Harmonic polynomials of l = 1 to lmax, up to a factor for each l: each is (1o x the one before), coupled to l."""

    def __init__(self, lmax: int) -> None:
        super().__init__()
        self.lmax = lmax
        for degree in range(2, lmax + 1):
            coupling = o3.wigner_3j(degree - 1, 1, degree) * (2 * degree + 1) ** 0.5
            self.register_buffer(f"coupling_{degree}", coupling.flatten(0, 1), persistent=False)

    def forward(self, directions: Float[Tensor, "b 3 n n"]) -> Float[Tensor, "b m n n"]:
        """The polynomials, l by l."""
        parts = [directions]
        for degree in range(2, self.lmax + 1):
            outer = (parts[-1][:, :, None] * directions[:, None]).flatten(1, 2)
            parts.append(torch.einsum("bpij,pm->bmij", outer, getattr(self, f"coupling_{degree}").to(outer.dtype)))
        return torch.cat(parts, 1) if len(parts) > 1 else directions


class Block(nn.Module):
    """One round of messages. The cost is in the pair network; all products of irreps are per atom."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.widths = w = widths
        self.basis = GaussianBasis(0.0, MAX_DISTANCE, DISTANCE_FEATURES)
        self.harmonics = SolidHarmonics(w.lmax)
        self.norm = nn.LayerNorm(w.atom)
        self.vector_norm = VectorNorm(w)
        # to the pairs, queries, keys, values, strengths of the harmonics
        self.splits = [w.hidden, w.atom // 2, w.atom // 2, w.atom, w.vector * w.lmax]
        self.project = nn.Linear(w.atom, sum(self.splits))
        self.project_vectors = o3.Linear(w.irreps(), w.irreps(2))
        self.pair_in = nn.Linear(w.pair + DISTANCE_FEATURES + w.heads * (1 + w.lmax), w.hidden, bias=False)
        self.pair_out = nn.Linear(w.hidden, w.pair + w.heads * (1 + w.lmax))
        self.gather = nn.Linear(w.atom + w.hidden, w.atom)
        self.update = AtomUpdate(w)

    def forward(
        self,
        x: Features,
        pairs: Pairs,
        bar: Float[Tensor, "b 1 n n"],
        mask: Bool[Tensor, "n b"] | None,
        reach: Float[Tensor, "n b 1"],
        scale: Float[Tensor, "b 1"],
    ) -> Features:
        """One update of atoms, pairs and coordinates.

        Args:
            x: the features.
            pairs: index tables for n atoms.
            bar: added to attention logits; minus infinity on the diagonal and for padded senders (last axis).
            mask: slot holds an atom; None where no slot is padded.
            reach: how far each coordinate may still be from its estimate, Å.
            scale: of a sum over an atom's pairs, for each molecule.

        Returns:
            The features after the round.
        """
        w = self.widths
        to_pair, queries, keys, values, strengths = self.project(self.norm(x.scalars)).split(self.splits, -1)
        sent, compared = zip(*w.by_degree(self.project_vectors(self.vector_norm(x.vectors)), 2), strict=True)

        logits = gram(queries, keys, w.heads)
        grams = torch.cat([logits + logits.transpose(2, 3), *(gram(c, c, w.heads) for c in compared)], 1)
        offsets = x.pos.index_select(0, pairs.first) - x.pos.index_select(0, pairs.second)
        geometry = torch.cat([self.basis(safe_norm(offsets)), pairs.of_square(grams)], -1)
        if mask is not None:
            to_pair = to_pair.masked_fill(~mask[..., None], SILENT)
        out, summed = pair_layer(
            torch.cat([x.pairs, geometry.to(x.pairs.dtype)], -1), to_pair, self.pair_in, self.pair_out, pairs
        )
        update, controls = out.split([w.pair, w.heads * (1 + w.lmax)], -1)
        to_logits, gates = pairs.to_square(controls).split([w.heads, w.heads * w.lmax], 1)

        weights = (logits + to_logits + bar.to(logits.dtype)).softmax(-1).to(values.dtype).flatten(0, 1)
        message = torch.cat([attend(weights, values, w.heads), summed * scale.to(summed.dtype)], -1)
        spread = self._spread(x.pos, gates * torch.isfinite(bar), strengths)
        vector_message = [a + attend(weights, v, w.heads) for a, v in zip(spread, sent, strict=True)]
        scalars, vectors, step = self.update(
            x.scalars + self.gather(message), x.vectors + joined(vector_message).to(x.vectors.dtype)
        )
        return Features(scalars, vectors, x.pairs + update, x.pos + reach * step.to(x.pos.dtype))

    def _spread(self, pos: Tensor, gates: Tensor, strengths: Tensor) -> list[Float[Tensor, "n b v"]]:
        """Sum over senders of gate x harmonics of the direction x the sender's strength, for each degree."""
        w, (n, b) = self.widths, pos.shape[:2]
        located = pos.permute(1, 2, 0)  # [b 3 n]
        offsets = located[:, :, None, :] - located[:, :, :, None]  # [b 3 receiver sender]
        directions = offsets / (safe_norm(offsets, 1) + 1.0)[:, None]
        harmonics = self.harmonics(directions)[:, None].to(gates.dtype)  # [b 1 m receiver sender]
        messages, start = [], 0
        for k, degree in enumerate(w.degrees):
            m = 2 * degree + 1
            kernel = gates[:, k * w.heads : (k + 1) * w.heads, None] * harmonics[:, :, start : start + m]
            strength = by_head(strengths[..., k * w.vector : (k + 1) * w.vector], w.heads)
            spread = torch.bmm(kernel.reshape(b * w.heads, m * n, n), strength.to(kernel.dtype))
            messages.append(spread.view(b, w.heads, m, n, -1).permute(3, 0, 1, 4, 2).flatten(2))
            start += m
        return messages


class AtomUpdate(nn.Module):
    """Per-atom network: scalars see inner products of the vectors, vectors are gated by scalars.

    From lmax = 2 on, Clebsch-Gordan products of the vectors with one another feed the higher degrees.
    """

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.widths = w = widths
        self.norm = nn.LayerNorm(w.atom)
        self.vector_norm = VectorNorm(w)
        self.mix = o3.Linear(w.irreps(), w.irreps(3))
        inside = [
            (i, j, ir) for i, (_, a) in enumerate(w.irreps()) for j, (_, b) in enumerate(w.irreps()) for ir in a * b
        ]
        inside = [(i, j, ir) for i, j, ir in inside if i <= j and ir in w.irreps()]
        self.products = self.combine = None
        if inside:
            out = o3.Irreps([(w.vector, ir) for _, _, ir in inside])
            paths = [(i, j, k, "uuu", False) for k, (i, j, _) in enumerate(inside)]
            self.products = o3.TensorProduct(w.irreps(), w.irreps(), out, paths)
            self.combine = o3.Linear(out, w.irreps())
        num_vectors = w.vector * w.lmax
        self.inner = nn.Linear(w.atom + num_vectors, 2 * w.atom)
        self.outer = nn.Linear(2 * w.atom, w.atom + num_vectors)
        self.move = o3.Linear(w.irreps(), o3.Irreps("1x1o"))

    def forward(
        self, scalars: Float[Tensor, "n b s"], vectors: Float[Tensor, "n b v"]
    ) -> tuple[Float[Tensor, "n b s"], Float[Tensor, "n b v"], Float[Tensor, "n b 3"]]:
        """The updated scalars and vectors, and a step of the coordinates."""
        w = self.widths
        first, second, change = zip(*w.by_degree(self.mix(self.vector_norm(vectors)), 3), strict=True)
        shapes = [(w.vector, 2 * degree + 1) for degree in w.degrees]
        inner = [(a * b).unflatten(-1, s).sum(-1) for a, b, s in zip(first, second, shapes, strict=True)]
        out = self.outer(nn.functional.silu(self.inner(torch.cat([self.norm(scalars), *inner], -1))))
        if self.products is not None and self.combine is not None:
            product = self.combine(widened(self.products(widened(joined(first)), widened(joined(second)))))
            change = [a + b for (a,), b in zip(w.by_degree(product, 1), change, strict=True)]
        update, *gates = out.split([w.atom] + [w.vector] * w.lmax, -1)
        gated = [(c.unflatten(-1, s) * g[..., None]).flatten(-2) for c, s, g in zip(change, shapes, gates, strict=True)]
        vectors = vectors + joined(gated).to(vectors.dtype)
        return scalars + update, vectors, self.move(self.vector_norm(vectors))


def widened(values: Tensor) -> Tensor:
    """In float32 where they came in bf16: e3nn's products want no less."""
    return values.float() if values.dtype == torch.bfloat16 else values


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Parts side by side; no copy where there is only one."""
    return torch.cat(list(parts), -1) if len(parts) > 1 else parts[0]


def gram(left: Float[Tensor, "n b d"], right: Float[Tensor, "n b d"], heads: int) -> Float[Tensor, "b h n n"]:
    """Inner products, by head, of every atom of `left` with every atom of `right`, over sqrt(d / heads)."""
    rows, columns = by_head(left, heads), by_head(right, heads)
    return (torch.bmm(rows, columns.transpose(1, 2)) * rows.shape[-1] ** -0.5).unflatten(0, (-1, heads))


def attend(weights: Float[Tensor, "bh n n"], values: Float[Tensor, "n b d"], heads: int) -> Float[Tensor, "n b d"]:
    """Weighted sums over senders, head by head; a head's share of the channels is contiguous."""
    message = torch.bmm(weights, by_head(values, heads).to(weights.dtype))
    return message.unflatten(0, (-1, heads)).permute(2, 0, 1, 3).flatten(2)


def by_head(values: Float[Tensor, "n b d"], heads: int) -> Float[Tensor, "bh n c"]:
    """`[n b (h c)]` to `[(b h) n c]`, contiguous: batched products of strided operands run one by one on the CPU."""
    return values.unflatten(-1, (heads, -1)).permute(1, 2, 0, 3).flatten(0, 1).contiguous()
