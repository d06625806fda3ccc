"""The decoder of latent hydrogens: from heavy atoms with a latent each to the coordinates of all hydrogens."""

import math
from collections.abc import Collection, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from moldiff.network.blocks import VectorHead, Widths
from moldiff.network.encoder import Encoder
from moldiff.state import BOND_CLASSES, MOST_FOLDED, State, Times

CROSSED = 4  # cross products of which an axial vector is the sum
LONE_ANGLE = {2: 104.5, 3: 107.0, 4: 109.4712}  # degrees, H-X-H of H2O, NH3 and CH4 (NIST CCCBDB, experimental)


class HydrogenDecoder(nn.Module):
    """Vectors from each atom to its hydrogens, equivariant under motions and mirror images as a set.

    The first hydrogen is where the latent says, up to a correction. A second one is a polar vector of the frame, a
    second and a third are m + p and m - p: m is polar, p axial (a sum of cross products), for no polar vector tells two
    mirror images apart. Hydrogens of an atom without neighbours have no frame: they get the angles of water, ammonia
    or methane.

    Args:
        atom_classes: of the data.
        hydrogens: number of hydrogens of each class.
        num_blocks: rounds of messages.
        widths: sizes of a block.
        scale: spread of the data's coordinates, Å.
        latent_scale: spread of the data's latents, Å.
        bond_classes: number of bond classes.
    """

    def __init__(
        self,
        *,
        atom_classes: int,
        hydrogens: Sequence[int],
        num_blocks: int,
        widths: Widths,
        scale: float,
        latent_scale: float,
        bond_classes: int = BOND_CLASSES,
    ) -> None:
        super().__init__()
        self.body = Encoder(
            atom_classes=atom_classes,
            atom_inputs=atom_classes,
            bond_inputs=bond_classes,
            bond_classes=bond_classes,
            num_blocks=num_blocks,
            widths=widths,
            scale=scale,
            latent_vectors=1,
            latent_scale=latent_scale,
        )
        self.body.hold_coordinates()
        self.head = VectorHead(widths, 2 + 2 * CROSSED)
        self.register_buffer("num_hydrogens", torch.tensor(list(hydrogens)), persistent=False)
        self.num_hydrogens: Int[Tensor, "k"]

    def forward(self, state: State) -> Float[Tensor, "b n h 3"]:
        """From each atom to its hydrogens, Å.

        Args:
            state: clean molecules with their latents.

        Returns:
            As many vectors as the class of an atom says, then zeros.
        """
        b, n = state.mask.shape
        clean = state.pos.new_zeros(b, n)
        t = Times(clean, clean, state.pos.new_zeros(b, n, n))
        x, _ = self.body.encode(state.replace(labels=None), t, state.pos, clean, None)
        vectors = self.head(self.body.atom_norm(x.scalars), x.vectors[0]).permute(1, 0, 3, 2).to(state.pos.dtype)
        correction, middle, left, right = vectors.split([1, 1, CROSSED, CROSSED], 2)
        first, middle = state.latent + correction[:, :, 0], middle[:, :, 0]
        axial = torch.linalg.cross(left, right).sum(2)
        count = self.count(state)[..., None]
        found = torch.stack(
            [
                first,
                torch.where(count == 2, middle, middle + axial),
                middle - axial,
                torch.zeros_like(first),
            ],
            2,
        )
        alone = (state.bond == 0).all(-1)[..., None, None]
        found = torch.where(alone, lone_hydrogens(first, count[..., 0]), found)
        return found * (torch.arange(MOST_FOLDED, device=count.device)[:, None] < count[..., None])

    def count(self, state: State) -> Int[Tensor, "b n"]:
        """Numbers of hydrogens."""
        return self.num_hydrogens[state.atom.clamp_max(len(self.num_hydrogens) - 1)] * state.mask

    def embeddings(self) -> Collection[str]:
        """Parameters that read the inputs; see `moldiff.diffusion.denoiser.Network`."""
        return {f"body.{name}" for name in self.body.embeddings()}

    def label_parameters(self) -> Collection[str]:
        """None: hydrogens do not depend on labels."""
        return ()

    def class_slices(self, classes: Sequence[int]) -> Mapping[str, tuple[int, list[int]]]:
        """Parameters shaped by the atom classes; see `moldiff.diffusion.denoiser.Network`."""
        return {"body.embed_atoms.weight": (1, self.body.atom_columns(list(classes)))}


def lone_hydrogens(first: Float[Tensor, "b n 3"], count: Int[Tensor, "b n"]) -> Float[Tensor, "b n h 3"]:
    """Hydrogens of an atom without neighbours, about the first; how they are turned about it does not matter."""
    length = first.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    along = first / length
    # any direction across: from the axis that the vector is farthest from
    axis = nn.functional.one_hot(along.abs().argmin(-1), 3).to(first.dtype)
    across = nn.functional.normalize(torch.linalg.cross(along, axis), dim=-1)
    other = torch.linalg.cross(along, across)
    turns = torch.zeros(*count.shape, MOST_FOLDED, dtype=first.dtype, device=first.device)
    tilt = torch.zeros_like(turns)
    for number, degrees in LONE_ANGLE.items():
        angle = math.radians(degrees)
        half = math.acos(max(-1.0, (math.cos(angle) - math.cos(angle) ** 2) / math.sin(angle) ** 2)) / 2
        azimuth = {2: [0.0], 3: [half, -half], 4: [0.0, 2 * math.pi / 3, -2 * math.pi / 3]}[number]
        here = (count == number)[..., None]
        turned = torch.tensor([0.0, *azimuth] + [0.0] * (MOST_FOLDED - 1 - len(azimuth)), dtype=first.dtype)
        turns = torch.where(here, turned.to(first.device), turns)
        tilt = torch.where(
            here, torch.tensor([0.0] + [angle] * (MOST_FOLDED - 1), dtype=first.dtype).to(first.device), tilt
        )
    sideways = turns.cos()[..., None] * across[..., None, :] + turns.sin()[..., None] * other[..., None, :]
    return length[..., None] * (tilt.cos()[..., None] * along[..., None, :] + tilt.sin()[..., None] * sideways)
