"""Steps of the coordinates from t to an earlier s."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.joint import JointProcess, centred_noise
from moldiff.diffusion.randomness import Randomness
from moldiff.errors import ConfigError
from moldiff.state import Prediction, State, Times


@runtime_checkable
class PositionStepper(Protocol):
    """One algorithm; what it remembers between steps is passed, not stored."""

    def step(
        self,
        process: JointProcess,
        z_t: State,
        x0_hat: Prediction,
        t: Times,
        s: Times,
        memory: object,
        *,
        generator: Randomness,
    ) -> tuple[Float[Tensor, "b n 3"], object]:
        """Coordinates at s and the new memory; the memory of the first step is None."""
        ...


@dataclass(frozen=True)
class Ddim:
    """DDIM on any schedule: z_s = a_s x0 + sqrt(s_s^2 - v^2) eps_hat + v eps, v = eta times the posterior's std.

    eta = 0 is deterministic, and on the linear schedule the Euler step of the straight flow; eta = 1 is ancestral
    sampling from q(z_s | z_t, x0_hat), as in DDPM. An atom whose time does not change stays where it is.

    Attributes:
        eta: share of fresh noise, 0 to 1.

    Source: Song et al. 2021, arXiv:2010.02502, eq. 12 and 16, for a general alpha and sigma.
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        """Checks the range.

        Raises:
            ConfigError: if eta is outside [0, 1].
        """
        check_eta(self.eta)

    def step(
        self,
        process: JointProcess,
        z_t: State,
        x0_hat: Prediction,
        t: Times,
        s: Times,
        memory: object,
        *,
        generator: Randomness,
    ) -> tuple[Float[Tensor, "b n 3"], object]:
        """See `PositionStepper.step`; needs no memory."""
        mean, fresh = towards(process, z_t.pos, x0_hat.pos, t, s, self.eta)
        if self.eta > 0:
            mean = mean + fresh[..., None] * centred_noise(t, z_t.mask, generator=generator)
        return mean * z_t.mask[..., None], None


def check_eta(eta: float) -> None:
    """A share of fresh noise must be one.

    Args:
        eta: of a stepper.

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


@dataclass(frozen=True)
class Heun:
    """Heun's second-order step of the deterministic path, on a grid that visits every time between its ends twice.

    At the first visit of s the atoms go there with the prediction at t, at the second again from t, with the mean of
    the predictions at t and s: the trapezoid rule of the exponential integral over x0.

    Source: Karras et al. 2022, arXiv:2206.00364, algorithm 1; Lu et al. 2022, arXiv:2211.01095, for x0.
    """

    def step(
        self,
        process: JointProcess,
        z_t: State,
        x0_hat: Prediction,
        t: Times,
        s: Times,
        memory: object,
        *,
        generator: Randomness,
    ) -> tuple[Float[Tensor, "b n 3"], object]:
        """See `PositionStepper.step`; remembers where the step began."""
        if isinstance(memory, tuple) and torch.equal(t.pos, s.pos):
            start, x0, begin = memory
            pos, _ = towards(process, start, (x0 + x0_hat.pos) / 2, begin, t, 0.0)
            return pos * z_t.mask[..., None], None
        pos, _ = towards(process, z_t.pos, x0_hat.pos, t, s, 0.0)
        return pos * z_t.mask[..., None], (z_t.pos, x0_hat.pos, t)


class Ancestral:
    """DDPM: a draw from q(z_s | z_t, x0_hat).

    Source: Ho et al. 2020, arXiv:2006.11239, algorithm 2, for any pair of times.
    """

    def step(
        self,
        process: JointProcess,
        z_t: State,
        x0_hat: Prediction,
        t: Times,
        s: Times,
        memory: object,
        *,
        generator: Randomness,
    ) -> tuple[Float[Tensor, "b n 3"], object]:
        """See `PositionStepper.step`; needs no memory."""
        mean, std = process.pos.posterior(z_t.pos, x0_hat.pos, t.pos, s.pos)
        noise = centred_noise(t, z_t.mask, generator=generator)
        return (mean + std[..., None] * noise) * z_t.mask[..., None], None
