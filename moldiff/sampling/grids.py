"""Step grids: the times that a walk visits, from 1 down to 0."""

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.errors import ConfigError


def power_grid(num_steps: int, *, power: float = 1.0, focus: float = 0.0) -> Float[Tensor, "steps"]:
    """t_i = u_i^power for u_i from 1 down to 0, even or closer together about one half.

    2 u_i - 1 = (1 - focus) y + focus y^3 with y = 1 - 2 i / num_steps: the steps of u are 1 - focus times the even ones
    in the middle and 1 + 2 focus times at the ends.

    Args:
        num_steps: one less than the number of times.
        power: 1 is even, above 1 is denser near the data.
        focus: 0 is none, below 1.

    Returns:
        The times.

    Raises:
        ConfigError: if there is no step, the power is not positive or the focus is not in [0, 1).
    """
    if num_steps < 1 or power <= 0:
        raise ConfigError(f"grid: needs at least 1 step and a positive power, got {num_steps} and {power}")
    if not 0 <= focus < 1:
        raise ConfigError(f"grid: the focus must be at least 0 and below 1, got {focus}")
    u = torch.arange(num_steps, -1, -1, dtype=torch.float64) / num_steps
    return (u * (1 - 2 * focus * (2 * u - 1) * (1 - u))).pow(power).float()
