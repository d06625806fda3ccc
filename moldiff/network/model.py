"""The network that generates molecules: the encoder, then clean coordinates, logits of the classes and latents."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from moldiff.network.blocks import DISTANCE_FEATURES, Features, VectorHead, Widths
from moldiff.network.encoder import Encoder
from moldiff.network.pairs import Pairs, pair_layer
from moldiff.state import BOND_CLASSES, Prediction, State, Times


class EquivariantNetwork(Encoder):
    """Equivariant under rotations, reflections, translations and permutations of the atoms.

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
        bond_classes: int = BOND_CLASSES,
    ) -> None:
        super().__init__(
            atom_classes=atom_classes,
            atom_inputs=atom_inputs,
            bond_inputs=bond_inputs,
            num_blocks=num_blocks,
            widths=widths,
            scale=scale,
            label_classes=label_classes,
            latent_vectors=latent_vectors,
            latent_scale=latent_scale,
            given_hydrogens=latent_vectors > 0,
            bond_classes=bond_classes,
        )
        self.atom_head = nn.Linear(widths.atom, atom_classes)
        self.bond_ends = nn.Linear(widths.atom, widths.hidden)
        self.bond_inner = nn.Linear(widths.pair + DISTANCE_FEATURES, widths.hidden, bias=False)
        self.bond_outer = nn.Linear(widths.hidden, bond_classes)
        self.latent_head = VectorHead(widths, latent_vectors) if latent_vectors else None

    def forward(
        self,
        state: State,
        t: Times,
        guess: Float[Tensor, "b n 3"],
        error: Float[Tensor, "b n"],
        previous: Prediction | None,
    ) -> Prediction:
        """Predicts the clean molecules.

        Args:
            state: noisy molecules.
            t: time of each element.
            guess: the best linear estimate of the clean coordinates, Å.
            error: its expected error, Å; an atom with error 0 does not move.
            previous: the last prediction, for self-conditioning.

        Returns:
            The prediction, its latent in units of the estimate's error; padded slots and the diagonal of the bonds may
            hold any finite number.
        """
        return self._read(*self.encode(state, t, guess, error, previous))

    def class_slices(self, classes: Sequence[int]) -> Mapping[str, tuple[int, list[int]]]:
        """Parameters shaped by the atom classes; see `moldiff.diffusion.denoiser.Network`."""
        return {
            "embed_atoms.weight": (1, self.atom_columns(list(classes))),
            "atom_head.weight": (0, list(classes)),
            "atom_head.bias": (0, list(classes)),
        }

    def _read(self, x: Features, pairs: Pairs) -> Prediction:
        scalars = self.atom_norm(x.scalars)
        features = [x.pairs, self._distances(x.pos, pairs)]
        nothing = x.pairs[..., :0]
        _, logits, _ = pair_layer(features, self.bond_ends(scalars), nothing, self.bond_inner, self.bond_outer, pairs)
        bond = pairs.to_square(logits).permute(0, 2, 3, 1)
        latent = x.pos[..., :0].transpose(0, 1)
        if self.latent_head is not None:
            latent = self.latent_head(scalars, x.vectors[0]).transpose(2, 3).flatten(2).transpose(0, 1)
        return Prediction(x.pos.transpose(0, 1), self.atom_head(scalars).transpose(0, 1), bond, latent)
