"""Step grids: the times that a walk visits, from 1 down to 0."""

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.errors import ConfigError


def power_grid(num_steps: int, *, power: float = 1.0, focus: float = 0.0, end: float = 0.0) -> Float[Tensor, "steps"]:
    """t_i = u_i^power for u_i from 1 down to 0, even or closer together about one half.

    2 u_i - 1 = (1 - focus) y + focus y^3 with y from 1 down to -1: the steps of u are 1 - focus times the even ones in
    the middle and 1 + 2 focus times at the ends. With an end, all times but the last, 0, are drawn together so that
    the last but one is the end; with no focus this is the grid of Karras et al. 2022, arXiv:2206.00364, eq. 5.

    Args:
        num_steps: one less than the number of times.
        power: 1 is even, above 1 is denser near the data.
        focus: 0 is none, below 1.
        end: time of the last evaluation, below 1; 0 to leave it to the power.

    Returns:
        The times.

    Raises:
        ConfigError: if there is no step, the power is not positive, or focus or end is not in [0, 1).
    """
    if num_steps < 1 or power <= 0:
        raise ConfigError(f"grid: needs at least 1 step and a positive power, got {num_steps} and {power}")
    if not (0 <= focus < 1 and 0 <= end < 1):
        raise ConfigError(f"grid: focus and end must be at least 0 and below 1, got {focus} and {end}")
    intervals = max(1, num_steps - (end > 0))
    u = torch.arange(intervals, -1, -1, dtype=torch.float64) / intervals
    u = u * (1 - 2 * focus * (2 * u - 1) * (1 - u))
    least = end ** (1 / power)
    times = (least + (1 - least) * u).pow(power).float()
    return torch.cat([times[:num_steps], times.new_zeros(1)])
