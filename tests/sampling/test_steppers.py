"""Single steps: DDIM and ancestral sampling, the temperature of the classes."""

import pytest
import torch
from exact_problem import Problem, batch, copies

from moldiff.diffusion.randomness import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule
from moldiff.errors import ConfigError
from moldiff.sampling.classes import MixturePosterior
from moldiff.sampling.positions import Ancestral, Ddim
from moldiff.state import Prediction, Times


@pytest.fixture
def problem() -> Problem:
    return Problem.of(LinearSchedule(), CosineSchedule(), "marginal")


def steps(problem: Problem, stepper, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of a step, from the same state, over 20,000 draws."""
    count = 20_000
    data = copies(problem.data, 3, count)
    z_t = data.replace(pos=data.pos + 0.7)
    x0_hat = Prediction(
        problem.data.pos[4:5].expand(count, -1, -1), torch.zeros(count, 4, 3), torch.zeros(count, 4, 4, 4)
    )
    t, s = (Times.shared(torch.full((count,), value), 4) for value in (0.7, 0.4))
    randomness = BatchRandomness(sample_generator(seed, 0), count)
    pos, _ = stepper.step(problem.process, z_t, x0_hat, t, s, None, generator=randomness)
    return pos.mean(0), pos.std(0)


def assert_same_law(problem: Problem, one, other) -> None:
    (mean, std), (mean_too, std_too) = steps(problem, one, seed=0), steps(problem, other, seed=1)
    torch.testing.assert_close(mean, mean_too, rtol=0, atol=0.03)
    torch.testing.assert_close(std, std_too, rtol=0.03, atol=0)


@pytest.mark.parametrize("schedule", [LinearSchedule(), CosineSchedule()], ids=str)
def test_ddim_with_full_noise_is_ancestral(schedule):
    problem = Problem.of(schedule, schedule, "marginal")
    assert_same_law(problem, Ddim(1.0), Ancestral())
    z_t, half = problem.data, [Times.shared(torch.full((5,), time), 4) for time in (0.7, 0.4)]
    x0_hat = Prediction(problem.data.pos.flip(0), torch.zeros(5, 4, 3), torch.zeros(5, 4, 4, 4))
    ends = [s.step(problem.process, z_t, x0_hat, *half, None, generator=batch(5))[0] for s in (Ddim(1.0), Ancestral())]
    torch.testing.assert_close(*ends, rtol=0, atol=1e-5)


def test_ddim_law_catches_less_noise(problem: Problem):
    with pytest.raises(AssertionError):
        assert_same_law(problem, Ddim(0.9), Ancestral())


@pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan")])
def test_ddim_refuses_a_share_outside_its_range(eta: float):
    with pytest.raises(ConfigError, match="eta"):
        Ddim(eta)


def test_ddim_without_noise_is_the_euler_step_of_the_straight_flow(problem: Problem):
    """Linear schedule: z_s = z_t + (s - t) (z_t - x0_hat) / t; and it draws no random number."""
    t, s = (Times.shared(torch.full((5,), value), 4) for value in (0.7, 0.4))
    z_t = problem.data.replace(pos=torch.randn(5, 4, 3) * problem.data.mask[..., None])
    x0_hat = Prediction(problem.data.pos, torch.zeros(5, 4, 3), torch.zeros(5, 4, 4, 4))
    source = BatchRandomness(sample_generator(0, 0), 5)
    before = source.generator.get_state()
    pos, _ = Ddim(0.0).step(problem.process, z_t, x0_hat, t, s, None, generator=source)
    torch.testing.assert_close(pos, z_t.pos + (0.4 - 0.7) * (z_t.pos - x0_hat.pos) / 0.7, rtol=0, atol=1e-5)
    assert torch.equal(before, source.generator.get_state())


def test_temperature_prefers_likelier_classes_and_one_is_exact(problem: Problem):
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(1, 5000, 3)
    probs = {heat: MixturePosterior(heat)._probabilities(logits)[0, 0].tolist() for heat in (0.5, 1.0)}
    assert probs[1.0] == pytest.approx([0.5, 0.3, 0.2])
    assert probs[0.5] == pytest.approx([25 / 38, 9 / 38, 4 / 38])
    with pytest.raises(ConfigError, match="temperature"):
        MixturePosterior(0.0)
