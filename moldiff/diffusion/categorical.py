"""Categorical diffusion of atom and bond classes, with a time of its own for every element.

One process with a stationary vector m: a class at time t is the data's with probability keep(t), else drawn
from m. Uniform, marginal and absorbing noise are three choices of m.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.diffusion.gaussian import check_order
from moldiff.diffusion.schedule import Schedule

PriorName = Literal["uniform", "marginal", "absorbing"]


def stationary(prior: PriorName, marginal: Float[Tensor, "k"]) -> Float[Tensor, "c"]:
    """The vector m; absorbing noise adds one class, the last, that the data never has."""
    if prior == "uniform":
        return torch.full_like(marginal, 1 / len(marginal))
    if prior == "marginal":
        return marginal / marginal.sum()
    return torch.cat([torch.zeros_like(marginal), marginal.new_ones(1)])


def draw(probs: Float[Tensor, "*e c"], uniform: Float[Tensor, "*e"]) -> Int[Tensor, "*e"]:
    """A class from unnormalised probabilities by inversion of the cumulative sum: one uniform number an element."""
    cumulative = probs.cumsum(-1)
    threshold = uniform * cumulative[..., -1]
    return (threshold[..., None] >= cumulative).sum(-1).clamp_max(probs.shape[-1] - 1)


@dataclass(frozen=True, eq=False)
class CategoricalProcess:
    """q(z_t | x0) = keep(t) x0 + (1 - keep(t)) m.

    Attributes:
        schedule: keep.
        noise_distribution: the stationary vector m; with absorbing noise one class longer than the data's.
        num_classes: classes of the data.
    """

    schedule: Schedule
    noise_distribution: Float[Tensor, "c"]
    num_classes: int

    def noise(self, x0: Int[Tensor, "*e"], t: Float[Tensor, "*e"], uniform: Float[Tensor, "*e"]) -> Int[Tensor, "*e"]:
        """z_t from x0."""
        return self._mix(x0, self.schedule.keep(t), uniform)

    def transition(
        self, z_s: Int[Tensor, "*e"], s: Float[Tensor, "*e"], t: Float[Tensor, "*e"], uniform: Float[Tensor, "*e"]
    ) -> Int[Tensor, "*e"]:
        """z_t from an earlier z_s.

        Args:
            z_s: classes at s.
            s: their time.
            t: time to reach, at least s.
            uniform: one number in [0, 1) an element.

        Returns:
            Classes at t.

        Raises:
            TimeOrderError: if some s > t.
        """
        check_order(s, t)
        return self._mix(z_s, self._ratio(t, s), uniform)

    def transition_distribution(
        self, z_s: Float[Tensor, "*e c"], s: Float[Tensor, "*e"], t: Float[Tensor, "*e"]
    ) -> Float[Tensor, "*e c"]:
        """Probabilities of z_t from those of an earlier z_s; a TimeOrderError if some s > t."""
        check_order(s, t)
        ratio = self._ratio(t, s)[..., None]
        return ratio * z_s + (1 - ratio) * self.noise_distribution.to(z_s)

    def posterior(
        self, z_t: Int[Tensor, "*e"], x0_hat: Float[Tensor, "*e k"], t: Float[Tensor, "*e"], s: Float[Tensor, "*e"]
    ) -> Float[Tensor, "*e c"]:
        """Probabilities of z_s: the mixture over x0 ~ x0_hat of the exact posteriors q(z_s | z_t, x0), for any s <= t.

        q(z_s = j | z_t = i, x0 = k) = (r [i=j] + (1 - r) m_i) (k_s [j=k] + (1 - k_s) m_j) / (k_t [i=k] + (1 - k_t) m_i)
        with r = k_t / k_s. Summed over k in closed form, so the cost is linear in the classes.

        Args:
            z_t: classes at t.
            x0_hat: predicted probabilities of the clean classes, each row sums to 1.
            t: present time of each element.
            s: time to reach, in [0, t].

        Returns:
            Probabilities, each row with the sum 1.

        Raises:
            TimeOrderError: if some s > t.

        Source: Austin et al. 2021 (D3PM), arXiv:2107.03006, eq. 3 and 4.
        """
        check_order(s, t)
        law = self.noise_distribution.to(x0_hat)
        keep_t, keep_s = self.schedule.keep(t)[..., None], self.schedule.keep(s)[..., None]
        ratio = self._ratio(t, s)[..., None]
        here = torch.nn.functional.one_hot(z_t, len(law)).to(x0_hat)  # [i = j]
        law_here = law[z_t][..., None]  # m_i
        data = torch.nn.functional.pad(x0_hat, (0, len(law) - self.num_classes))
        evidence = keep_t * here + (1 - keep_t) * law_here
        tiny = torch.finfo(data.dtype).tiny
        weight = torch.where(evidence > 0, data / evidence.clamp_min(tiny), 0.0)
        forward = ratio * here + (1 - ratio) * law_here
        probs = forward * (keep_s * weight + (1 - keep_s) * law * weight.sum(-1, keepdim=True))
        total = probs.sum(-1, keepdim=True)
        # Where the prediction gives the evidence probability zero, or t = 0, the class stays.
        return torch.where((total > tiny) & (t[..., None] > 0), probs / total.clamp_min(tiny), here)

    def prior(self, uniform: Float[Tensor, "*e"]) -> Int[Tensor, "*e"]:
        """Classes at t = 1."""
        return draw(self.noise_distribution.to(uniform).expand(*uniform.shape, -1), uniform)

    def _ratio(self, t: Float[Tensor, "*e"], s: Float[Tensor, "*e"]) -> Float[Tensor, "*e"]:
        """keep(t) / keep(s); where both are 0 nothing more happens."""
        keep_s = self.schedule.keep(s)
        gone = keep_s == 0
        return (self.schedule.keep(t) / keep_s.masked_fill(gone, 1.0)).masked_fill(gone, 1.0).clamp_max(1.0)

    def _mix(self, classes: Int[Tensor, "*e"], keep: Float[Tensor, "*e"], uniform: Float[Tensor, "*e"]):
        """Keeps each class with probability `keep`, else redraws it, from one uniform number each."""
        redrawn = draw(
            self.noise_distribution.to(uniform).expand(*uniform.shape, -1),
            ((uniform - keep) / (1 - keep).clamp_min(torch.finfo(uniform.dtype).tiny)).clamp(0, 1 - 2**-24),
        )
        return torch.where(uniform < keep, classes, redrawn)
