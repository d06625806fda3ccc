"""What sampling with the exact denoiser must reach, on the way and at the end.

`assert_reaches` asks of 3,000 trajectories that the shares of the molecules at the end are within 0.08 (total
variation, summed over both sizes), that nearly none is off the data, and that at two times on the way the classes are
within 0.06 of their law and the mean square of the coordinates within 8 %. Sampling error alone is 0.02 to 0.03; the
rest is for 40 finite steps. Off the data: at most 0.01, but 0.08 with absorbing noise, which cannot correct two
elements that it showed in one step without regard to each other; that share falls with the step, as a test of its own
says.
"""

from collections.abc import Callable

import torch
from exact_problem import ATOM_CLASSES, ExactDenoiser, Problem
from torch import Tensor

from moldiff.diffusion.categorical import PriorName
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, PolynomialSchedule, Schedule
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.sampling.time_grids import log_snr_grid, power_grid
from moldiff.state import State, TimeExponents

STEPS, TRAJECTORIES = 40, 1500  # trajectories of each of the two sizes
SCHEDULES = {"linear": LinearSchedule(), "cosine": CosineSchedule(), "polynomial": PolynomialSchedule(2.0)}
AS_ONE = TimeExponents()
PRIORS: list[PriorName] = ["uniform", "marginal", "absorbing"]


def random_grid(steps: int) -> Tensor:
    inner = torch.rand(steps - 1, generator=torch.Generator().manual_seed(4)).sort(descending=True).values
    return torch.cat([torch.ones(1), inner, torch.zeros(1)])


GRIDS = {"even": power_grid(STEPS), "power": power_grid(STEPS, power=1.5), "random": random_grid(STEPS)}
GRIDS["log-snr"] = log_snr_grid(STEPS, LinearSchedule(), end=0.01)


def make_problem(schedule: Schedule, prior: PriorName, *, latent_width: int = 0) -> Problem:
    return Problem.of(schedule, schedule, prior, latent_width=latent_width)


def deviations_on_the_way(
    problem: Problem, state: State, time: float, time_exponents: TimeExponents = AS_ONE
) -> tuple[float, float]:
    """Relative error of the mean square of coordinates; largest total variation of a class. Worst of both sizes."""
    process, one_hot, t = problem.process, torch.nn.functional.one_hot, torch.tensor(time)
    squares, variations = [], []
    for size in (3, 4):
        rows, of_size = state.mask.sum(1) == size, problem.data.mask.sum(1) == size
        weight, data = problem.weights[of_size], problem.data
        alpha, sigma = process.pos.schedule.alpha(t), process.pos.schedule.sigma(t) * process.pos.scale
        expected = alpha**2 * (weight @ data.pos[of_size].square().sum((1, 2))) + sigma**2 * 3 * (size - 1)
        squares.append(float(state.pos[rows].square().sum((1, 2)).mean() / expected - 1))
        for law, power, classes, clean in (
            (process.atom, time_exponents.atom, state.atom[:, :size], data.atom[:, :size]),
            (
                process.bond,
                time_exponents.bond,
                state.bond[:, :size, :size].flatten(1),
                data.bond[:, :size, :size].flatten(1),
            ),
        ):
            count, keep = len(law.noise_distribution), law.schedule.keep(t**power)
            shares = torch.einsum("m,mek->ek", weight, one_hot(clean[of_size], count).float())
            error = (
                keep * shares + (1 - keep) * law.noise_distribution - one_hot(classes[rows], count).float().mean(0)
            ).abs()
            counted = torch.ones(size) if law is process.atom else 1 - torch.eye(size).flatten()
            variations.append(float((error.sum(1) * counted).max() / 2))
    return max(squares, key=abs), max(variations)


def assert_reaches(
    problem: Problem,
    solvers: Solvers,
    grid: Tensor,
    *,
    time_exponents: TimeExponents = AS_ONE,
    solver_exponents: TimeExponents | None = None,
    denoiser: Callable | None = None,
    process: JointProcess | None = None,
    most: float = 0.08,
    churn: float = 0.0,
) -> None:
    """See above. `solver_exponents`, `denoiser`, `process` replace the right ones; `most` is the largest variation."""
    on_the_way, stops = [], (len(grid) // 3, 2 * len(grid) // 3)

    def callback(step: int, time: float, state: State, prediction: object) -> None:
        if step in stops:  # a fault is found as soon as it shows
            on_the_way.append(deviations_on_the_way(problem, state, time, time_exponents))
            assert abs(on_the_way[-1][0]) < 0.08, f"on the way {on_the_way}"
            assert on_the_way[-1][1] < 0.06, f"on the way {on_the_way}"

    known = problem.sizes_only([0] * TRAJECTORIES + [3] * TRAJECTORIES)
    randomness = BatchRandomness(sample_generator(0, 0), 2 * TRAJECTORIES)
    out = sample_trajectory(
        process or problem.process,
        denoiser or ExactDenoiser(problem),
        solvers,
        grid,
        known,
        generator=randomness,
        time_exponents=solver_exponents or time_exponents,
        churn=churn,
        callback=callback,
    )
    shares = torch.bincount(problem.nearest(out), minlength=6) / TRAJECTORIES
    off_data, variation = float(shares[-1]) / 2, float((shares[:-1] - problem.weights).abs().sum() / 2)
    report = f"{shares.tolist()}, on the way {on_the_way}"
    absorbing = len(problem.process.atom.noise_distribution) > ATOM_CLASSES
    assert off_data < (0.08 if absorbing else 0.01), report
    assert variation < most, report
    assert len(on_the_way) == len(stops)
