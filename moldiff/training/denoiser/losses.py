"""What a prediction is charged for: only elements that were noised, averaged within and then over molecules."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.joint import JointProcess
from moldiff.state import Prediction, State, Times


@dataclass(frozen=True, eq=False)
class Losses:
    """Mean losses over a batch.

    Attributes:
        pos: squared error of coordinates over the square of the error that the best linear guess would have.
        atom: cross entropy, nats.
        bond: cross entropy over pairs of atoms, nats.
        latent: as of the coordinates, of the latents.
    """

    pos: Float[Tensor, ""]
    atom: Float[Tensor, ""]
    bond: Float[Tensor, ""]
    latent: Float[Tensor, ""]


def losses(prediction: Prediction, x0: State, t: Times, *, process: JointProcess, pos_floor: float) -> Losses:
    """The losses of all variables.

    Args:
        prediction: of the clean molecules.
        x0: the clean molecules.
        t: times of the elements; those at 0 were known and are not charged.
        process: gives the error of the linear guess at each time (Karras et al. 2022, arXiv:2206.00364, lambda).
        pos_floor: least error of coordinates and latents to divide by, Å.

    Returns:
        The losses, 0 for a variable of which nothing was noised.
    """
    squared, of_latent = (
        (predicted - clean).square().sum(-1) / max(1, clean.shape[-1]) / error.clamp_min(pos_floor).square()
        for predicted, clean, (_, error) in (
            (prediction.pos, x0.pos, process.pos.skip(t.pos)),
            (prediction.latent, x0.latent, process.latent.skip(t.latent)),
        )
    )
    entropy = torch.nn.functional.cross_entropy
    atom = entropy(prediction.atom.float().transpose(1, 2), x0.atom, reduction="none")
    bond = entropy(prediction.bond.float().permute(0, 3, 1, 2), x0.bond, reduction="none")
    return Losses(
        _mean(squared, x0.mask & (t.pos > 0)),
        _mean(atom, x0.mask & (t.atom > 0)),
        _mean(bond.flatten(1), (x0.pair_mask & (t.bond > 0)).flatten(1)),
        _mean(of_latent, x0.mask & (t.latent > 0)),
    )


def _mean(values: Float[Tensor, "b e"], counted: Tensor) -> Float[Tensor, ""]:
    """Mean over the counted elements of each molecule, then over molecules that have any."""
    counts = counted.sum(1)
    means = (values * counted).sum(1) / counts.clamp_min(1)
    return means.sum() / (counts > 0).sum().clamp_min(1)
