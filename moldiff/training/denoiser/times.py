"""Times of a training step."""

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.config.training import TrainingConfig
from moldiff.state import TimeExponents


def sample_time_exponents(
    count: int, config: TrainingConfig, *, generator: torch.Generator, device: torch.device
) -> TimeExponents:
    """Time exponents, evenly between the ends that the settings give."""
    ends = [config.atom_time_exponent, config.bond_time_exponent]
    if config.model.representation == "latent":
        ends.append(config.latent_time_exponent)
    low, high = torch.tensor(ends).T[:, :, None]
    return TimeExponents(*torch.lerp(low, high, torch.rand(len(ends), count, generator=generator)).to(device))


def sample_previous_times(
    times: Float[Tensor, "b"], gap: tuple[float, float], *, generator: torch.Generator
) -> Float[Tensor, "b"]:
    """Times that sampling may have been at before: the root of the time is larger by a gap, at most 1.

    Evenly many gaps of each size on a logarithmic scale; 1 / n is one of n steps on a grid of power 2. A
    network that never saw a prediction of another time than its own mistrusts those of sampling in few steps.
    """
    share = torch.rand(len(times), generator=generator).to(times)
    before = (times.sqrt() + gap[0] * (gap[1] / gap[0]) ** share).clamp_max(1.0).square()
    return torch.maximum(before, times)  # whatever the rounding


def sample_times(count: int, end_density: float, *, generator: torch.Generator) -> Tensor:
    """Times in (0, 1], their density falling linearly from 2 - `end_density` at the data to `end_density` at the noise.

    They are spread evenly over their law, so that the loss of a batch varies less: Kingma et al. 2021,
    arXiv:2107.00630, appendix I.1.
    """
    uniform = (torch.rand((), generator=generator) + torch.arange(count) / count) % 1
    start, slope = 2 - end_density, 1 - end_density  # u = start t - slope t^2
    return (2 * uniform / (start + (start**2 - 4 * slope * uniform).sqrt())).clamp(1e-3, 1.0)
