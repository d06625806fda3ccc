"""Heun's second-order solver of the probability flow."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.sampling.continuous.base import towards
from moldiff.sampling.interval import Interval
from moldiff.state import Prediction, State


@dataclass(frozen=True)
class Heun:
    """Heun's second-order step of the deterministic path, on a grid that visits every time between its ends twice.

    At the first visit of s the atoms go there with the prediction at t, at the second again from t, with the mean of
    the predictions at t and s: the trapezoid rule of the exponential integral over x0.

    Source: Karras et al. 2022, arXiv:2206.00364, algorithm 1; Lu et al. 2022, arXiv:2211.01095, for x0.
    """

    num_evaluations: ClassVar[int] = 2

    def step(
        self, z_t: State, x0_hat: Prediction, interval: Interval, memory: object
    ) -> tuple[Float[Tensor, "b n 3"], object]:
        """See `ContinuousSolver.step`; remembers where the step began."""
        process, t, s, _ = interval
        if isinstance(memory, tuple) and torch.equal(t.pos, s.pos):
            start, x0, begin = memory
            pos, _ = towards(process, start, (x0 + x0_hat.pos) / 2, begin, t, 0.0)
            return pos * z_t.mask[..., None], None
        pos, _ = towards(process, z_t.pos, x0_hat.pos, t, s, 0.0)
        return pos * z_t.mask[..., None], (z_t.pos, x0_hat.pos, t)
