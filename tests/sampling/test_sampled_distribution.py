"""Sampling with the exact denoiser reaches the data through the distributions of the process."""

import itertools
import math
from functools import cache

import pytest
import torch
from exact_problem import ExactDenoiser, Problem, copies, step_pos
from sampled_distribution import (
    GRIDS,
    PRIORS,
    SCHEDULES,
    STEPS,
    TRAJECTORIES,
    assert_reaches,
    deviations_on_the_way,
    make_problem,
)
from torch import Tensor

from moldiff.diffusion.categorical import PriorName
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.sampling.continuous.base import ContinuousSolver
from moldiff.sampling.continuous.ddim import Ancestral, Ddim
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.continuous.heun import Heun
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.discrete.tau_leaping import TauLeaping
from moldiff.sampling.discrete.unmasking import Unmasking
from moldiff.sampling.interval import Interval
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.sampling.time_grids import power_grid, visit_twice
from moldiff.state import State, TimeExponents, Times

POSITIONS = {
    "ddim-0": Ddim(0.0),
    "ddim-1": Ddim(1.0),
    "ancestral": Ancestral(),
    "multistep": DpmSolver(),
    "multistep-0": DpmSolver(eta=0.0),
    "heun": Heun(),
}
CLASSES = {
    "posterior": MixturePosterior(),
    "leaping": TauLeaping(),
    "leaping-noise": TauLeaping(corrector_rate=0.5),
    "unmasking": Unmasking(gumbel_noise=50.0),
}
# Every pairing of solvers; among them every pairing of a schedule and a prior, twice; all grids in turn.
PAIRINGS = [
    (pos, classes, list(SCHEDULES)[(i + k) % 3], PRIORS[2 if classes == "unmasking" else (i + 2 * k) % 3])
    for i, pos in enumerate(POSITIONS)
    for k, classes in enumerate(CLASSES)
]
CASES = [(*pairing, list(GRIDS)[(number + number // 4) % 4]) for number, pairing in enumerate(PAIRINGS)]


def test_every_schedule_meets_every_prior():
    pairs = [(schedule, prior) for _, classes, schedule, prior, _ in CASES if classes != "unmasking"]
    assert set(pairs) == set(itertools.product(SCHEDULES, PRIORS))


@pytest.mark.parametrize(("pos", "classes", "schedule", "prior", "grid"), CASES, ids=["-".join(c) for c in CASES])
def test_sampling_reaches_data_with_exact_denoiser(pos: str, classes: str, schedule: str, prior: PriorName, grid: str):
    problem, times = make_problem(SCHEDULES[schedule], prior), GRIDS[grid]
    times = visit_twice(times, 2 * STEPS - 1) if pos == "heun" else times
    assert_reaches(problem, Solvers(pos=POSITIONS[pos], classes=CLASSES[classes]), times)


@pytest.mark.parametrize("pos", ["ddim-0", "multistep", "heun"])
def test_sampling_reaches_data_with_churn(pos: str):
    times = visit_twice(GRIDS["power"], 2 * STEPS - 1) if pos == "heun" else GRIDS["power"]
    problem = make_problem(LinearSchedule(), "marginal")
    assert_reaches(problem, Solvers(pos=POSITIONS[pos]), times, churn=0.4)


@pytest.mark.parametrize(
    "time_exponents", [TimeExponents(atom=2.0, bond=3.0), TimeExponents(atom=0.5, bond=0.7)], ids=["ahead", "behind"]
)
def test_sampling_reaches_data_whatever_the_time_exponents(time_exponents: TimeExponents):
    problem = make_problem(LinearSchedule(), "marginal")
    assert_reaches(problem, Solvers(pos=DpmSolver()), GRIDS["even"], time_exponents=time_exponents)


@pytest.mark.parametrize("solver", ["ddim-0", "ddim-1", "multistep", "heun"])
def test_sampling_reaches_latents_with_every_solver(solver: str):
    """A latent is one more continuous variable, with a time of its own: each molecule ends with its own."""
    times = visit_twice(GRIDS["power"], 2 * STEPS - 1) if solver == "heun" else GRIDS["power"]
    problem = make_problem(LinearSchedule(), "marginal", latent_width=3)
    solvers = Solvers(pos=POSITIONS[solver], latent=POSITIONS[solver])
    assert_reaches(problem, solvers, times, time_exponents=TimeExponents(latent=0.8))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("churn", [0.5, 1.0])
def test_sampling_reaches_data_with_churned_classes(churn: float, prior: PriorName):
    """Not to the last: drawn again and again independently, two elements lose some of what ties them."""
    classes = MixturePosterior(resample=churn)
    assert_reaches(make_problem(LinearSchedule(), prior), Solvers(classes=classes), GRIDS["power"], most=0.1)


def errors_of(problem: Problem) -> Tensor:
    """Root mean square error of the exact denoiser's coordinates of the three-atom molecules, at even times."""
    data, rows = problem.data, torch.multinomial(problem.weights[:3], 3000, replacement=True)
    x0 = State(data.pos[rows], data.atom[rows], data.bond[rows], data.mask[rows])
    squares = []
    for time in torch.linspace(0, 1, 21):
        t = Times.shared(time.expand(3000), 4)
        z_t = problem.process.noise(x0, t, generator=BatchRandomness(sample_generator(0, 2), 3000))
        squares.append((ExactDenoiser(problem)(z_t, t).pos - x0.pos)[x0.mask].square().mean())
    return torch.stack(squares).sqrt()


def test_multistep_keeps_the_spread_in_few_steps():
    """What a prediction leaves out is missing from the spread of eight ancestral steps, not of these."""
    problem = make_problem(LinearSchedule(), "marginal")
    grid, deviations = power_grid(8, power=1.5), {}
    for name, solver in {"ancestral": Ancestral(), "multistep": DpmSolver(errors_of(problem))}.items():
        seen = []

        def callback(step: int, time: float, state: State, prediction: object, seen=seen) -> None:
            if 2 <= step <= 5:
                seen.append(abs(deviations_on_the_way(problem, state, time)[0]))

        known = problem.sizes_only([0] * TRAJECTORIES + [3] * TRAJECTORIES)
        randomness = BatchRandomness(sample_generator(0, 0), 2 * TRAJECTORIES)
        out = sample_trajectory(
            problem.process,
            ExactDenoiser(problem),
            Solvers(pos=solver),
            grid,
            known,
            generator=randomness,
            callback=callback,
        )
        assert float((problem.nearest(out) == 5).double().mean()) < 0.05
        deviations[name] = sum(seen) / len(seen)
    assert deviations["multistep"] < 0.7 * deviations["ancestral"], deviations


def test_absorbing_error_falls_with_the_step():
    problem = make_problem(LinearSchedule(), "absorbing")
    off_data = []
    for steps in (20, 160):
        known, randomness = problem.sizes_only([0] * 1000), BatchRandomness(sample_generator(0, 0), 1000)
        out = sample_trajectory(
            problem.process, ExactDenoiser(problem), Solvers(), power_grid(steps), known, generator=randomness
        )
        off_data.append(float((problem.nearest(out) == 5).double().mean()))
    assert off_data[1] < 0.04
    assert off_data[0] > 3 * off_data[1]


def solved(problem: Problem, solver: ContinuousSolver, steps: int, z_t: State) -> Tensor:
    """Coordinates at 0.2 from those at 0.8, the classes known."""
    grid = torch.linspace(0.8, 0.2, steps + 1)
    times = visit_twice(grid, 2 * steps - 1).tolist() if solver.num_evaluations == 2 else grid.tolist()
    memory, b, n = None, *z_t.mask.shape
    for here, there in itertools.pairwise(times):
        t, s = (Times(torch.full((b, n), time), torch.zeros(b, n), torch.zeros(b, n, n)) for time in (here, there))
        x0_hat = ExactDenoiser(problem)(z_t, t)
        pos, memory = step_pos(
            solver, z_t, x0_hat, Interval(problem.process, t, s, BatchRandomness(sample_generator(0, 0), b)), memory
        )
        z_t = z_t.replace(pos=pos)
    return z_t.pos


@cache
def start_and_end(schedule: str) -> tuple[State, Tensor]:
    """Of the flow from 0.8 to 0.2, in so many steps that what they leave out counts for nothing."""
    problem = make_problem(SCHEDULES[schedule], "marginal")
    start = copies(problem.data, 0, 100)
    eps = BatchRandomness(sample_generator(0, 3), 100).normal(4)
    z_t = start.replace(
        pos=problem.process.pos.noise(start.pos, torch.full((100, 4), 0.8), eps) * start.mask[..., None]
    )
    return z_t, solved(problem, Heun(), 480, z_t)


@pytest.mark.parametrize(("pos", "order"), [("ddim-0", 1), ("multistep-0", 2), ("heun", 2)])
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_solver_shows_its_order(pos: str, order: int, schedule: str):
    problem = make_problem(SCHEDULES[schedule], "marginal")
    z_t, exact = start_and_end(schedule)
    errors = [float((solved(problem, POSITIONS[pos], n, z_t) - exact).square().mean().sqrt()) for n in (20, 40, 80)]
    orders = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    assert all(abs(found - order) < 0.35 for found in orders), (orders, errors)
