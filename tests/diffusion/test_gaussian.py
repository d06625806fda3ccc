"""The Gaussian process against Bayes' rule and against the composition of its own parts."""

import math

import pytest
import torch
from torch import Tensor

from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, PolynomialSchedule, Schedule
from moldiff.errors import TimeOrderError

TOLERANCE = 1e-9
SCALE = 1.7
SCHEDULES = [LinearSchedule(), CosineSchedule(), CosineSchedule(2.5), PolynomialSchedule(2.0)]
PAIRS = [(0.9, 0.4), (1.0, 0.97), (1.0, 0.5), (0.5, 0.499), (0.03, 0.001), (0.2, 0.0), (1.0, 0.0)]


def at(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def moments(process: GaussianProcess, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(z_t | x0), read off the code under test: it is linear in x0 and eps."""
    zero, one = torch.zeros_like(x0), torch.ones_like(x0)
    return process.noise(x0, t, zero), (process.noise(zero, t, one)) ** 2


def assert_bayes(process: GaussianProcess, t: float, s: float) -> None:
    """Mean and variance of the product q(z_t | z_s) q(z_s | x0) over a fine grid of z_s, integrated numerically."""
    x0, z_t = torch.full((1, 1, 3), 0.8, dtype=torch.float64), torch.full((1, 1, 3), -1.1, dtype=torch.float64)
    mean, std = process.posterior(z_t, x0, at(t), at(s))
    if s == 0:
        torch.testing.assert_close(mean, x0, rtol=0, atol=TOLERANCE)
        assert float(std) == 0
        return
    prior_mean, prior_variance = (float(m[0, 0, 0]) for m in moments(process, x0, at(s)))
    zero = torch.zeros(1, 1, 3, dtype=torch.float64)
    slope = float(process.transition(zero + 1, at(s), at(t), zero)[0, 0, 0])
    spread = float(process.transition(zero, at(s), at(t), zero + 1)[0, 0, 0])
    centre, width = float(mean[0, 0, 0]), float(std)
    z_s = centre + width * torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    log_density = -((z_s - prior_mean) ** 2) / (2 * prior_variance)
    log_density = log_density - (float(z_t[0, 0, 0]) - slope * z_s) ** 2 / (2 * spread**2)
    weight = (log_density - log_density.max()).exp()
    weight = weight / weight.sum()
    expected = float((weight * z_s).sum())
    variance = float((weight * (z_s - expected) ** 2).sum())
    assert centre == pytest.approx(expected, abs=TOLERANCE)
    assert width**2 == pytest.approx(variance, abs=TOLERANCE)


def assert_composes(process: GaussianProcess, t: float, s: float) -> None:
    """transition after noise has the moments of noise; so has posterior after noise at s, with the true x0."""
    x0 = torch.tensor([[[0.3, -2.0, 1.0]]], dtype=torch.float64)
    zero, one = torch.zeros_like(x0), torch.ones_like(x0)
    mean_s, variance_s = moments(process, x0, at(s))
    mean_t, variance_t = moments(process, x0, at(t))
    slope = process.transition(one, at(s), at(t), zero)
    added = process.transition(zero, at(s), at(t), one) ** 2
    torch.testing.assert_close(slope * mean_s, mean_t, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(slope**2 * variance_s + added, variance_t, rtol=0, atol=TOLERANCE)
    back, std = process.posterior(mean_t, x0, at(t), at(s))
    weight = process.posterior(one, zero, at(t), at(s))[0]
    torch.testing.assert_close(back, mean_s, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(weight**2 * variance_t + std[..., None] ** 2, variance_s, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_posterior_agrees_with_bayes(schedule: Schedule, t: float, s: float):
    assert_bayes(GaussianProcess(schedule, SCALE), t, s)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_gaussian_parts_compose(schedule: Schedule, t: float, s: float):
    assert_composes(GaussianProcess(schedule, SCALE), t, s)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gaussian_step_to_the_same_time_stays(schedule: Schedule, dtype: torch.dtype):
    process, t = GaussianProcess(schedule, SCALE), torch.tensor([[0.0, 1e-3, 0.5, 1.0]], dtype=dtype)
    z_t, x0 = torch.randn(2, 1, 4, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    mean, std = process.posterior(z_t, x0, t, t)
    assert torch.equal(mean, z_t)
    assert not std.any()
    assert torch.equal(process.transition(z_t, t, t, torch.ones_like(z_t)), z_t)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_gaussian_at_time_zero_is_the_data(schedule: Schedule):
    process = GaussianProcess(schedule, SCALE)
    x0, eps = torch.randn(2, 1, 4, 3, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros(1, 4)
    assert torch.equal(process.noise(x0, zero, eps), x0)
    assert torch.equal(process.noise(x0, zero + 1, eps), SCALE * eps)
    assert torch.equal(process.transition(x0, zero, zero + 1, eps), SCALE * eps)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_gaussian_is_elementwise(schedule: Schedule):
    """Every atom as if it were alone with its own times."""
    process = GaussianProcess(schedule, SCALE)
    generator = torch.Generator().manual_seed(1)
    z_t, x0, eps = torch.randn(3, 2, 5, 3, dtype=torch.float64, generator=generator)
    s, t = torch.rand(2, 2, 5, dtype=torch.float64, generator=generator).sort(0).values
    t[0, 0] = s[0, 0] = s[1, 1] = 0
    results = [process.noise(x0, t, eps), process.transition(z_t, s, t, eps), *process.posterior(z_t, x0, t, s)]
    for row in range(2):
        for column in range(5):
            one = (slice(row, row + 1), slice(column, column + 1))
            alone = [
                process.noise(x0[one], t[one], eps[one]),
                process.transition(z_t[one], s[one], t[one], eps[one]),
                *process.posterior(z_t[one], x0[one], t[one], s[one]),
            ]
            for a, b in zip(results, alone, strict=True):
                torch.testing.assert_close(a[one], b, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_gaussian_linear_guess_is_the_best(schedule: Schedule):
    """For x0 of spread `scale`, skip minimises the mean square error, and error is its root."""
    process = GaussianProcess(schedule, SCALE)
    t = torch.linspace(0, 1, 11, dtype=torch.float64)[None]
    skip, error = process.skip(t)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)

    def mean_square(weight: Tensor) -> Tensor:
        return SCALE**2 * ((1 - weight * alpha) ** 2 + (weight * sigma) ** 2)

    torch.testing.assert_close(mean_square(skip), error**2, rtol=0, atol=TOLERANCE)
    for other in (skip + 1e-3, skip - 1e-3):
        assert (mean_square(other) > error**2).all()


@pytest.mark.parametrize("method", ["transition", "posterior"])
def test_gaussian_refuses_a_later_s(method: str):
    process, pos = GaussianProcess(LinearSchedule(), SCALE), torch.zeros(1, 2, 3)
    s, t = torch.tensor([[0.1, 0.6]]), torch.tensor([[0.2, 0.5]])
    with pytest.raises(TimeOrderError, match=r"t = 0\.5, s = 0\.6"):
        process.transition(pos, s, t, pos) if method == "transition" else process.posterior(pos, pos, t, s)


class VarianceScaled(GaussianProcess):
    def posterior(self, z_t, x0_hat, t, s):
        mean, std = super().posterior(z_t, x0_hat, t, s)
        return mean, 1.01 * std


class WrongTime(GaussianProcess):
    def posterior(self, z_t, x0_hat, t, s):
        return super().posterior(z_t, x0_hat, t, s * 0.99)


class RatioOfSquares(GaussianProcess):
    def _ratio(self, t, s):
        ratio, variance = super()._ratio(t, s)
        return ratio**2, variance


@pytest.mark.parametrize("fault", [VarianceScaled, WrongTime, RatioOfSquares])
@pytest.mark.parametrize("law", [assert_bayes, assert_composes])
def test_gaussian_laws_catch_a_fault(fault: type[GaussianProcess], law):
    with pytest.raises(AssertionError):
        law(fault(CosineSchedule(), SCALE), 0.9, 0.4)


def test_gaussian_noise_has_its_moments_by_draws():
    """The one law that does not rest on linearity: 200,000 draws, mean and deviation within five standard errors."""
    process, count = GaussianProcess(CosineSchedule(), SCALE), 200_000
    eps = torch.randn(1, count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z_t = process.noise(torch.full_like(eps, 2.0), torch.full((1, count), 0.3, dtype=torch.float64), eps)
    alpha, spread = math.cos(0.15 * math.pi), SCALE * math.sin(0.15 * math.pi)
    assert float(z_t.mean()) == pytest.approx(2 * alpha, abs=5 * spread / math.sqrt(3 * count))
    assert float(z_t.std()) == pytest.approx(spread, rel=5 / math.sqrt(6 * count))
