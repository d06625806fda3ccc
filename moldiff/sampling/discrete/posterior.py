"""Steps of the atom and bond classes from t to an earlier s."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, draw
from moldiff.diffusion.joint import JointProcess
from moldiff.errors import ConfigError
from moldiff.sampling.discrete.base import ElementwiseSolver
from moldiff.state import Prediction, State, Times


@dataclass(frozen=True)
class MixturePosterior(ElementwiseSolver):
    """A draw from the mixture, over the predicted x0, of the exact posteriors: exact for an exact denoiser.

    With `resample` above 0 the step goes on to the earlier time (1 - resample) s, and fresh noise leads back to s. Less
    of z_t stays, above all less of a wrong class; with 1 nothing of it does, and z_s is the noise of a sampled x0.
    Elements are sampled independently, so their joint distribution is exact only with `resample` 0.

    Attributes:
        resample: share of the way from s to the data that is gone there and back, 0 none.

    Source: Austin et al. 2021 (D3PM), arXiv:2107.03006, eq. 4; steps back to noise as in Campbell et al. 2022,
    arXiv:2205.14987, section 4.4, and Song et al. 2023, arXiv:2303.01469, algorithm 1.
    """

    resample: float = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: if `resample` is not a share, or what `ElementwiseSolver` refuses.
        """
        super().__post_init__()
        if not 0 <= self.resample <= 1:
            raise ConfigError(f"resample must be between 0 and 1, got {self.resample}")

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
        if self.resample == 1:  # at time 0 the posterior is x0 itself
            return process.noise(torch.where(t > 0, draw(x0, uniform()), z_t), s, uniform())
        earlier = (1 - self.resample) * s
        z = draw(process.posterior(z_t, x0, t, earlier), uniform())
        return process.transition(z, earlier, s, uniform()) if self.resample else z

    def law(
        self, process: JointProcess, z_t: State, x0_hat: Prediction, t: Times, s: Times
    ) -> tuple[Float[Tensor, "b n c"], Float[Tensor, "b n n d"]]:
        """Probabilities of the classes at s that `step` draws, of atoms and of bonds."""
        return (
            self._law(process.atom, z_t.atom, x0_hat.atom, t.atom, s.atom),
            self._law(process.bond, z_t.bond, x0_hat.bond, t.bond, s.bond),
        )

    def _law(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "b *e"],
        logits: Float[Tensor, "b *e k"],
        t: Float[Tensor, "b *e"],
        s: Float[Tensor, "b *e"],
    ) -> Float[Tensor, "b *e c"]:
        earlier = (1 - self.resample) * s
        there = process.posterior(z_t, self.probabilities(logits), t, earlier)
        return process.transition_distribution(there, earlier, s) if self.resample else there
