"""The trunk of every network of this package: embeds noisy molecules and runs the equivariant blocks."""

from collections.abc import Collection, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from moldiff.network.blocks import DISTANCE_FEATURES, MAX_DISTANCE, Block, Features, Widths
from moldiff.network.condition_embedding import LabelLayers
from moldiff.network.pairs import Pairs, safe_norm
from moldiff.network.radial import GaussianBasis
from moldiff.network.rings import path_counts
from moldiff.state import BOND_CLASSES, Prediction, State, Times

TIME_FEATURES = 16
SIZE_PERIODS = (4, 8, 16, 32)  # atoms; with the parity, the features of neighbouring sizes differ
SIZE_FEATURES = 2 + 2 * len(SIZE_PERIODS)


class Encoder(nn.Module):
    """Features of atoms and pairs, equivariant under rotations, reflections, translations and permutations.

    Args:
        atom_classes: number of atom classes of the data.
        atom_inputs: number of classes of a noisy atom, one more with absorbing noise.
        bond_inputs: number of classes of a noisy bond.
        num_blocks: rounds of messages.
        widths: sizes of a block.
        scale: spread of the data's coordinates, Å.
        label_classes: for each label of a molecule its number of classes, or 0 for a number.
        latent_vectors: number of vectors in the latent of an atom.
        latent_scale: spread of the data's latents, Å.
        given_hydrogens: the number of folded hydrogens may be given.
        bond_classes: number of classes of a clean bond.
    """

    def __init__(
        self,
        *,
        atom_classes: int,
        atom_inputs: int,
        bond_inputs: int,
        num_blocks: int,
        widths: Widths,
        scale: float,
        label_classes: Sequence[int] = (),
        latent_vectors: int = 0,
        latent_scale: float = 1.0,
        given_hydrogens: bool = False,
        bond_classes: int = BOND_CLASSES,
    ) -> None:
        super().__init__()
        w = widths
        self.atom_classes, self.atom_inputs = atom_classes, atom_inputs
        self.bond_classes, self.bond_inputs = bond_classes, bond_inputs
        self.scale, self.latent_vectors, self.latent_scale = scale, latent_vectors, latent_scale
        self.given_hydrogens, self.reads_ends = given_hydrogens, w.latent_distances and latent_vectors > 0
        self.time_basis = GaussianBasis(0.0, 1.0, TIME_FEATURES)
        self.distance_basis = GaussianBasis(0.0, MAX_DISTANCE, DISTANCE_FEATURES)
        # class, previous prediction and whether there is one, times of coordinates, class and latents, size
        times, numbers = 2 + (latent_vectors > 0), SIZE_FEATURES + given_hydrogens * (SIZE_FEATURES + 1)
        paths = 2 * max(0, w.longest_path - 1)  # of the noisy and of the predicted bonds
        distances = 2 + 4 * self.reads_ends  # of the noisy and of the predicted coordinates
        self.embed_atoms = nn.Linear(atom_inputs + atom_classes + 1 + times * TIME_FEATURES + numbers + paths, w.atom)
        of_pairs = bond_inputs + bond_classes + distances * DISTANCE_FEATURES + TIME_FEATURES + paths
        self.embed_pairs = nn.Linear(of_pairs, w.pair)
        self.embed_moves = nn.Parameter(torch.empty(w.vector))
        nn.init.normal_(self.embed_moves)
        self.embed_labels = (
            LabelLayers(label_classes, hidden=w.hidden, channels=w.atom, num_blocks=num_blocks)
            if label_classes
            else None
        )
        # of each vector of the latent its estimate, and how far the previous prediction is from it
        self.embed_latents = nn.Parameter(torch.empty(2 * latent_vectors, w.vector)) if latent_vectors else None
        if self.embed_latents is not None:
            nn.init.normal_(self.embed_latents)
        self.widths = w
        self.blocks = nn.ModuleList(Block(w, last=i == num_blocks - 1) for i in range(num_blocks))
        self.atom_norm = nn.LayerNorm(w.atom)

    def encode(
        self,
        state: State,
        t: Times,
        guess: Float[Tensor, "b n 3"],
        error: Float[Tensor, "b n"],
        previous: Prediction | None,
    ) -> tuple[Features, Pairs]:
        """Features of noisy molecules.

        Args:
            state: noisy molecules.
            t: time of each element.
            guess: the best linear estimate of the clean coordinates, Å.
            error: its expected error, Å; an atom with error 0 does not move.
            previous: the last prediction, for self-conditioning.

        Returns:
            The features after the last block, and the index tables of the pairs.
        """
        n = state.mask.shape[1]
        pairs = Pairs.of(n, device=state.pos.device)
        mask = None if bool(state.mask.all()) else state.mask.T
        itself = torch.eye(n, dtype=torch.bool, device=state.pos.device)
        blocked = itself | ~state.mask[:, None, None, :]
        # A single atom attends to itself, so that its row of the softmax stays finite.
        blocked = blocked & ~(itself & blocked.all(-1, keepdim=True))
        bar = torch.zeros(blocked.shape, device=state.pos.device).masked_fill(blocked, -torch.inf)
        x = self._embed(state, t, guess, previous, pairs)
        reach = error.T[..., None]
        scale = (state.mask.sum(1, keepdim=True) - 1).clamp_min(1).to(guess.dtype).rsqrt()
        modulations = [None] * len(self.blocks)
        if self.embed_labels is not None:
            modulations = self.embed_labels(state.labels, like=guess[:, 0, :1])
        for block, modulation in zip(self.blocks, modulations, strict=True):
            x = block(x, pairs, bar, mask, reach, scale, modulation)
        return x, pairs

    def hold_coordinates(self) -> None:
        """For molecules whose coordinates are known and do not move: what would move them learns nothing."""
        self.embed_moves.requires_grad_(False)
        for block in self.blocks:
            cast(Block, block).update.move.requires_grad_(False)

    def atom_columns(self, classes: list[int]) -> list[int]:
        """Inputs of `embed_atoms`, of the classes only these, in an order that does not depend on their number."""
        width = self.embed_atoms.in_features
        predicted = width - self.atom_classes - 1
        return [*classes, *range(self.atom_classes, predicted), *(predicted + c for c in classes), width - 1]

    def label_parameters(self) -> Collection[str]:
        """Parameters that read the labels; see `moldiff.diffusion.denoiser.Network`."""
        return {name for name, _ in self.named_parameters() if name.startswith("embed_labels.")}

    def embeddings(self) -> Collection[str]:
        """Parameters that read the inputs; see `moldiff.diffusion.denoiser.Network`."""
        return {name for name, _ in self.named_parameters() if name.startswith("embed_")}

    def _embed(self, state: State, t: Times, guess: Tensor, previous: Prediction | None, pairs: Pairs) -> Features:
        b, n = state.mask.shape
        dtype = guess.dtype
        one_hot = nn.functional.one_hot
        atoms = [
            one_hot(state.atom.T, self.atom_inputs).to(dtype),
            self.time_basis(t.pos.T),
            self.time_basis(t.atom.T),
            *([self.time_basis(t.latent.T)] if self.latent_vectors else []),
            size_features(state.mask.sum(1).to(dtype)).expand(n, b, SIZE_FEATURES),
            *([given_features(state, dtype).expand(n, b, SIZE_FEATURES + 1)] if self.given_hydrogens else []),
        ]
        start = guess.transpose(0, 1)
        noisy = self._distances(state.pos.transpose(0, 1), pairs)
        bonds = self._upper(state.bond, pairs)
        edges = [one_hot(bonds, self.bond_inputs).to(dtype), self.time_basis(self._upper(t.bond, pairs)), noisy]
        if previous is None:
            moves = torch.zeros_like(start)
            atoms.append(start.new_zeros(n, b, self.atom_classes + 1))
            width = self.bond_classes + (1 + 2 * self.reads_ends) * DISTANCE_FEATURES
            edges.append(start.new_zeros(len(pairs.first), b, width))
        else:
            last = previous.pos.to(dtype).transpose(0, 1)
            moves = last - start
            atoms += [previous.atom.to(dtype).softmax(-1).transpose(0, 1), start.new_ones(n, b, 1)]
            probs = self._upper(previous.bond, pairs).to(dtype).softmax(-1)
            edges += [probs, self._distances(last, pairs)]
            if self.reads_ends:
                edges += self._end_distances(last, previous.latent.to(dtype), pairs)
        if self.reads_ends:
            edges += self._end_distances(start, state.latent.to(dtype), pairs)
        if self.widths.longest_path > 1:
            paths = self._paths(state, previous).to(dtype)
            edges.append(self._upper(paths, pairs))
            # before what was predicted, as `atom_columns` has it
            atoms.insert(1, paths.diagonal(dim1=1, dim2=2).permute(2, 0, 1))
        first = (moves / self.scale)[..., None] * self.embed_moves
        if self.embed_latents is not None:
            first = first + self._latents(state, previous) @ self.embed_latents
        w = self.widths
        vectors = (first, *(first.new_zeros(n, b, 2 * degree + 1, w.vector) for degree in w.degrees[1:]))
        return Features(self.embed_atoms(torch.cat(atoms, -1)), vectors, self.embed_pairs(torch.cat(edges, -1)), start)

    def _paths(self, state: State, previous: Prediction | None) -> Float[Tensor, "b n n w"]:
        """Counts of paths along the noisy bonds, and along those that the previous prediction holds for likely."""
        pairs = state.pair_mask
        longest = self.widths.longest_path
        noisy = path_counts((state.bond > 0) & (state.bond < self.bond_classes) & pairs, longest)  # beyond: hidden
        if previous is None:
            return torch.cat([noisy, torch.zeros_like(noisy)], -1)
        none = previous.bond.float().softmax(-1)[..., 0]
        none = (none + none.mT) / 2
        return torch.cat([noisy, path_counts((none < 0.5) & pairs, longest)], -1)

    def _latents(self, state: State, previous: Prediction | None) -> Float[Tensor, "n b 3 c"]:
        """Estimates of the vectors of the latents, and the differences of the previous prediction from them."""
        now = state.latent.transpose(0, 1)
        moves = torch.zeros_like(now) if previous is None else previous.latent.to(now.dtype).transpose(0, 1) - now
        return torch.cat([now, moves], -1).unflatten(-1, (-1, 3)).transpose(2, 3) / self.latent_scale

    def _distances(self, pos: Float[Tensor, "n b 3"], pairs: Pairs) -> Float[Tensor, "p b g"]:
        return self.distance_basis(safe_norm(pos.index_select(0, pairs.first) - pos.index_select(0, pairs.second)))

    def _end_distances(
        self, pos: Float[Tensor, "n b 3"], latent: Float[Tensor, "b n d"], pairs: Pairs
    ) -> list[Float[Tensor, "p b g"]]:
        """Distances between the latent hydrogens of two atoms, and the sum of those from each to the other atom."""
        ends = pos + latent[..., :3].transpose(0, 1)
        one, other = pairs.first, pairs.second
        there, back = (
            self.distance_basis(safe_norm(ends.index_select(0, i) - pos.index_select(0, j)))
            for i, j in ((one, other), (other, one))
        )
        return [self._distances(ends, pairs), there + back]

    @staticmethod
    def _upper(values: Tensor, pairs: Pairs) -> Tensor:
        """`[b n n ...]` to `[p b ...]`."""
        return values[:, pairs.first, pairs.second].transpose(0, 1)


def given_features(state: State, dtype: torch.dtype) -> Float[Tensor, "b f"]:
    """The number of hydrogens as `size_features`, and 1 for it is given; zeros where it is not."""
    number = state.num_hydrogens
    if number is None:
        return torch.zeros(len(state.mask), SIZE_FEATURES + 1, dtype=dtype, device=state.mask.device)
    given = (number >= 0).to(dtype)[:, None]
    return torch.cat([size_features(number.to(dtype)), torch.ones_like(given)], -1) * given


def size_features(size: Float[Tensor, "b"]) -> Float[Tensor, "b f"]:
    """The number of atoms, its parity, and waves of several periods."""
    angles = [2 * torch.pi * size / period for period in SIZE_PERIODS]
    waves = [wave(angle) for angle in angles for wave in (torch.cos, torch.sin)]
    return torch.stack([size / 32, torch.cos(torch.pi * size), *waves], -1)
