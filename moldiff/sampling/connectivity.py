"""Molecules in one piece: bonds between parts that hardly hang together are favoured while classes are still open.

Large molecules fall apart where two parts, each saturated, were drawn beside one another. No law of a single pair sees
that; the number of spanning trees of the whole does.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from moldiff.diffusion.denoiser import Denoiser
from moldiff.state import Prediction, State, Times

SUREST = 0.99  # probability beyond which a bond conducts no better
MOST = 10.0  # logits
LEAK = 1e-3  # conductance to the ground, so that parts without any bond between them have a resistance


def resistances(bonded: Float[Tensor, "b n n"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b n n"]:
    """Resistance between each two atoms of a net whose edges conduct by their odds of being bonds.

    It is the derivative of the logarithm of the sum over all spanning trees of the product of their edges' odds with
    respect to the odds of a pair: how much a bond there does for the whole being in one piece.

    Args:
        bonded: probability that two atoms are bonded, symmetric.
        mask: atoms that are there.

    Returns:
        The resistances, 0 on the diagonal and beyond the mask.

    Source: Kirchhoff's matrix-tree theorem; Klein and Randić 1993, J. Math. Chem. 12, 81.
    """
    there = mask.double()
    pairs = there[:, :, None] * there[:, None]
    eye = torch.eye(mask.shape[1], dtype=torch.double, device=mask.device)
    p = bonded.double().clamp(0, SUREST) * pairs * (1 - eye)
    odds = p / (1 - p)
    net = torch.diag_embed(odds.sum(-1) + LEAK * there + (1 - there)) - odds  # atoms beyond the mask hang alone
    potential = torch.linalg.inv(net + pairs / there.sum(1)[:, None, None])
    own = potential.diagonal(dim1=1, dim2=2)
    return ((own[:, :, None] + own[:, None] - 2 * potential) * pairs).to(bonded.dtype)


@dataclass(frozen=True, eq=False)
class Connected:
    """A denoiser whose bonds hold the molecule together.

    Attributes:
        denoiser: whose predictions are moved.
        strength: logits of a bond for each unit of resistance, at most `MOST` in all; 1 is the tilt towards connected
            molecules to first order.
    """

    denoiser: Denoiser
    strength: float

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """See `Denoiser`."""
        x0_hat = self.denoiser(state, t, previous)
        bonded = 1 - x0_hat.bond.float().softmax(-1)[..., 0]
        tilt = (self.strength * resistances(bonded, state.mask)).clamp_max(MOST).to(x0_hat.bond.dtype)
        bond = torch.cat([x0_hat.bond[..., :1], x0_hat.bond[..., 1:] + tilt[..., None]], -1)
        return replace(x0_hat, bond=bond)
