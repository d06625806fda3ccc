"""Classes that are possible for some atoms and bonds only."""

from dataclasses import dataclass, replace

from jaxtyping import Bool
from torch import Tensor

from moldiff.diffusion.denoiser import Denoiser
from moldiff.state import Prediction, State, Times

IMPOSSIBLE = -1e4  # logit; e to this is 0 in every precision


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
