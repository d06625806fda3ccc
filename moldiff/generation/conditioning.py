"""The denoiser of the molecules of a call: as it is, with guidance, or held in one piece."""

from collections.abc import Callable, Sequence

import torch

from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess
from moldiff.sampling.connectivity import Connected
from moldiff.sampling.guidance import ClassifierFreeGuidance, GradientGuidance, Guidance, GuidanceFunction

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


def favour_connected(
    conditioning: Conditioning, strength: float, denoiser: Denoiser, indices: Sequence[int]
) -> Denoiser:
    """The denoiser with bonds that hold a molecule together; see `moldiff.sampling.connectivity`."""
    return Connected(conditioning(denoiser, indices), strength)
