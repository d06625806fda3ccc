"""What a solver of the classes does."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess
from moldiff.errors import ConfigError
from moldiff.sampling.interval import Interval
from moldiff.state import Prediction, State


@runtime_checkable
class DiscreteSolver(Protocol):
    """One algorithm; what it remembers between steps is passed, not stored."""

    def step(
        self, z_t: State, x0_hat: Prediction, interval: Interval, memory: object
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """Atom classes and bonds at s and the new memory; the memory of the first step is None."""
        ...


@dataclass(frozen=True)
class ElementwiseSolver(ABC):
    """What the algorithms share: atoms and bonds go the same way, from probabilities of x0 made sharper or not.

    Attributes:
        temperature: divides the logits of x0; below 1 the likelier classes are preferred, 1 is exact.
        top_p: only the likeliest classes that together reach this probability are kept; 1 keeps all and is exact.
    """

    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: if the temperature is not positive or top_p not a share above 0.
        """
        if not self.temperature > 0:
            raise ConfigError(f"temperature must be positive, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p must be above 0 and at most 1, got {self.top_p}")

    def step(
        self, z_t: State, x0_hat: Prediction, interval: Interval, memory: object
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """See `DiscreteSolver.step`; needs no memory."""
        process, t, s, generator = interval
        n = z_t.mask.shape[1]
        atom, bond = self.probabilities(x0_hat.atom), self.probabilities(x0_hat.bond)
        return (
            self.move(process.atom, z_t.atom, atom, t.atom, s.atom, lambda: generator.uniform(n)),
            self.move(process.bond, z_t.bond, bond, t.bond, s.bond, lambda: generator.uniform_pairs(n)),
            None,
        )

    @abstractmethod
    def move(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "b *e"],
        x0: Float[Tensor, "b *e k"],
        t: Float[Tensor, "b *e"],
        s: Float[Tensor, "b *e"],
        uniform: Callable[[], Float[Tensor, "b *e"]],
    ) -> Int[Tensor, "b *e"]:
        """Classes of one variable at s, from those at t and the probabilities of x0; each call of `uniform` draws."""

    def probabilities(self, logits: Float[Tensor, "*e k"]) -> Float[Tensor, "*e k"]:
        """Probabilities of the classes of x0, made sharper or not, from their logits; of the same shape."""
        wide = logits.float() if logits.dtype == torch.bfloat16 else logits
        probs = (wide / self.temperature).softmax(-1)
        if self.top_p == 1:
            return probs
        likeliest, order = probs.sort(-1, descending=True)
        kept = (likeliest.cumsum(-1) - likeliest < self.top_p).gather(-1, order.argsort(-1))
        return probs * kept / (probs * kept).sum(-1, keepdim=True)
