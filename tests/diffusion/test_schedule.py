import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moldiff.diffusion.schedule import LOG_SNR_BOUND, CosineSchedule, LinearSchedule, PolynomialSchedule, Schedule
from moldiff.errors import ConfigError

TOLERANCE = 1e-9
EXPONENTS = st.floats(0.3, 4.0)
SCHEDULES = st.one_of(
    st.just(LinearSchedule()), st.builds(CosineSchedule, EXPONENTS), st.builds(PolynomialSchedule, EXPONENTS)
)


def assert_law(schedule: Schedule) -> None:
    """Exact ends, in float32 too; alpha and keep fall, sigma rises, and with them the ratio falls."""
    for dtype in (torch.float64, torch.float32):
        ends = torch.tensor([0.0, 1.0], dtype=dtype)
        assert schedule.alpha(ends).tolist() == [1.0, 0.0]
        assert schedule.sigma(ends).tolist() == [0.0, 1.0]
        assert schedule.keep(ends).tolist() == [1.0, 0.0]
        assert schedule.log_snr(ends).tolist() == [LOG_SNR_BOUND, -LOG_SNR_BOUND]
    t = torch.linspace(0, 1, 501, dtype=torch.float64)
    assert (schedule.alpha(t).diff() <= 0).all()
    assert (schedule.keep(t).diff() <= 0).all()
    assert (schedule.sigma(t).diff() >= 0).all()
    bounded = schedule.log_snr(t).abs() == LOG_SNR_BOUND
    assert (schedule.log_snr(t[~bounded]).diff() < 0).all()
    assert bounded.double().mean() < 0.1
    ratio = (2 * (schedule.alpha(t) / schedule.sigma(t)).log()).clamp(-LOG_SNR_BOUND, LOG_SNR_BOUND)
    torch.testing.assert_close(schedule.log_snr(t), ratio, rtol=0, atol=TOLERANCE)


def assert_preserves_variance(schedule: Schedule) -> None:
    t = torch.linspace(0, 1, 501, dtype=torch.float64)
    total = schedule.alpha(t) ** 2 + schedule.sigma(t) ** 2
    torch.testing.assert_close(total, torch.ones_like(t), rtol=0, atol=TOLERANCE)


@given(SCHEDULES)
def test_schedule_is_exact_at_its_ends_and_monotone(schedule: Schedule):
    assert_law(schedule)


@given(st.one_of(st.builds(CosineSchedule, EXPONENTS), st.builds(PolynomialSchedule, EXPONENTS)))
def test_schedule_preserves_variance(schedule: Schedule):
    assert_preserves_variance(schedule)


@given(SCHEDULES, st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_schedule_is_elementwise(schedule: Schedule, times: list[float]):
    t = torch.tensor(times, dtype=torch.float64)
    for law in (schedule.alpha, schedule.sigma, schedule.keep, schedule.log_snr):
        alone = torch.stack([law(one) for one in t])
        torch.testing.assert_close(law(t), alone, rtol=0, atol=TOLERANCE)


def test_schedule_has_its_published_values():
    quarter = torch.tensor(0.25, dtype=torch.float64)
    assert float(CosineSchedule().alpha(quarter)) == pytest.approx(math.cos(math.pi / 8), abs=TOLERANCE)
    assert float(CosineSchedule(2.5).alpha(quarter)) == pytest.approx(math.cos(math.pi / 64), abs=TOLERANCE)
    assert float(PolynomialSchedule(2.0).alpha(quarter)) == pytest.approx(15 / 16, abs=TOLERANCE)
    assert float(LinearSchedule().sigma(quarter)) == 0.25


@pytest.mark.parametrize("kind", [CosineSchedule, PolynomialSchedule])
@pytest.mark.parametrize("exponent", [0.0, -1.0, math.nan])
def test_schedule_refuses_an_exponent_that_is_not_positive(kind: type, exponent: float):
    with pytest.raises(ConfigError, match="positive"):
        kind(exponent)


class NeverQuiteNoise(LinearSchedule):
    def alpha(self, t):
        return 1 - 0.999 * t


class Rising(LinearSchedule):
    def keep(self, t):
        return (1 - t) * (1 + 2 * t)


@pytest.mark.parametrize("fault", [NeverQuiteNoise, Rising])
def test_schedule_law_catches_a_fault(fault: type[LinearSchedule]):
    with pytest.raises(AssertionError):
        assert_law(fault())


def test_schedule_variance_law_catches_a_fault():
    with pytest.raises(AssertionError):
        assert_preserves_variance(LinearSchedule())
