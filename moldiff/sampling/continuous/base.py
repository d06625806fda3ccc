"""What a solver of the coordinates does."""

from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.joint import JointProcess
from moldiff.errors import ConfigError
from moldiff.sampling.interval import Interval
from moldiff.state import Prediction, State, Times


@runtime_checkable
class ContinuousSolver(Protocol):
    """One algorithm; what it remembers between steps is passed, not stored.

    Attributes:
        num_evaluations: network evaluations of a step. With 2 the grid visits every time between its ends twice, and
            the solver is called at each visit.
    """

    num_evaluations: ClassVar[int]

    def step(
        self, z_t: State, x0_hat: Prediction, interval: Interval, memory: object
    ) -> tuple[Float[Tensor, "b n 3"], object]:
        """Coordinates at s and the new memory; the memory of the first step is None."""
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
    process: JointProcess,
    z_t: Float[Tensor, "b n 3"],
    x0: Float[Tensor, "b n 3"],
    t: Times,
    s: Times,
    eta: float | Float[Tensor, "b n"],
) -> tuple[Float[Tensor, "b n 3"], Float[Tensor, "b n"]]:
    """Mean and standard deviation at s, Å, of a DDIM step to x0; an atom whose time does not change stays."""
    gaussian = process.pos
    _, posterior_std = gaussian.posterior(z_t, x0, t.pos, s.pos)
    alpha_t, alpha_s = gaussian.schedule.alpha(t.pos)[..., None], gaussian.schedule.alpha(s.pos)[..., None]
    sigma_t, sigma_s = gaussian.schedule.sigma(t.pos), gaussian.schedule.sigma(s.pos)
    fresh = eta * posterior_std
    kept = (sigma_s**2 - (fresh / gaussian.scale) ** 2).clamp_min(0).sqrt()
    eps_hat = (z_t - alpha_t * x0) / sigma_t.masked_fill(sigma_t == 0, 1.0)[..., None]
    mean = alpha_s * x0 + kept[..., None] * eps_hat
    return torch.where((t.pos == s.pos)[..., None], z_t, mean), fresh
