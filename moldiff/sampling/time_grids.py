"""Step grids: the times of sampling, from 1 down to 0."""

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.schedule import Schedule
from moldiff.errors import ConfigError

BISECTIONS = 60


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
    return _ended((least + (1 - least) * u).pow(power), num_steps)


def log_grid(num_steps: int, *, end: float) -> Float[Tensor, "steps"]:
    """Every time the same share of the one before, from 1 down to the end, and then 0.

    Args:
        num_steps: one less than the number of times.
        end: time of the last evaluation, above 0 and below 1.

    Returns:
        The times.

    Raises:
        ConfigError: if there is no step or the end is out of range.
    """
    ramp = _ramp(num_steps, end)
    return _ended(end**ramp, num_steps)


def log_snr_grid(num_steps: int, schedule: Schedule, *, end: float) -> Float[Tensor, "steps"]:
    """Even in the log signal to noise ratio between 1 - end and end; but the first time is 1, and the last 0.

    Args:
        num_steps: one less than the number of times.
        schedule: gives the ratio.
        end: time of the last evaluation, above 0 and below one half.

    Returns:
        The times.

    Raises:
        ConfigError: if there is no step or the end is out of range.
    """
    if not end < 0.5:
        raise ConfigError(f"grid: end must be below 0.5 where log-SNR is even, got {end}")
    ramp = _ramp(num_steps, end)
    ends = schedule.log_snr(torch.tensor([1 - end, end], dtype=torch.float64))
    wanted = torch.lerp(ends[0], ends[1], ramp)
    low, high = torch.zeros_like(ramp), torch.ones_like(ramp)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        noisy = schedule.log_snr(middle) < wanted
        low, high = torch.where(noisy, low, middle), torch.where(noisy, middle, high)
    times = (low + high) / 2
    times[0] = 1.0
    return _ended(times, num_steps)


def visit_twice(grid: Float[Tensor, "steps"], num_steps: int) -> Float[Tensor, "visits"]:
    """A grid of num_steps // 2 + 1 steps whose inner times come twice, the last of them once if num_steps is even."""
    inner = grid[1:-1].repeat_interleave(2)
    return torch.cat([grid[:1], inner[: num_steps - 1], grid[-1:]])


def _ramp(num_steps: int, end: float) -> Float[Tensor, "evaluations"]:
    if num_steps < 1 or not 0 < end < 1:
        raise ConfigError(f"grid: needs at least 1 step and an end between 0 and 1, got {num_steps} and {end}")
    return torch.linspace(0, 1, max(2, num_steps), dtype=torch.float64)


def _ended(times: Float[Tensor, "evaluations"], num_steps: int) -> Float[Tensor, "steps"]:
    return torch.cat([times[:num_steps], times.new_zeros(1)]).float()
