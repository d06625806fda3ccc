"""The network that predicts properties of clean molecules: the encoder, then a mean and a sum over the atoms."""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor, nn

from moldiff.network.blocks import DISTANCE_FEATURES, Widths
from moldiff.network.encoder import Encoder
from moldiff.state import BOND_CLASSES, State, Times

TYPICAL_SIZE = 18.0  # atoms; sums over atoms are divided by it


class PropertyNetwork(nn.Module):
    """Predicts properties from elements, formal charges and coordinates; invariant under motions and mirror images.

    y = s(composition) + MLP(mean and sum over the atoms of their features), where s is linear in the numbers of atoms
    of each class. Bonds are not read: the prediction depends on elements, charges and geometry alone.

    Args:
        atom_classes: classes of the data.
        num_targets: properties.
        num_blocks: rounds of messages.
        widths: sizes of a block.
        scale: spread of the data's coordinates, Å.
    """

    def __init__(self, *, atom_classes: int, num_targets: int, num_blocks: int, widths: Widths, scale: float) -> None:
        super().__init__()
        self.body = Encoder(
            atom_classes=atom_classes,
            atom_inputs=atom_classes,
            bond_inputs=BOND_CLASSES,
            num_blocks=num_blocks,
            widths=widths,
            scale=scale,
        )
        _skip_heads(atom_classes, widths)
        self.body.hold_coordinates()
        self.inner = nn.Linear(2 * widths.atom, widths.atom)
        self.outer = nn.Linear(widths.atom, num_targets)
        self.register_buffer("composition", torch.zeros(atom_classes + 1, num_targets))
        self.composition: Tensor

    def forward(self, state: State) -> Float[Tensor, "b c"]:
        """The properties in standard deviations from their means.

        Args:
            state: clean molecules; bonds and labels are not read.

        Returns:
            A row for each molecule.
        """
        b, n = state.mask.shape
        clean = state.pos.new_zeros(b, n)
        t = Times(clean, clean, state.pos.new_ones(b, n, n))
        bare = state.replace(bond=torch.zeros_like(state.bond), labels=None)
        x, _ = self.body.encode(bare, t, state.pos, clean, None)
        atoms = self.body.atom_norm(x.scalars) * state.mask.T[..., None]
        total = atoms.sum(0)
        pooled = torch.cat([total / state.mask.sum(1, keepdim=True), total / TYPICAL_SIZE], -1)
        return self.outer(nn.functional.silu(self.inner(pooled))) + self.baseline(state)

    def embeddings(self) -> Collection[str]:
        """Parameters that read the inputs; see `moldiff.diffusion.denoiser.Network`."""
        return {f"body.{name}" for name in self.body.embeddings()}

    def baseline(self, state: State) -> Float[Tensor, "b c"]:
        """The part that follows from the numbers of atoms of each class."""
        return counts_of(state, len(self.composition) - 1) @ self.composition.to(state.pos.dtype)


def counts_of(state: State, num_classes: int) -> Float[Tensor, "b k"]:
    """Numbers of atoms of each class, and a one."""
    atoms = nn.functional.one_hot(state.atom, num_classes) * state.mask[..., None]
    return torch.cat([atoms.sum(1), torch.ones_like(state.atom[:, :1])], -1).to(state.pos.dtype)


def regress_composition(
    counts: Float[Tensor, "m k"], values: Float[Tensor, "m c"], *, ridge: float = 1.0
) -> Float[Tensor, "k c"]:
    """Least squares of the values, NaN left out, on numbers of atoms and a one.

    Args:
        counts: as of `counts_of`.
        values: in standard deviations.
        ridge: added to the squares, so that rare classes stay near zero.

    Returns:
        The coefficients.
    """
    columns = []
    for column in values.double().T:
        known = ~column.isnan()
        x = counts.double()[known]
        eye = ridge * torch.eye(x.shape[1], dtype=torch.float64)
        columns.append(torch.linalg.solve(x.T @ x + eye, x.T @ column[known]))
    return torch.stack(columns, 1).float()


def _skip_heads(atom_classes: int, widths: Widths) -> None:
    """Draws the numbers that the heads of a generating network start from: a seed keeps giving the same weights."""
    w = widths
    nn.Linear(w.atom, atom_classes)
    nn.Linear(w.atom, w.hidden)
    nn.Linear(w.pair + DISTANCE_FEATURES, w.hidden, bias=False)
    nn.Linear(w.hidden, BOND_CLASSES)
