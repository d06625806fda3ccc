"""A walk with the exact denoiser reaches the data, on the way through the process's own laws: see `walk_law`."""

import pytest
import torch
from exact_problem import ExactDenoiser, Problem
from torch import Tensor
from walk_law import GRIDS, PRIORS, SCHEDULES, WALKERS, assert_reaches, deviations_on_the_way, make_problem

from moldiff.diffusion.categorical import PriorName
from moldiff.diffusion.randomness import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.sampling.classes import MixturePosterior
from moldiff.sampling.grids import power_grid
from moldiff.sampling.multistep import Multistep
from moldiff.sampling.positions import Ancestral, Ddim
from moldiff.sampling.walk import Steppers, walk
from moldiff.state import Lead, State, Times

STEPPERS = {"ddim-0": Ddim(0.0), "ddim-1": Ddim(1.0), "ancestral": Ancestral(), "multistep": Multistep()}
CASES = [
    (stepper, schedule, prior, list(GRIDS)[(i + j + k) % 3])  # each pair of choices occurs
    for i, stepper in enumerate(STEPPERS)
    for j, schedule in enumerate(SCHEDULES)
    for k, prior in enumerate(PRIORS)
]


@pytest.mark.parametrize(("stepper", "schedule", "prior", "grid"), CASES, ids=["-".join(case) for case in CASES])
def test_walk_reaches_data_with_exact_denoiser(stepper: str, schedule: str, prior: PriorName, grid: str):
    assert_reaches(make_problem(SCHEDULES[schedule], prior), Steppers(pos=STEPPERS[stepper]), GRIDS[grid])


@pytest.mark.parametrize("lead", [Lead(atom=2.0, bond=3.0), Lead(atom=0.5, bond=0.7)], ids=["ahead", "behind"])
def test_walk_reaches_data_whatever_the_lead(lead: Lead):
    problem = make_problem(LinearSchedule(), "marginal")
    assert_reaches(problem, Steppers(pos=Multistep()), GRIDS["even"], lead=lead)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("churn", [0.5, 1.0])
def test_walk_reaches_data_with_churned_classes(churn: float, prior: PriorName):
    """Not to the last: drawn again and again independently, two elements lose some of what ties them."""
    classes = MixturePosterior(churn=churn)
    assert_reaches(make_problem(LinearSchedule(), prior), Steppers(classes=classes), GRIDS["power"], most=0.1)


def errors_of(problem: Problem) -> Tensor:
    """Root mean square error of the exact denoiser's coordinates of the three-atom molecules, at even times."""
    data, rows = problem.data, torch.multinomial(problem.weights[:3], 3000, replacement=True)
    x0 = State(*(values[rows] for values in vars(data).values()))
    squares = []
    for time in torch.linspace(0, 1, 21):
        t = Times.shared(time.expand(3000), 4)
        z_t = problem.process.noise(x0, t, generator=BatchRandomness(sample_generator(0, 2), 3000))
        squares.append((ExactDenoiser(problem)(z_t, t).pos - x0.pos)[x0.mask].square().mean())
    return torch.stack(squares).sqrt()


def test_multistep_keeps_the_spread_in_few_steps():
    """What a prediction leaves out is missing from the spread of an ancestral walk of eight steps, not of this one."""
    problem = make_problem(LinearSchedule(), "marginal")
    grid, deviations = power_grid(8, power=1.5), {}
    for name, stepper in {"ancestral": Ancestral(), "multistep": Multistep(errors_of(problem))}.items():
        seen = []

        def tap(step: int, time: float, state: State, prediction: object, seen=seen) -> None:
            if 2 <= step <= 5:
                seen.append(abs(deviations_on_the_way(problem, state, time)[0]))

        known = problem.sizes_only([0] * WALKERS + [3] * WALKERS)
        randomness = BatchRandomness(sample_generator(0, 0), 2 * WALKERS)
        out = walk(
            problem.process, ExactDenoiser(problem), Steppers(pos=stepper), grid, known, generator=randomness, tap=tap
        )
        assert float((problem.nearest(out) == 5).double().mean()) < 0.05
        deviations[name] = sum(seen) / len(seen)
    assert deviations["multistep"] < 0.7 * deviations["ancestral"], deviations


def test_absorbing_error_falls_with_the_step():
    problem = make_problem(LinearSchedule(), "absorbing")
    off_data = []
    for steps in (20, 160):
        known, randomness = problem.sizes_only([0] * 1000), BatchRandomness(sample_generator(0, 0), 1000)
        out = walk(problem.process, ExactDenoiser(problem), Steppers(), power_grid(steps), known, generator=randomness)
        off_data.append(float((problem.nearest(out) == 5).double().mean()))
    assert off_data[1] < 0.04
    assert off_data[0] > 3 * off_data[1]
