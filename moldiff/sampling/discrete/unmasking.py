"""Unmasking of absorbed classes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, draw
from moldiff.errors import ConfigError
from moldiff.sampling.discrete.base import ElementwiseSolver


@dataclass(frozen=True)
class Unmasking(ElementwiseSolver):
    """Absorbing noise alone: as many classes as are due are shown at each step, the surest first, and then stay.

    Attributes:
        gumbel_noise: size of the Gumbel noise that is added to the log probability of the class drawn; 0 is none.

    Source: Chang et al. 2022 (MaskGIT), arXiv:2202.04200, section 3.2.
    """

    gumbel_noise: float = 1.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: if the noise is negative, or what `ElementwiseSolver` refuses.
        """
        super().__post_init__()
        if not self.gumbel_noise >= 0:
            raise ConfigError(f"gumbel_noise of unmasking must be at least 0, got {self.gumbel_noise}")

    def move(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "b *e"],
        x0: Float[Tensor, "b *e k"],
        t: Float[Tensor, "b *e"],
        s: Float[Tensor, "b *e"],
        uniform: Callable[[], Float[Tensor, "b *e"]],
    ) -> Int[Tensor, "b *e"]:
        """See `ElementwiseSolver.move`; a ConfigError if the noise is not absorbing."""
        if len(process.noise_distribution) == process.num_classes:
            raise ConfigError("unmasking needs weights trained with the prior 'absorbing'")
        keep_t, keep_s = (process.schedule.keep(time) for time in (t, s))
        masked = z_t == process.num_classes
        shown = draw(x0, uniform())
        sure = x0.gather(-1, shown[..., None])[..., 0].log()
        gumbel = -(-uniform().clamp(1e-7, 1 - 1e-7).log()).log()
        score = (sure + self.gumbel_noise * gumbel).masked_fill(~masked, -torch.inf).flatten(1)
        share = (keep_s - keep_t) / (1 - keep_t).clamp_min(1e-7)
        alike = 2 if z_t.ndim == 3 else 1  # a pair scores the same in both directions, and is shown in both
        least = (share * masked).flatten(1).sum(1) / alike
        due = alike * (least + uniform().flatten(1)[:, min(1, z_t[0].numel() - 1)]).floor().long()
        place = score.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        return torch.where(masked & (place < due[:, None]).view_as(masked), shown, z_t)
