"""Gaussian diffusion of vectors in Å, coordinates and latents, with a time of its own for every atom."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.schedule import Schedule
from moldiff.errors import TimeOrderError


@dataclass(frozen=True)
class GaussianProcess:
    """z_t = alpha(t) x0 + sigma(t) scale eps.

    Attributes:
        schedule: alpha and sigma.
        scale: spread of the data and of the prior, Å: root mean square of a component.
    """

    schedule: Schedule
    scale: float

    def noise(
        self, x0: Float[Tensor, "b n d"], t: Float[Tensor, "b n"], eps: Float[Tensor, "b n d"]
    ) -> Float[Tensor, "b n d"]:
        """z_t from x0 and unit noise."""
        alpha, sigma = self.schedule.alpha(t)[..., None], self.schedule.sigma(t)[..., None]
        return alpha * x0 + sigma * self.scale * eps

    def transition(
        self, z_s: Float[Tensor, "b n d"], s: Float[Tensor, "b n"], t: Float[Tensor, "b n"], eps: Float[Tensor, "b n d"]
    ) -> Float[Tensor, "b n d"]:
        """z_t from an earlier z_s: a_ts z_s + sqrt(s_t^2 - a_ts^2 s_s^2) scale eps, with a_ts = a_t / a_s.

        Args:
            z_s: noisy coordinates at s.
            s: their time.
            t: time to reach, at least s.
            eps: unit noise.

        Returns:
            Noisy coordinates at t.

        Raises:
            TimeOrderError: if some s > t.
        """
        check_order(s, t)
        ratio, variance = self._ratio(t, s)
        return ratio[..., None] * z_s + variance.sqrt()[..., None] * self.scale * eps

    def posterior(
        self,
        z_t: Float[Tensor, "b n d"],
        x0_hat: Float[Tensor, "b n d"],
        t: Float[Tensor, "b n"],
        s: Float[Tensor, "b n"],
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b n"]]:
        """Mean and standard deviation, both in Å, of q(z_s | z_t, x0), for any s <= t, element by element.

        mean = a_ts s_s^2 / s_t^2 z_t + a_s v / s_t^2 x0_hat,  v = s_t^2 - a_ts^2 s_s^2,  std = sqrt(v) s_s / s_t.
        Where t = 0 the value is known and stays.

        Args:
            z_t: noisy coordinates at t.
            x0_hat: predicted clean coordinates.
            t: present time of each atom.
            s: time to reach, in [0, t].

        Returns:
            The mean, and the standard deviation of each atom.

        Raises:
            TimeOrderError: if some s > t.

        Source: Kingma et al. 2021 (VDM), arXiv:2107.00630, posterior q(z_s | z_t, x).
        """
        check_order(s, t)
        ratio, variance = self._ratio(t, s)
        sigma_s, sigma_t = self.schedule.sigma(s), self.schedule.sigma(t)
        known = sigma_t == 0
        sigma_t = sigma_t.masked_fill(known, 1.0)
        weight_z = (ratio * (sigma_s / sigma_t) ** 2).masked_fill(known, 1.0)
        weight_x = (self.schedule.alpha(s) * variance / sigma_t**2).masked_fill(known, 0.0)
        mean = weight_z[..., None] * z_t + weight_x[..., None] * x0_hat
        return mean, self.scale * variance.sqrt() * sigma_s / sigma_t

    def skip(self, t: Float[Tensor, "b n"]) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n"]]:
        """Weight of z_t in the best linear guess of x0, and that guess's error in Å.

        skip = alpha / (alpha^2 + sigma^2), error = scale sigma / sqrt(alpha^2 + sigma^2).

        Source: Karras et al. 2022, arXiv:2206.00364, c_skip and c_out, for a general alpha.
        """
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        total = alpha**2 + sigma**2
        return alpha / total, self.scale * sigma / total.sqrt()

    def _ratio(
        self, t: Float[Tensor, "b n"], s: Float[Tensor, "b n"]
    ) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n"]]:
        """a_ts and the variance of q(z_t | z_s), in units of scale^2; where s = t = 1 nothing changes."""
        alpha_s = self.schedule.alpha(s)
        gone = alpha_s == 0
        ratio = (self.schedule.alpha(t) / alpha_s.masked_fill(gone, 1.0)).masked_fill(gone, 1.0)
        variance = self.schedule.sigma(t) ** 2 - (ratio * self.schedule.sigma(s)) ** 2
        return ratio, variance.clamp_min(0)


def check_order(s: Tensor, t: Tensor) -> None:
    """Every element must go towards the data.

    Args:
        s: time to reach.
        t: present time.

    Raises:
        TimeOrderError: if some s > t.
    """
    if bool((s > t).any()):
        worst = int(torch.argmax(s - t))
        raise TimeOrderError(
            f"a step must go from t to an earlier or equal s, got t = {float(t.flatten()[worst]):.4g}, "
            f"s = {float(s.flatten()[worst]):.4g}"
        )
