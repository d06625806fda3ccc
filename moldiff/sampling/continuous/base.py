"""What a solver of the continuous variables does."""

from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.errors import ConfigError
from moldiff.sampling.interval import ContinuousInterval


@runtime_checkable
class ContinuousSolver(Protocol):
    """One algorithm, for the coordinates and for the latents, each by itself.

    What it remembers between steps is passed, not stored.

    Attributes:
        num_evaluations: network evaluations of a step. With 2 the grid visits every time between its ends twice, and
            the solver is called at each visit.
    """

    num_evaluations: ClassVar[int]

    def step(
        self,
        z_t: Float[Tensor, "b n d"],
        x0_hat: Float[Tensor, "b n d"],
        interval: ContinuousInterval,
        memory: object,
    ) -> tuple[Float[Tensor, "b n d"], object]:
        """Vectors at s, Å, from those at t and the prediction of the clean ones, and the new memory, None at first."""
        ...


def check_eta(eta: float) -> None:
    """A share of fresh noise must be one.

    Args:
        eta: of a solver.

    Raises:
        ConfigError: if it is outside [0, 1].
    """
    if not 0 <= eta <= 1:
        raise ConfigError(f"eta must lie in [0, 1], got {eta}")


def towards(
    z_t: Float[Tensor, "b n d"],
    x0: Float[Tensor, "b n d"],
    interval: ContinuousInterval,
    eta: float | Float[Tensor, "b n"],
) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b n"]]:
    """Mean and standard deviation at s, Å, of a DDIM step to x0; an atom whose time does not change stays."""
    gaussian, t, s, _ = interval
    _, posterior_std = gaussian.posterior(z_t, x0, t, s)
    alpha_t, alpha_s = gaussian.schedule.alpha(t)[..., None], gaussian.schedule.alpha(s)[..., None]
    sigma_t, sigma_s = gaussian.schedule.sigma(t), gaussian.schedule.sigma(s)
    fresh = eta * posterior_std
    kept = (sigma_s**2 - (fresh / gaussian.scale) ** 2).clamp_min(0).sqrt()
    eps_hat = (z_t - alpha_t * x0) / sigma_t.masked_fill(sigma_t == 0, 1.0)[..., None]
    mean = alpha_s * x0 + kept[..., None] * eps_hat
    return torch.where((t == s)[..., None], z_t, mean), fresh
