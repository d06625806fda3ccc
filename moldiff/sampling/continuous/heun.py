"""Heun's second-order solver of the probability flow."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.sampling.continuous.base import towards
from moldiff.sampling.interval import ContinuousInterval


@dataclass(frozen=True)
class Heun:
    """Heun's second-order step of the deterministic path, on a grid that visits every time between its ends twice.

    At the first visit of s the atoms go there with the prediction at t, at the second again from t, with the mean of
    the predictions at t and s: the trapezoid rule of the exponential integral over x0.

    Source: Karras et al. 2022, arXiv:2206.00364, algorithm 1; Lu et al. 2022, arXiv:2211.01095, for x0.
    """

    num_evaluations: ClassVar[int] = 2

    def step(
        self,
        z_t: Float[Tensor, "b n d"],
        x0_hat: Float[Tensor, "b n d"],
        interval: ContinuousInterval,
        memory: object,
    ) -> tuple[Float[Tensor, "b n d"], object]:
        """See `ContinuousSolver.step`; remembers where the step began."""
        if isinstance(memory, tuple) and torch.equal(interval.t, interval.s):
            start, x0, begin = memory
            return towards(start, (x0 + x0_hat) / 2, interval._replace(t=begin), 0.0)[0], None
        return towards(z_t, x0_hat, interval, 0.0)[0], (z_t, x0_hat, interval.t)
