"""Step grids: the times that a walk visits, from 1 down to 0."""

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.errors import ConfigError


def power_grid(num_steps: int, *, power: float = 1.0) -> Float[Tensor, "steps"]:
    """t_i = (1 - i / num_steps)^power, from 1 down to 0.

    Args:
        num_steps: one less than the number of times.
        power: 1 is even, above 1 is denser near the data.

    Returns:
        The times.

    Raises:
        ConfigError: if there is no step or the power is not positive.
    """
    if num_steps < 1 or power <= 0:
        raise ConfigError(f"grid: needs at least 1 step and a positive power, got {num_steps} and {power}")
    return (torch.arange(num_steps, -1, -1, dtype=torch.float64) / num_steps).pow(power).float()
