"""Steps of the atom and bond classes from t to an earlier s."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.diffusion.categorical import draw
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

    Attributes:
        temperature: divides the logits of x0; below 1 the likelier classes are preferred, 1 is exact.

    Source: Austin et al. 2021 (D3PM), arXiv:2107.03006, eq. 4.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Checks the range.

        Raises:
            ConfigError: if the temperature is not positive.
        """
        if not self.temperature > 0:
            raise ConfigError(f"temperature must be positive, got {self.temperature}")

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
        atom = process.atom.posterior(z_t.atom, self._probabilities(x0_hat.atom), t.atom, s.atom)
        bond = process.bond.posterior(z_t.bond, self._probabilities(x0_hat.bond), t.bond, s.bond)
        return draw(atom, generator.uniform(n)), draw(bond, generator.uniform_pairs(n)), None

    def _probabilities(self, logits: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        wide = logits.float() if logits.dtype == torch.bfloat16 else logits
        return (wide / self.temperature).softmax(-1)
