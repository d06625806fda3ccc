"""Grids of times."""

import pytest
import torch

from moldiff.errors import ConfigError
from moldiff.sampling.time_grids import power_grid

GRID = power_grid(30)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_grid_falls_from_one_to_zero(steps: int, power: float):
    grid = power_grid(steps, power=power)
    assert len(grid) == steps + 1
    assert grid[0] == 1
    assert grid[-1] == 0
    assert bool((grid.diff() < 0).all())
    assert float(grid[steps // 2]) == pytest.approx((1 - (steps // 2) / steps) ** power, abs=1e-6)


@pytest.mark.parametrize(("steps", "power"), [(0, 1.0), (-3, 1.0), (5, 0.0), (5, -1.0)])
def test_grid_refuses_nonsense(steps: int, power: float):
    with pytest.raises(ConfigError, match="grid"):
        power_grid(steps, power=power)


@pytest.mark.parametrize("focus", [0.3, 0.5, 0.99])
def test_focus_moves_steps_to_the_middle(focus: float):
    even, grid = power_grid(20, power=2.0), power_grid(20, power=2.0, focus=focus)
    assert grid[0] == 1
    assert grid[-1] == 0
    assert bool((grid.diff() < 0).all())
    roots = grid.double().sqrt()
    assert float(roots[9] - roots[10]) == pytest.approx(((1 - focus) * 0.1 + focus * 0.1**3) / 2, abs=1e-6)
    assert float(roots[0] - roots[1]) > float(even.double().sqrt()[0] - even.double().sqrt()[1])
    with pytest.raises(ConfigError, match="focus"):
        power_grid(20, focus=1.0)


def test_grid_with_an_end_is_that_of_karras():
    grid = power_grid(10, power=7.0, end=0.002)
    ramp = torch.linspace(0, 1, 10, dtype=torch.float64)
    torch.testing.assert_close(grid[:-1].double(), (1 + ramp * (0.002 ** (1 / 7) - 1)) ** 7, rtol=1e-6, atol=1e-8)
    assert grid[-1] == 0
    assert power_grid(1, end=0.1).tolist() == [1, 0]
    for steps in (1, 2, 3, 50):
        grid = power_grid(steps, power=2.0, focus=0.5, end=0.02)
        assert len(grid) == steps + 1
        assert steps == 1 or float(grid[-2]) == pytest.approx(0.02)
        assert bool((grid.diff() < 0).all())
