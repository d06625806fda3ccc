"""Constraints on what is sampled: classes that an atom may have, and how many hydrogens a molecule gets."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from moldiff.diffusion.denoiser import Denoiser
from moldiff.sampling.inpainting import with_known
from moldiff.state import Prediction, State, Times

IMPOSSIBLE = -1e4  # logit; e to this is 0 in every precision
STEERED = 0.5  # time until which a number of hydrogens that is a wish steers sampling
LEAST_LIKELY = 1e-9  # where a number of hydrogens is as good as impossible, the prediction stays as it is


@dataclass(frozen=True, eq=False)
class OnlyPossible:
    """A denoiser that gives atom classes beyond the possible ones no probability.

    Attributes:
        denoiser: whose predictions are taken.
        possible: classes that each atom may have.
    """

    denoiser: Denoiser
    possible: Bool[Tensor, "b n k"]

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """See `Denoiser`."""
        x0_hat = self.denoiser(state, t, previous)
        return replace(x0_hat, atom=x0_hat.atom.masked_fill(~self.possible, IMPOSSIBLE))


@dataclass(frozen=True, eq=False)
class GivenHydrogens:
    """A denoiser whose atom classes have as many hydrogens as are given, where they are.

    The probabilities of an atom's classes become those under the condition that all atoms together have that number, as
    if the predictions of the atoms were independent.

    A late prediction is sharp, and holding it to another number costs valid molecules: where the number is a wish, not
    a promise, only the first half of a trajectory is steered (decision 028).

    Attributes:
        denoiser: whose predictions are taken.
        hydrogens: that are folded into an atom of each class.
        until: time of the coordinates, 1 noise to 0 data, at and below which predictions stay as they are.
    """

    denoiser: Denoiser
    hydrogens: Int[Tensor, "k"]
    until: float = STEERED

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """See `Denoiser`."""
        x0_hat = self.denoiser(state, t, previous)
        if state.num_hydrogens is None or float(t.pos.max()) <= self.until:
            return x0_hat
        known = t.atom == 0
        probs = with_known(x0_hat.atom.double().softmax(-1), state.atom, known)
        likely = given_sum(probs, self.hydrogens, state.mask, state.num_hydrogens)
        free = (known | ~state.mask | (state.num_hydrogens < 0)[:, None])[..., None]
        tilt = likely.clamp_min(LEAST_LIKELY).log().to(x0_hat.atom.dtype)
        return replace(x0_hat, atom=x0_hat.atom + torch.where(free, 0.0, tilt))


def given_sum(
    probs: Float[Tensor, "b n k"], values: Int[Tensor, "k"], mask: Bool[Tensor, "b n"], total: Int[Tensor, "b"]
) -> Float[Tensor, "b n k"]:
    """How likely the values of the other atoms add up to the rest of a total, for each class of an atom.

    Args:
        probs: of the classes of each atom, independent of one another.
        values: of each class, at least 0.
        mask: atoms that count.
        total: of each molecule; any number where it is not given.

    Returns:
        Probabilities.
    """
    (b, n, _), most = probs.shape, int(values.max())
    count = n * most + 1
    steps = torch.arange(count, device=probs.device)
    turns = steps.double() * (2 * torch.pi / count)
    roots = torch.polar(torch.ones_like(turns), turns)
    # The characteristic function of each atom's value; products over the others leave one atom out.
    each = torch.where(mask[..., None], probs.to(roots.dtype) @ roots[values[:, None] * steps % count], 1.0)
    one = torch.ones(b, 1, count, dtype=roots.dtype, device=probs.device)
    before = torch.cat([one, each[:, :-1].cumprod(1)], 1)
    after = torch.cat([one, each.flip(1)[:, :-1].cumprod(1)], 1).flip(1)
    rest = total[:, None] - values  # what is left for the others
    back = roots[-rest[..., None] * steps % count]
    likely = torch.einsum("bnc,bkc->bnk", before * after, back).real / count
    return torch.where(((rest >= 0) & (rest < count))[:, None], likely, 0.0)
