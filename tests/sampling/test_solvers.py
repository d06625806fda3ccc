"""Single steps: DDIM and ancestral sampling, the temperature of the classes."""

import pytest
import torch
from exact_problem import ExactDenoiser, Problem, batch, copies, step_pos

from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule
from moldiff.errors import ConfigError
from moldiff.sampling.continuous.ddim import Ancestral, Ddim
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.discrete.tau_leaping import TauLeaping
from moldiff.sampling.discrete.unmasking import Unmasking
from moldiff.sampling.interval import Interval
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.sampling.time_grids import power_grid
from moldiff.state import Prediction, Times


@pytest.fixture
def problem() -> Problem:
    return Problem.of(LinearSchedule(), CosineSchedule(), "marginal")


def steps(problem: Problem, solver, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of a step, from the same state, over 20,000 draws."""
    count = 20_000
    data = copies(problem.data, 3, count)
    z_t = data.replace(pos=data.pos + 0.7)
    x0_hat = Prediction(
        problem.data.pos[4:5].expand(count, -1, -1), torch.zeros(count, 4, 3), torch.zeros(count, 4, 4, 4)
    )
    t, s = (Times.shared(torch.full((count,), value), 4) for value in (0.7, 0.4))
    randomness = BatchRandomness(sample_generator(seed, 0), count)
    pos, _ = step_pos(solver, z_t, x0_hat, Interval(problem.process, t, s, randomness), None)
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
    ends = [
        step_pos(s, z_t, x0_hat, Interval(problem.process, *half, batch(5)), None)[0] for s in (Ddim(1.0), Ancestral())
    ]
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
    pos, _ = step_pos(Ddim(0.0), z_t, x0_hat, Interval(problem.process, t, s, source), None)
    torch.testing.assert_close(pos, z_t.pos + (0.4 - 0.7) * (z_t.pos - x0_hat.pos) / 0.7, rtol=0, atol=1e-5)
    assert torch.equal(before, source.generator.get_state())


def test_multistep_begins_with_an_ancestral_step(problem: Problem):
    assert_same_law(problem, DpmSolver(), Ancestral())


def test_multistep_law_catches_extra_spread(problem: Problem):
    with pytest.raises(AssertionError):
        assert_same_law(problem, DpmSolver(torch.tensor([0.5, 0.5])), Ancestral())


def test_multistep_adds_the_spread_of_the_prediction(problem: Problem):
    """At t = 0.7, between errors of 0.2 at 0 and 1.2 at 1, the error is 0.9 Å; x0 has a share of the step's mean."""
    (_, std), (_, wider) = (steps(problem, s, seed=0) for s in (DpmSolver(), DpmSolver(torch.tensor([0.2, 1.2]))))
    times = (torch.tensor([[time]]) for time in (0.7, 0.4))
    share = problem.process.pos.posterior(torch.zeros(1, 1, 3), torch.ones(1, 1, 3), *times)[0][0, 0, 0]
    scale = (
        std
        / problem.process.pos.posterior(
            torch.zeros(1, 1, 3), torch.zeros(1, 1, 3), torch.tensor([[0.7]]), torch.tensor([[0.4]])
        )[1]
    )  # below 1 by the projection to zero mean
    torch.testing.assert_close(wider, (std.square() + (scale * share * 0.9).square()).sqrt(), rtol=0.03, atol=1e-6)


def test_multistep_goes_on_as_the_prediction_did(problem: Problem):
    """Exact on a prediction that moves linearly in half the log signal to noise ratio; and the last step is x0_hat."""
    schedule, z_t = problem.process.pos.schedule, problem.data
    half = {time: float(schedule.log_snr(torch.tensor(time)) / 2) for time in (0.7, 0.5, 0.4)}

    def moved(time: float) -> Prediction:
        return Prediction(problem.data.pos * (1 + half[time]), torch.zeros(5, 4, 3), torch.zeros(5, 4, 4, 4))

    def step(solver, prediction: Prediction, t: float, s: float, memory: object):
        times = (Times.shared(torch.full((5,), time), 4) for time in (t, s))
        return step_pos(solver, z_t, prediction, Interval(problem.process, *times, batch(5)), memory)

    _, memory = step(DpmSolver(), moved(0.7), 0.7, 0.5, None)
    pos, _ = step(DpmSolver(), moved(0.5), 0.5, 0.4, memory)
    middle = 1 + half[0.5] + (half[0.4] - half[0.5]) / 2
    expected, _ = step(
        Ancestral(), Prediction(problem.data.pos * middle, *list(vars(moved(0.5)).values())[1:]), 0.5, 0.4, None
    )
    torch.testing.assert_close(pos, expected, rtol=0, atol=1e-5)
    end, _ = step(DpmSolver(), moved(0.5), 0.5, 0.0, memory)
    torch.testing.assert_close(end, moved(0.5).pos, rtol=0, atol=1e-6)


def test_multistep_leaves_what_is_known(problem: Problem):
    t, s = (Times.shared(torch.full((5,), time), 4) for time in (0.7, 0.4))
    known = torch.tensor([True, False, False, False]).expand(5, 4)
    t, s = (Times(time.pos.masked_fill(known, 0.0), time.atom, time.bond) for time in (t, s))
    x0_hat, memory = Prediction(problem.data.pos + 1, torch.zeros(5, 4, 3), torch.zeros(5, 4, 4, 4)), None
    for _ in range(2):
        pos, memory = step_pos(
            DpmSolver(torch.tensor([0.3, 1.0])), problem.data, x0_hat, Interval(problem.process, t, s, batch(5)), memory
        )
        assert torch.equal(pos[known], problem.data.pos[known])
        assert not torch.equal(pos[~known], problem.data.pos[~known])


@pytest.mark.parametrize("errors", [[0.1], [0.1, -0.1], [0.1, float("nan")]])
def test_multistep_refuses_errors_that_are_none(errors: list[float]):
    with pytest.raises(ConfigError, match="errors"):
        DpmSolver(torch.tensor(errors))


def test_temperature_prefers_likelier_classes_and_one_is_exact(problem: Problem):
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(1, 5000, 3)
    probs = {heat: MixturePosterior(heat).probabilities(logits)[0, 0].tolist() for heat in (0.5, 1.0)}
    assert probs[1.0] == pytest.approx([0.5, 0.3, 0.2])
    assert probs[0.5] == pytest.approx([25 / 38, 9 / 38, 4 / 38])
    with pytest.raises(ConfigError, match="temperature"):
        MixturePosterior(0.0)


def test_top_p_leaves_out_the_least_likely():
    logits = torch.tensor([[0.2, 0.5, 0.3], [0.05, 0.9, 0.05]]).log()
    probs = MixturePosterior(top_p=0.7).probabilities(logits)
    torch.testing.assert_close(probs, torch.tensor([[0.0, 5 / 8, 3 / 8], [0.0, 1.0, 0.0]]))
    torch.testing.assert_close(MixturePosterior().probabilities(logits), logits.exp())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(MixturePosterior, {"top_p": 0.0}), (TauLeaping, {"corrector_rate": -1.0}), (Unmasking, {"gumbel_noise": -1.0})],
)
def test_discrete_solvers_refuse_nonsense(kind: type, wrong: dict[str, float]):
    with pytest.raises(ConfigError, match=next(iter(wrong)) if "top_p" in wrong else "at least 0"):
        kind(**wrong)


def test_unmasking_needs_absorbing_noise(problem: Problem):
    with pytest.raises(ConfigError, match="absorbing"):
        sample_trajectory(
            problem.process,
            ExactDenoiser(problem),
            Solvers(classes=Unmasking()),
            power_grid(3),
            problem.sizes_only([0]),
            generator=batch(1),
        )


def test_unmasking_shows_the_surest_first_and_a_pair_in_both_directions():
    process = Problem.of(LinearSchedule(), LinearSchedule(), "absorbing").process.bond
    uniform = torch.rand(4, 6, 6, generator=torch.Generator().manual_seed(0)).triu(1)
    masked = torch.full((4, 6, 6), process.num_classes) * (1 - torch.eye(6, dtype=torch.long))
    sure = torch.rand(4, 6, 6, generator=torch.Generator().manual_seed(1)).triu(1)
    sure = 0.3 + 0.6 * (sure + sure.transpose(1, 2))[..., None]
    x0 = torch.cat([sure, (1 - sure) / 3, (1 - sure) / 3, (1 - sure) / 3], -1)
    t, s = torch.full((4, 6, 6), 0.8), torch.full((4, 6, 6), 0.4)
    z = Unmasking(gumbel_noise=0.0).move(process, masked, x0, t, s, lambda: uniform + uniform.transpose(1, 2))
    shown = (z != masked) & ~torch.eye(6, dtype=torch.bool)
    assert torch.equal(z, z.transpose(1, 2))
    assert (shown.sum((1, 2)) / 30 - 0.5).abs().max() < 0.1
    assert torch.equal(Unmasking().move(process, z, x0, s, 0 * s, lambda: uniform) == process.num_classes, 0 * z == 1)


@pytest.mark.parametrize("s", [0.0, 0.4])
def test_resampling_of_one_is_the_noise_of_a_drawn_molecule(problem: Problem, s: float):
    """Nothing of z_t stays, whatever it was, but what is known."""
    times = [Times.shared(torch.full((5,), time), 4) for time in (0.7, s)]
    known = torch.tensor([True, False, False, False]).expand(5, 4)
    t, s_known = (Times(time.pos, time.atom.masked_fill(known, 0.0), time.bond) for time in times)
    certain = Prediction(
        problem.data.pos,
        *(
            1e3 * torch.nn.functional.one_hot(classes, k).float()
            for classes, k in ((problem.data.atom, 3), (problem.data.bond, 4))
        ),
    )
    seen = []
    for other in (0, 1):
        z_t = problem.data.replace(atom=torch.full_like(problem.data.atom, other))
        atom, bond, _ = MixturePosterior(resample=1.0).step(
            z_t, certain, Interval(problem.process, t, s_known, batch(5)), None
        )
        assert bool((atom[known] == other).all())
        seen.append((atom[~known], bond))
        if s == 0:
            assert torch.equal(atom[~known], problem.data.atom[~known])
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])
    with pytest.raises(ConfigError, match="resample"):
        MixturePosterior(resample=1.1)


@pytest.mark.parametrize(("t", "s", "random"), [(0.3, 0.05, True), (0.09, 0.05, False)])
def test_multistep_adds_no_noise_near_the_data(problem: Problem, t: float, s: float, random: bool):
    times = [Times.shared(torch.full((5,), time), 4) for time in (t, s)]
    x0_hat = Prediction(problem.data.pos + 0.01, torch.zeros(5, 4, 3), torch.zeros(5, 4, 4, 4))
    solver = DpmSolver(torch.tensor([0.1, 1.0]))
    drawn = [
        step_pos(solver, problem.data, x0_hat, Interval(problem.process, *times, batch(5, seed)), None)[0]
        for seed in (0, 1)
    ]
    assert torch.equal(*drawn) is not random
