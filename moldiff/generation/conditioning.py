"""The denoiser of the molecules of a call: as it is, with guidance, and with what all molecules have in common."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from moldiff.config.sampler import SamplerConfig
from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess
from moldiff.sampling.connectivity import Connected
from moldiff.sampling.guidance import ClassifierFreeGuidance, GradientGuidance, Guidance, GuidanceFunction
from moldiff.sampling.valence_constraint import ValenceConstrained

Conditioning = Callable[[Denoiser, Sequence[int]], Denoiser]  # the denoiser for the molecules of these indices


def keep_denoiser(denoiser: Denoiser, indices: Sequence[int]) -> Denoiser:
    """The denoiser as it is."""
    del indices
    return denoiser


def condition_on(
    labels: Callable[[int], list[float]],
    guidance: Guidance,
    gradient_guidance: GuidanceFunction | None,
    scale: float,
    denoiser: Denoiser,
    indices: Sequence[int],
    *,
    process: JointProcess,
    device: torch.device,
) -> Denoiser:
    """The denoiser with classifier-free guidance by labels, and with gradient guidance.

    Args:
        labels: of the molecule of an index.
        guidance: weights of the labels; none without conditions.
        gradient_guidance: a function whose gradient guides.
        scale: of its gradient.
        denoiser: to guide.
        indices: of the molecules.
        process: of the denoiser.
        device: to compute on.

    Returns:
        The guided denoiser.
    """
    if guidance.weights:
        rows = torch.tensor([labels(index) for index in indices], device=device)
        denoiser = ClassifierFreeGuidance(denoiser, rows, guidance)
    if gradient_guidance is not None:
        denoiser = GradientGuidance(denoiser, process, gradient_guidance, scale, guidance.interval)
    return denoiser


def favour_molecules(
    denoiser: Denoiser, sampler: SamplerConfig, bonding: Bool[Tensor, "k aromatic orders"]
) -> Denoiser:
    """The denoiser with bonds that hold a molecule together and fit its atoms, as far as the settings say.

    Args:
        denoiser: of the molecules.
        sampler: the settings.
        bonding: as of `moldiff.sampling.valence_constraint.ValenceConstrained`.

    Returns:
        The denoiser.
    """
    if sampler.valence:
        denoiser = ValenceConstrained(denoiser, bonding, sampler.valence, sampler.valence_time)
    if sampler.connectivity:
        denoiser = Connected(denoiser, sampler.connectivity)
    return denoiser
