"""Steps of the atom and bond classes from t to an earlier s."""

from abc import ABC, abstractmethod
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

MOST_JUMPS = 30.0  # of an element in one step, on average: more changes nothing


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
class Elementwise(ABC):
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
        atom, bond = self._probabilities(x0_hat.atom), self._probabilities(x0_hat.bond)
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

    def _probabilities(self, logits: Float[Tensor, "*e k"]) -> Float[Tensor, "*e k"]:
        wide = logits.float() if logits.dtype == torch.bfloat16 else logits
        probs = (wide / self.temperature).softmax(-1)
        if self.top_p == 1:
            return probs
        likeliest, order = probs.sort(-1, descending=True)
        kept = (likeliest.cumsum(-1) - likeliest < self.top_p).gather(-1, order.argsort(-1))
        return probs * kept / (probs * kept).sum(-1, keepdim=True)


@dataclass(frozen=True)
class MixturePosterior(Elementwise):
    """A draw from the mixture, over the predicted x0, of the exact posteriors: exact for an exact denoiser.

    With churn the draw goes on to the earlier time (1 - churn) s, from where fresh noise leads back to s. Less of z_t
    stays, a wrong class above all; with churn 1 nothing of it does, and z_s is the noise of a drawn x0. Elements are
    drawn independently, so what they say of each other is true of an x0 that was drawn whole only without churn.

    Attributes:
        churn: share of the way from s to the data that is gone there and back, 0 none.

    Source: Austin et al. 2021 (D3PM), arXiv:2107.03006, eq. 4; steps back to noise as in Campbell et al. 2022,
    arXiv:2205.14987, section 4.4, and Song et al. 2023, arXiv:2303.01469, algorithm 1.
    """

    churn: float = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: if the churn is not a share, or what `Elementwise` refuses.
        """
        super().__post_init__()
        if not 0 <= self.churn <= 1:
            raise ConfigError(f"class churn must be between 0 and 1, got {self.churn}")

    def move(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "b *e"],
        x0: Float[Tensor, "b *e k"],
        t: Float[Tensor, "b *e"],
        s: Float[Tensor, "b *e"],
        uniform: Callable[[], Float[Tensor, "b *e"]],
    ) -> Int[Tensor, "b *e"]:
        """See `Elementwise.move`."""
        if self.churn == 1:  # at time 0 the posterior is x0 itself
            return process.noise(torch.where(t > 0, draw(x0, uniform()), z_t), s, uniform())
        earlier = (1 - self.churn) * s
        z = draw(process.posterior(z_t, x0, t, earlier), uniform())
        return process.transition(z, earlier, s, uniform()) if self.churn else z

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
        earlier = (1 - self.churn) * s
        there = process.posterior(z_t, self._probabilities(logits), t, earlier)
        return process.transition_law(there, earlier, s) if self.churn else there


@dataclass(frozen=True)
class TauLeaping(Elementwise):
    """Jumps in continuous time, at rates frozen at t; exact for an exact denoiser in the limit of small steps.

    Where the class is i, x0 is k with probability p_k, and m is the stationary vector, the process turned round jumps
    to j at the rate a p_j + b m_j g_i: a = -keep' / (1 - keep), b = -keep' / keep, g_i = 1 - p_i keep / q(i | i).
    The rates a and b are integrated over the step, the rest is taken at t. The last step, to 0, draws x0.

    Attributes:
        noise: jumps back at this share of the forward rate, undone by as many more ahead; they correct wrong classes.

    Source: Campbell et al. 2022, arXiv:2205.14987, proposition 1 and section 4.4.
    """

    noise: float = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: if the noise is negative, or what `Elementwise` refuses.
        """
        super().__post_init__()
        if not self.noise >= 0:
            raise ConfigError(f"noise of tau-leaping must be at least 0, got {self.noise}")

    def move(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "b *e"],
        x0: Float[Tensor, "b *e k"],
        t: Float[Tensor, "b *e"],
        s: Float[Tensor, "b *e"],
        uniform: Callable[[], Float[Tensor, "b *e"]],
    ) -> Int[Tensor, "b *e"]:
        """See `Elementwise.move`."""
        law, (keep_t, keep_s) = process.noise_law.to(x0), (process.schedule.keep(time) for time in (t, s))
        tiny = torch.finfo(x0.dtype).tiny
        ahead = ((1 - keep_t).clamp_min(tiny) / (1 - keep_s).clamp_min(tiny)).log().clamp(0, MOST_JUMPS)
        back = (keep_s.clamp_min(tiny) / keep_t.clamp_min(tiny)).log().clamp(0, MOST_JUMPS)
        p = torch.nn.functional.pad(x0, (0, len(law) - process.num_classes))
        here = p.gather(-1, z_t[..., None])[..., 0]
        own = law[z_t]
        still = keep_t / (keep_t + (1 - keep_t) * own).clamp_min(tiny)  # keep / q(i | i)
        turned = ahead[..., None] * p + (back * (1 - here * still))[..., None] * law
        jumps = (1 + self.noise) * turned * (own > 0)[..., None] + self.noise * back[..., None] * law
        jumps = jumps.scatter(-1, z_t[..., None], 0.0)
        total = jumps.sum(-1)
        leaves = (uniform() < -torch.expm1(-total)) & (total > 0)
        leapt = torch.where(leaves, draw(jumps, uniform()), z_t)
        return torch.where(s == 0, draw(process.posterior(z_t, x0, t, s), uniform()), leapt)


@dataclass(frozen=True)
class Unmasking(Elementwise):
    """Absorbing noise alone: as many classes as are due are shown at each step, the surest first, and then stay.

    Attributes:
        randomness: of the order: of Gumbel noise that is added to the log probability of the class drawn; 0 is none.

    Source: Chang et al. 2022 (MaskGIT), arXiv:2202.04200, section 3.2.
    """

    randomness: float = 1.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ConfigError: if the randomness is negative, or what `Elementwise` refuses.
        """
        super().__post_init__()
        if not self.randomness >= 0:
            raise ConfigError(f"randomness of unmasking must be at least 0, got {self.randomness}")

    def move(
        self,
        process: CategoricalProcess,
        z_t: Int[Tensor, "b *e"],
        x0: Float[Tensor, "b *e k"],
        t: Float[Tensor, "b *e"],
        s: Float[Tensor, "b *e"],
        uniform: Callable[[], Float[Tensor, "b *e"]],
    ) -> Int[Tensor, "b *e"]:
        """See `Elementwise.move`; a ConfigError if the noise is not absorbing."""
        if len(process.noise_law) == process.num_classes:
            raise ConfigError("unmasking needs weights trained with the prior 'absorbing'")
        keep_t, keep_s = (process.schedule.keep(time) for time in (t, s))
        masked = z_t == process.num_classes
        shown = draw(x0, uniform())
        sure = x0.gather(-1, shown[..., None])[..., 0].log()
        gumbel = -(-uniform().clamp(1e-7, 1 - 1e-7).log()).log()
        score = (sure + self.randomness * gumbel).masked_fill(~masked, -torch.inf).flatten(1)
        share = (keep_s - keep_t) / (1 - keep_t).clamp_min(1e-7)
        alike = 2 if z_t.ndim == 3 else 1  # a pair scores the same in both directions, and is shown in both
        least = (share * masked).flatten(1).sum(1) / alike
        due = alike * (least + uniform().flatten(1)[:, min(1, z_t[0].numel() - 1)]).floor().long()
        place = score.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        return torch.where(masked & (place < due[:, None]).view_as(masked), shown, z_t)
