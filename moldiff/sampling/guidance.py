"""Guidance of a denoiser: classifier-free by labels, and by the gradient of any function."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from moldiff.conditions.condition import Condition
from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess, is_floating, project
from moldiff.errors import ConfigError
from moldiff.state import Prediction, State, Times

GuidanceFunction = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""From coordinates `[b n 3]`, Å, probabilities of atom `[b n k]` and bond classes `[b n n c]`, and the mask `[b n]`, to
the logarithm of a likelihood `[b]`."""


@dataclass(frozen=True)
class Guidance:
    """How strongly labels count.

    Attributes:
        weights: of each label; 1 is what the network says, above 1 more than that, 0 nothing, also without a target.
        interval: times of the coordinates, from the data on, within which the weights count; beyond they are 1.
    """

    weights: tuple[float, ...]
    interval: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        """Refuses an interval that is none.

        Raises:
            ConfigError: if it does not lie between 0 and 1.
        """
        if not 0 <= self.interval[0] <= self.interval[1] <= 1:
            raise ConfigError(f"guidance interval {self.interval}: expected two times from 0 to 1, the lower one first")


@dataclass(frozen=True, eq=False)
class ClassifierFreeGuidance:
    """A denoiser conditioned on the labels of each molecule.

    With weights w it predicts x0(no labels) + sum_w w (x0(labels of weight w) - x0(no labels)), coordinates
    and logits alike: an evaluation more for each different weight other than 0, none more if all are 1.

    Attributes:
        denoiser: trained with labels, and without.
        labels: NaN where there is no target.
        guidance: how strongly.

    Source: Ho and Salimans 2022, arXiv:2207.12598; Kynkäänniemi et al. 2024, arXiv:2404.07724, for the interval.
    """

    denoiser: Denoiser
    labels: Float[Tensor, "b l"]
    guidance: Guidance

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """See `Denoiser`."""
        low, high = self.guidance.interval
        if not low <= float(t.pos.max()) <= high:
            return self.denoiser(state.replace(labels=self.labels), t, previous)
        weights = torch.tensor(self.guidance.weights, device=self.labels.device)
        different = sorted(set(self.guidance.weights) - {0.0})
        if different in ([], [1.0]):
            return self.denoiser(state.replace(labels=self.labels.masked_fill(weights == 0, torch.nan)), t, previous)
        base = self.denoiser(state.replace(labels=None), t, previous)
        pos, atom, bond, latent = base.pos, base.atom, base.bond, base.latent
        for weight in different:
            labels = self.labels.masked_fill(weights != weight, torch.nan)
            conditioned = self.denoiser(state.replace(labels=labels), t, previous)
            pos, atom, bond, latent = (
                sum_ + weight * (with_ - without)
                for sum_, with_, without in (
                    (pos, conditioned.pos, base.pos),
                    (atom, conditioned.atom, base.atom),
                    (bond, conditioned.bond, base.bond),
                    (latent, conditioned.latent, base.latent),
                )
            )
        return Prediction(pos, atom, bond, latent)


@dataclass(frozen=True, eq=False)
class GradientGuidance:
    """A denoiser whose prediction is moved up the gradient of a function.

    With g the function at the prediction, coordinates become x0_hat + v dg/dpos, the mean of a Gaussian of variance v
    about x0_hat times exp(g) to first order, and logits become logit + dg/dp. Here v is the square of the error of
    the best linear guess, and no atom moves by more than that error.

    Attributes:
        denoiser: whose predictions are moved.
        process: gives the error at each time.
        gradient_guidance: logarithm of a likelihood, differentiable; the network is not differentiated.
        scale: of the gradient.
        interval: as of `Guidance`; beyond, nothing is moved.

    Source: Dhariwal and Nichol 2021, arXiv:2105.05233, equation 10, at x0_hat as in Bansal et al. 2023,
    arXiv:2302.07121 (forward universal guidance).
    """

    denoiser: Denoiser
    process: JointProcess
    gradient_guidance: GuidanceFunction
    scale: float = 1.0
    interval: tuple[float, float] = (0.0, 1.0)

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """See `Denoiser`."""
        x0_hat = self.denoiser(state, t, previous)
        if not self.interval[0] <= float(t.pos.max()) <= self.interval[1]:
            return x0_hat
        to_pos, to_atom, to_bond = self._gradient(x0_hat, state.mask)
        _, error = self.process.pos.skip(t.pos)
        move = error.square()[..., None] * to_pos
        move = move * (error[..., None] / move.norm(dim=-1, keepdim=True).clamp_min(1e-12)).clamp_max(1.0)
        pos = x0_hat.pos + project(move, state.mask, is_floating(t, state.mask))
        return replace(x0_hat, pos=pos, atom=x0_hat.atom + to_atom, bond=x0_hat.bond + to_bond)

    def _gradient(self, x0_hat: Prediction, mask: Bool[Tensor, "b n"]) -> list[Tensor]:
        """Of the guidance function, times the scale; zeros for what it does not read."""
        with torch.enable_grad():
            single = x0_hat.float()
            parts = [single.pos, single.atom.softmax(-1), single.bond.softmax(-1)]
            leaves = [part.detach().requires_grad_() for part in parts]
            value = self.gradient_guidance(leaves[0], leaves[1], leaves[2], mask)
            if value.shape != mask.shape[:1] or not value.requires_grad:
                raise ConfigError(
                    f"the guidance function gave a tensor of shape {tuple(value.shape)}; expected one "
                    f"differentiable number for each of {len(mask)} molecules"
                )
            gradients = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
        return [
            torch.zeros_like(leaf) if gradient is None else self.scale * gradient.nan_to_num()
            for leaf, gradient in zip(leaves, gradients, strict=True)
        ]


def weights_of(
    conditions: Sequence[Condition], guidance: float | Mapping[str, float], labels: Sequence[Sequence[float]]
) -> tuple[float, ...]:
    """A guidance weight for each condition, the same for all molecules, whatever the batch.

    Args:
        conditions: that a model knows.
        guidance: one number, or numbers by name; 1 for those left out.
        labels: of all molecules.

    Returns:
        The weights, 0 without a target.

    Raises:
        ConfigError: if a name is none of the conditions.
    """
    names = [condition.name for condition in conditions]
    by_name = guidance if isinstance(guidance, Mapping) else dict.fromkeys(names, guidance)
    unknown = set(by_name) - set(names)
    if unknown:
        raise ConfigError(f"guidance: no condition {min(unknown)!r}; the weights know {', '.join(names) or 'none'}")
    targeted = [not all(math.isnan(row[place]) for row in labels) for place in range(len(names))]
    return tuple(float(by_name.get(name, 1.0)) * given for name, given in zip(names, targeted, strict=True))
