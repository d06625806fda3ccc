"""The equivariant block: pairs are updated by a small network, atoms by attention and by sums over their pairs."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from moldiff.network.pairs import Pairs, pair_layer, safe_norm
from moldiff.network.radial import GaussianBasis
from moldiff.network.tensor_products import ChannelMix, Products, SolidHarmonics, Vectors, normalised

DISTANCE_FEATURES = 16
SILENT = -1e4  # input of a pair from a padded slot: SiLU and its slope are zero there
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
        longest_path: bonds of the longest paths that an input counts, as of `moldiff.network.rings`; 0 for none.
        latent_distances: the ends of the latents' vectors are points that an input measures distances to.
    """

    atom: int
    vector: int
    pair: int
    hidden: int
    heads: int
    lmax: int
    longest_path: int = 0
    latent_distances: bool = False

    @property
    def degrees(self) -> range:
        """l of the vector features."""
        return range(1, self.lmax + 1)


@dataclass(frozen=True, eq=False)
class Features:
    """What flows through the blocks, batch on the second axis.

    Attributes:
        scalars: of atoms.
        vectors: of atoms.
        pairs: of pairs.
        pos: running estimate of the clean coordinates, Å.
    """

    scalars: Float[Tensor, "n b s"]
    vectors: Vectors
    pairs: Float[Tensor, "p b e"]
    pos: Float[Tensor, "n b 3"]


class Block(nn.Module):
    """One round of messages. The cost is in the pair network; all products of irreps are per atom.

    Args:
        widths: its sizes.
        last: of the network: its vectors of l > 1 are not read.
    """

    def __init__(self, widths: Widths, *, last: bool = False) -> None:
        super().__init__()
        self.widths = w = widths
        self.basis = GaussianBasis(0.0, MAX_DISTANCE, DISTANCE_FEATURES)
        self.harmonics = SolidHarmonics(w.lmax)
        self.norm = nn.LayerNorm(w.atom)
        # to the pairs, queries, keys, values, strengths of the harmonics
        self.splits = [w.hidden, w.atom // 2, w.atom // 2, w.atom, w.vector * w.lmax]
        self.project = nn.Linear(w.atom, sum(self.splits))
        self.project_vectors = ChannelMix([w.vector] * w.lmax, 2 * w.vector)
        self.pair_in = nn.Linear(w.pair + DISTANCE_FEATURES + w.heads * (1 + w.lmax), w.hidden, bias=False)
        self.pair_out = nn.Linear(w.hidden, w.pair + w.heads * (1 + w.lmax))
        self.gather = nn.Linear(w.atom + w.hidden, w.atom)
        self.update = AtomUpdate(w, last=last)

    def forward(
        self,
        x: Features,
        pairs: Pairs,
        bar: Float[Tensor, "b 1 n n"],
        mask: Bool[Tensor, "n b"] | None,
        reach: Float[Tensor, "n b 1"],
        scale: Float[Tensor, "b 1"],
        modulation: Float[Tensor, "b c2"] | None = None,
    ) -> Features:
        """One update of atoms, pairs and coordinates.

        Args:
            x: the features.
            pairs: index tables for n atoms.
            bar: added to attention logits; minus infinity on the diagonal and for padded senders (last axis).
            mask: slot holds an atom; None where no slot is padded.
            reach: how far each coordinate may still be from its estimate, Å.
            scale: of a sum over an atom's pairs, for each molecule.
            modulation: scale less one and shift of what the block reads of the atoms, from the labels of a molecule.

        Returns:
            The features after the round.
        """
        w = self.widths
        scalars = self.norm(x.scalars)
        if modulation is not None:
            more, shift = modulation.chunk(2, -1)
            scalars = scalars * (1 + more) + shift
        to_pair, queries, keys, values, strengths = self.project(scalars).split(self.splits, -1)
        sent, compared = zip(*(v.chunk(2, -1) for v in self.project_vectors(normalised(x.vectors))), strict=True)
        if mask is not None:
            to_pair = to_pair.masked_fill(~mask[..., None], SILENT)
            strengths = strengths * mask[..., None]

        logits = gram(queries, keys, w.heads)
        grams = torch.cat([logits + logits.transpose(2, 3), *(gram(c, c, w.heads) for c in compared)], 1)
        distances = safe_norm(x.pos.index_select(0, pairs.first) - x.pos.index_select(0, pairs.second))
        features = [x.pairs, self.basis(distances), pairs.of_square(grams)]
        carried, out, summed = pair_layer(features, to_pair, x.pairs, self.pair_in, self.pair_out, pairs)
        to_logits, *gates = out.split(w.heads, -1)
        nearness = (1 / (1 + distances)).to(out.dtype)[..., None]
        gates = [gate * nearness**degree for degree, gate in zip(w.degrees, gates, strict=True)]
        to_logits, *gates = pairs.to_square(torch.cat([to_logits, *gates], -1)).split(w.heads, 1)

        weights = (logits + to_logits + bar.to(logits.dtype)).softmax(-1).to(values.dtype).flatten(0, 1)
        message = torch.cat([attend(weights, values, w.heads), summed * scale.to(summed.dtype)], -1)
        spread = self._spread(x.pos, gates, strengths.split(w.vector, -1))
        vectors = [v + a + attend(weights, c, w.heads) for v, a, c in zip(x.vectors, spread, sent, strict=True)]
        scalars, vectors, step = self.update(x.scalars + self.gather(message), tuple(vectors))
        return Features(scalars, vectors, carried, x.pos + reach * step.to(x.pos.dtype))

    def _spread(
        self, pos: Float[Tensor, "n b 3"], gates: list[Float[Tensor, "b h n n"]], strengths: tuple[Tensor, ...]
    ) -> list[Float[Tensor, "n b _ c"]]:
        """For each degree the sum over senders of gate x harmonics of the offset x the sender's strength.

        For l = 1 it is sum_j g_ij s_j x_j - x_i sum_j g_ij s_j: no tensor has both pairs and components.
        """
        w, (n, b) = self.widths, pos.shape[:2]
        with torch.autocast(pos.device.type, enabled=False):  # a difference of large numbers
            first = strengths[0].to(pos.dtype)[:, :, None]
            located = torch.cat([pos[..., None] * first, first], 2)
            sums = attend(gates[0].to(pos.dtype).flatten(0, 1), located, w.heads)
            spread = [sums[:, :, :3] - pos[..., None] * sums[:, :, 3:]]
        if w.lmax > 1:
            located = pos.permute(1, 2, 0)  # [b 3 n]
            offsets = located[:, :, None, :] - located[:, :, :, None]  # [b 3 receiver sender]
            for gate, strength, harmonic in zip(gates[1:], strengths[1:], self.harmonics(offsets)[1:], strict=True):
                kernel = gate[:, :, None] * harmonic[:, None].to(gate.dtype)  # [b h m receiver sender]
                sums = torch.bmm(kernel.flatten(0, 1).flatten(1, 2), by_head(strength, w.heads).to(kernel.dtype))
                sums = sums.view(b, w.heads, harmonic.shape[1], n, -1).permute(3, 0, 2, 1, 4).flatten(3)
                spread.append(sums)
        return spread


class AtomUpdate(nn.Module):
    """Per-atom network: scalars see inner products of the vectors, vectors are gated by scalars.

    From lmax = 2 on, Clebsch-Gordan products of the vectors with one another are added to them.

    Args:
        widths: its sizes.
        last: its vectors of l > 1 are not read.
    """

    def __init__(self, widths: Widths, *, last: bool) -> None:
        super().__init__()
        self.widths = w = widths
        self.norm = nn.LayerNorm(w.atom)
        self.mix = ChannelMix([w.vector] * w.lmax, 3 * w.vector)
        self.products = Products(w.vector, w.lmax, highest=1 if last else w.lmax) if w.lmax > 1 else None
        num_vectors = w.vector * w.lmax
        self.inner = nn.Linear(w.atom + num_vectors, 2 * w.atom)
        self.outer = nn.Linear(2 * w.atom, w.atom + num_vectors)
        self.move = nn.Parameter(torch.empty(w.vector))
        nn.init.normal_(self.move, std=w.vector**-0.5)

    def forward(
        self, scalars: Float[Tensor, "n b s"], vectors: Vectors
    ) -> tuple[Float[Tensor, "n b s"], Vectors, Float[Tensor, "n b 3"]]:
        """The updated scalars and vectors, and a step of the coordinates."""
        w = self.widths
        first, second, change = zip(*(v.chunk(3, -1) for v in self.mix(normalised(vectors))), strict=True)
        inner = [(a * b).sum(2) for a, b in zip(first, second, strict=True)]
        out = self.outer(nn.functional.silu(self.inner(torch.cat([self.norm(scalars), *inner], -1))))
        if self.products is not None:
            terms = self.products(first, second)
            change = [*(a + b for a, b in zip(change, terms, strict=False)), *change[len(terms) :]]
        update, *gates = out.split([w.atom] + [w.vector] * w.lmax, -1)
        vectors = tuple(v + c * g[:, :, None] for v, c, g in zip(vectors, change, gates, strict=True))
        return scalars + update, vectors, (normalised(vectors[:1])[0] * self.move).sum(-1)


class VectorHead(nn.Module):
    """Vectors read from the features of each atom: a map of the channels, each gated by the scalars.

    Args:
        widths: of the features.
        count: number of vectors.
    """

    def __init__(self, widths: Widths, count: int) -> None:
        super().__init__()
        self.mix = ChannelMix([widths.vector], count)
        self.gate = nn.Linear(widths.atom, count)
        nn.init.ones_(self.gate.bias)

    def forward(self, scalars: Float[Tensor, "n b s"], vectors: Float[Tensor, "n b 3 c"]) -> Float[Tensor, "n b 3 v"]:
        """The vectors."""
        (mixed,) = self.mix(normalised((vectors,)))
        return mixed * self.gate(scalars)[:, :, None]


def gram(left: Float[Tensor, "n b *m c"], right: Float[Tensor, "n b *m c"], heads: int) -> Float[Tensor, "b h n n"]:
    """Inner products, by head, of every atom of `left` with every atom of `right`, over sqrt(terms)."""
    rows, columns = by_head(left, heads), by_head(right, heads)
    return (torch.bmm(rows, columns.transpose(1, 2)) * rows.shape[-1] ** -0.5).unflatten(0, (-1, heads))


def attend(
    weights: Float[Tensor, "bh n n"], values: Float[Tensor, "n b *m c"], heads: int
) -> Float[Tensor, "n b *m c"]:
    """Weighted sums over senders, head by head; a head's share of the channels is contiguous."""
    n, b, count = *values.shape[:2], values.shape[-1] // heads
    sums = torch.bmm(weights, by_head(values, heads).to(weights.dtype))
    return sums.view(b, heads, n, -1, count).permute(2, 0, 3, 1, 4).reshape(values.shape)


def by_head(values: Float[Tensor, "n b *m c"], heads: int) -> Float[Tensor, "bh n mc"]:
    """`[n b m (h c)]` to `[(b h) n (m c)]`, contiguous: batched products of strided operands run one by one."""
    n, b, count = *values.shape[:2], values.shape[-1] // heads
    split = values.reshape(n, b, -1, heads, count).permute(1, 3, 0, 2, 4)
    return split.reshape(b * heads, n, -1).contiguous()
