"""The second-order stochastic step of a continuous variable, for few network evaluations."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.errors import ConfigError
from moldiff.sampling.continuous.base import check_eta, towards
from moldiff.sampling.interval import ContinuousInterval

QUIET = 0.1  # below this sigma noise that is independent for every atom only harms the geometry: no more is added


@dataclass(frozen=True, eq=False)
class DpmSolver:
    """SDE-DPM-Solver++(2M) with the spread that a prediction leaves out.

    Two corrections to an ancestral draw from q(z_s | z_t, x0_hat). The prediction moves on during the step as it did
    during the last: x = x0_hat + min(1, h / 2 h_last) (x0_hat - x0_last), h being the step in half the log signal to
    noise ratio. And x0 is not x0_hat: its spread, which training shows, adds to the variance of the step. The last
    steps, near the data, are deterministic (`QUIET`).

    Attributes:
        num_evaluations: as of `ContinuousSolver`.
        errors: root mean square error of a predicted component, Å, at even times from 0 to 1; none adds no variance.
        eta: share of fresh noise, as of `Ddim`; 0 is the deterministic DPM-Solver++(2M).

    Source: Lu et al. 2022, arXiv:2211.01095 (the multistep solver); Bao et al. 2022, arXiv:2201.06503, theorem 1 (the
    variance).
    """

    num_evaluations: ClassVar[int] = 1

    errors: Float[Tensor, "times"] | None = None
    eta: float = 1.0

    def __post_init__(self) -> None:
        """Checks the errors.

        Raises:
            ConfigError: if there are fewer than two, or one is negative or not finite; if eta is no share.
        """
        check_eta(self.eta)
        e = self.errors
        if e is not None and (len(e) < 2 or not bool((torch.isfinite(e) & (e >= 0)).all())):
            raise ConfigError(f"multistep: needs two or more finite errors, none negative, got {e.tolist()}")

    def step(
        self,
        z_t: Float[Tensor, "b n d"],
        x0_hat: Float[Tensor, "b n d"],
        interval: ContinuousInterval,
        memory: object,
    ) -> tuple[Float[Tensor, "b n d"], object]:
        """See `ContinuousSolver.step`; remembers the prediction and its times."""
        mean, std = self.law(z_t, x0_hat, interval, memory)
        return mean + std[..., None] * interval.noise(), (x0_hat, interval.t)

    def law(
        self,
        z_t: Float[Tensor, "b n d"],
        x0_hat: Float[Tensor, "b n d"],
        interval: ContinuousInterval,
        memory: object,
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b n"]]:
        """Mean of the vectors at s, Å, and the standard deviation of each atom's, before they are centred."""
        gaussian, t, s, _ = interval
        x = x0_hat
        if isinstance(memory, tuple):
            last, before = memory
            half = [gaussian.schedule.log_snr(time) / 2 for time in (before, t, s)]
            ratio = ((half[2] - half[1]) / (2 * (half[1] - half[0])).clamp_min(1e-6)).clamp(0, 1)
            x = x + ratio.masked_fill(s == 0, 0.0)[..., None] * (x - last)
        eta = torch.where(gaussian.schedule.sigma(t) < QUIET, 0.0, self.eta)
        mean, std = towards(z_t, x, interval, eta)
        if self.errors is not None:
            share = gaussian.posterior(torch.zeros_like(x), torch.ones_like(x), t, s)[0][..., :1].sum(-1)
            std = (std.square() + (eta * share * interpolated(self.errors.to(share), t)).square()).sqrt()
        return mean, std


def interpolated(values: Float[Tensor, "times"], t: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    """Linear between values at even times from 0 to 1."""
    place = t * (len(values) - 1)
    low = place.long().clamp_max(len(values) - 2)
    return torch.lerp(values[low], values[low + 1], place - low)
