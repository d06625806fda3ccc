"""Tau-leaping: jumps of the classes as a Poisson process."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, draw
from moldiff.errors import ConfigError
from moldiff.sampling.discrete.base import ElementwiseSolver

MOST_JUMPS = 30.0  # of an element in one step, on average: more changes nothing


@dataclass(frozen=True)
class TauLeaping(ElementwiseSolver):
    """Jumps in continuous time, at rates frozen at t; exact for an exact denoiser in the limit of small steps.

    Where the class is i, x0 is k with probability p_k, and m is the stationary vector, the process turned round jumps
    to j at the rate a p_j + b m_j g_i: a = -keep' / (1 - keep), b = -keep' / keep, g_i = 1 - p_i keep / q(i | i).
    The rates a and b are integrated over the step, the rest is taken at t. The last step, to 0, draws x0.

    Attributes:
        corrector_rate: jumps back at this share of the forward rate, undone by as many more ahead; they correct wrong
            classes.

    Source: Campbell et al. 2022, arXiv:2205.14987, proposition 1 and section 4.4.
    """

    corrector_rate: float = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: if the rate is negative, or what `ElementwiseSolver` refuses.
        """
        super().__post_init__()
        if not self.corrector_rate >= 0:
            raise ConfigError(f"corrector_rate of tau-leaping must be at least 0, got {self.corrector_rate}")

    def move(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "b *e"],
        x0: Float[Tensor, "b *e k"],
        t: Float[Tensor, "b *e"],
        s: Float[Tensor, "b *e"],
        uniform: Callable[[], Float[Tensor, "b *e"]],
    ) -> Int[Tensor, "b *e"]:
        """See `ElementwiseSolver.move`."""
        law, (keep_t, keep_s) = process.noise_distribution.to(x0), (process.schedule.keep(time) for time in (t, s))
        tiny = torch.finfo(x0.dtype).tiny
        ahead = ((1 - keep_t).clamp_min(tiny) / (1 - keep_s).clamp_min(tiny)).log().clamp(0, MOST_JUMPS)
        back = (keep_s.clamp_min(tiny) / keep_t.clamp_min(tiny)).log().clamp(0, MOST_JUMPS)
        p = torch.nn.functional.pad(x0, (0, len(law) - process.num_classes))
        here = p.gather(-1, z_t[..., None])[..., 0]
        own = law[z_t]
        still = keep_t / (keep_t + (1 - keep_t) * own).clamp_min(tiny)  # keep / q(i | i)
        turned = ahead[..., None] * p + (back * (1 - here * still))[..., None] * law
        jumps = (1 + self.corrector_rate) * turned * (own > 0)[..., None] + self.corrector_rate * back[..., None] * law
        jumps = jumps.scatter(-1, z_t[..., None], 0.0)
        total = jumps.sum(-1)
        leaves = (uniform() < -torch.expm1(-total)) & (total > 0)
        leapt = torch.where(leaves, draw(jumps, uniform()), z_t)
        return torch.where(s == 0, draw(process.posterior(z_t, x0, t, s), uniform()), leapt)
