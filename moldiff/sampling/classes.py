"""Steps of the atom and bond classes from t to an earlier s."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, draw
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.randomness import Randomness
from moldiff.errors import ConfigError
from moldiff.state import Prediction, State, Times


@runtime_checkable
class ClassStepper(Protocol):
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
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """Atom classes and bonds at s and the new memory; the memory of the first step is None."""
        ...


@dataclass(frozen=True)
class MixturePosterior:
    """A draw from the mixture, over the predicted x0, of the exact posteriors: exact for an exact denoiser.

    With churn the draw goes on to the earlier time (1 - churn) s, from where fresh noise leads back to s. Less of z_t
    stays, a wrong class above all; with churn 1 nothing of it does, and z_s is the noise of a drawn x0. Elements are
    drawn independently, so what they say of each other is true of an x0 that was drawn whole only without churn.

    Attributes:
        temperature: divides the logits of x0; below 1 the likelier classes are preferred, 1 is exact.
        churn: share of the way from s to the data that is gone there and back, 0 none.

    Source: Austin et al. 2021 (D3PM), arXiv:2107.03006, eq. 4; steps back to noise as in Campbell et al. 2022,
    arXiv:2205.14987, section 4.4, and Song et al. 2023, arXiv:2303.01469, algorithm 1.
    """

    temperature: float = 1.0
    churn: float = 0.0

    def __post_init__(self) -> None:
        """Checks the range.

        Raises:
            ConfigError: if the temperature is not positive or the churn is not a share.
        """
        if not self.temperature > 0:
            raise ConfigError(f"temperature must be positive, got {self.temperature}")
        if not 0 <= self.churn <= 1:
            raise ConfigError(f"class churn must be between 0 and 1, got {self.churn}")

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
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """See `ClassStepper.step`; needs no memory."""
        n = z_t.mask.shape[1]
        atom = self._element(process.atom, z_t.atom, x0_hat.atom, t.atom, s.atom, lambda: generator.uniform(n))
        bond = self._element(process.bond, z_t.bond, x0_hat.bond, t.bond, s.bond, lambda: generator.uniform_pairs(n))
        return atom, bond, None

    def _element(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "*e"],
        logits: Float[Tensor, "*e k"],
        t: Float[Tensor, "*e"],
        s: Float[Tensor, "*e"],
        uniform: Callable[[], Float[Tensor, "*e"]],
    ) -> Int[Tensor, "*e"]:
        earlier = (1 - self.churn) * s
        z = draw(process.posterior(z_t, self._probabilities(logits), t, earlier), uniform())
        return process.transition(z, earlier, s, uniform()) if self.churn else z

    def _probabilities(self, logits: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        wide = logits.float() if logits.dtype == torch.bfloat16 else logits
        return (wide / self.temperature).softmax(-1)
