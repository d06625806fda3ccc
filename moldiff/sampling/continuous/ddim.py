"""Steps of a continuous variable from t to an earlier s."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from moldiff.sampling.continuous.base import check_eta, towards
from moldiff.sampling.interval import ContinuousInterval


@dataclass(frozen=True)
class Ddim:
    """DDIM on any schedule: z_s = a_s x0 + sqrt(s_s^2 - v^2) eps_hat + v eps, v = eta times the posterior's std.

    eta = 0 is deterministic, and on the linear schedule the Euler step of the straight flow; eta = 1 is ancestral
    sampling from q(z_s | z_t, x0_hat), as in DDPM. An atom whose time does not change stays where it is.

    Attributes:
        num_evaluations: as of `ContinuousSolver`.
        eta: share of fresh noise, 0 to 1.

    Source: Song et al. 2021, arXiv:2010.02502, eq. 12 and 16, for a general alpha and sigma.
    """

    num_evaluations: ClassVar[int] = 1

    eta: float = 0.0

    def __post_init__(self) -> None:
        """Checks the range.

        Raises:
            ConfigError: if eta is outside [0, 1].
        """
        check_eta(self.eta)

    def step(
        self,
        z_t: Float[Tensor, "b n d"],
        x0_hat: Float[Tensor, "b n d"],
        interval: ContinuousInterval,
        memory: object,
    ) -> tuple[Float[Tensor, "b n d"], object]:
        """See `ContinuousSolver.step`; needs no memory."""
        mean, fresh = towards(z_t, x0_hat, interval, self.eta)
        if self.eta > 0:
            mean = mean + fresh[..., None] * interval.noise()
        return mean, None


class Ancestral:
    """DDPM: a draw from q(z_s | z_t, x0_hat).

    Source: Ho et al. 2020, arXiv:2006.11239, algorithm 2, for any pair of times.
    """

    num_evaluations: ClassVar[int] = 1

    def step(
        self,
        z_t: Float[Tensor, "b n d"],
        x0_hat: Float[Tensor, "b n d"],
        interval: ContinuousInterval,
        memory: object,
    ) -> tuple[Float[Tensor, "b n d"], object]:
        """See `ContinuousSolver.step`; needs no memory."""
        process, t, s, noise = interval
        mean, std = process.posterior(z_t, x0_hat, t, s)
        return mean + std[..., None] * noise(), None
