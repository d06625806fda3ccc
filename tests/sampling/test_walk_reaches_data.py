"""A walk with the exact denoiser reaches the data, on the way through the process's own laws; broken walks do not.

`assert_reaches` asks of 3,000 walkers that the shares of the molecules at the end are within 0.08 (total variation,
summed over both sizes), that nearly none is off the data, and that at two times on the way the classes are within 0.06
of their law and the mean square of the coordinates within 8 %. Sampling error alone is 0.02 to 0.03; the rest is for 40
finite steps. Off the data: at most 0.01, but 0.08 with absorbing noise, which cannot correct two elements that it
showed in one step without regard to each other; that share falls with the step, as a test of its own says.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from exact_problem import ATOM_CLASSES, ExactDenoiser, Problem
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, PriorName
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.randomness import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, PolynomialSchedule, Schedule
from moldiff.sampling.classes import MixturePosterior
from moldiff.sampling.grids import power_grid
from moldiff.sampling.multistep import Multistep
from moldiff.sampling.positions import Ancestral, Ddim
from moldiff.sampling.walk import Steppers, walk
from moldiff.state import Lead, State, Times

STEPS, WALKERS = 40, 1500  # walkers of each of the two sizes
SCHEDULES = {"linear": LinearSchedule(), "cosine": CosineSchedule(), "polynomial": PolynomialSchedule(2.0)}
STEPPERS = {"ddim-0": Ddim(0.0), "ddim-1": Ddim(1.0), "ancestral": Ancestral(), "multistep": Multistep()}
AS_ONE = Lead()
PRIORS: list[PriorName] = ["uniform", "marginal", "absorbing"]


def random_grid(steps: int) -> Tensor:
    inner = torch.rand(steps - 1, generator=torch.Generator().manual_seed(4)).sort(descending=True).values
    return torch.cat([torch.ones(1), inner, torch.zeros(1)])


GRIDS = {"even": power_grid(STEPS), "power": power_grid(STEPS, power=1.5), "random": random_grid(STEPS)}
CASES = [
    (stepper, schedule, prior, list(GRIDS)[(i + j + k) % 3])  # each pair of choices occurs
    for i, stepper in enumerate(STEPPERS)
    for j, schedule in enumerate(SCHEDULES)
    for k, prior in enumerate(PRIORS)
]


def make_problem(schedule: Schedule, prior: PriorName) -> Problem:
    return Problem.of(schedule, schedule, prior)


def deviations_on_the_way(problem: Problem, state: State, time: float, lead: Lead = AS_ONE) -> tuple[float, float]:
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
            (process.atom, lead.atom, state.atom[:, :size], data.atom[:, :size]),
            (process.bond, lead.bond, state.bond[:, :size, :size].flatten(1), data.bond[:, :size, :size].flatten(1)),
        ):
            count, keep = len(law.noise_law), law.schedule.keep(t**power)
            shares = torch.einsum("m,mek->ek", weight, one_hot(clean[of_size], count).float())
            error = (keep * shares + (1 - keep) * law.noise_law - one_hot(classes[rows], count).float().mean(0)).abs()
            counted = torch.ones(size) if law is process.atom else 1 - torch.eye(size).flatten()
            variations.append(float((error.sum(1) * counted).max() / 2))
    return max(squares, key=abs), max(variations)


def assert_reaches(
    problem: Problem,
    steppers: Steppers,
    grid: Tensor,
    *,
    lead: Lead = AS_ONE,
    told: Lead | None = None,
    denoiser: Callable | None = None,
    process: JointProcess | None = None,
) -> None:
    """See the module's docstring. `told`, `denoiser` and `process` stand in for the right ones."""
    on_the_way, stops = [], (len(grid) // 3, 2 * len(grid) // 3)

    def tap(step: int, time: float, state: State, prediction: object) -> None:
        if step in stops:
            on_the_way.append(deviations_on_the_way(problem, state, time, lead))

    known = problem.sizes_only([0] * WALKERS + [3] * WALKERS)
    randomness = BatchRandomness(sample_generator(0, 0), 2 * WALKERS)
    out = walk(
        process or problem.process, denoiser or ExactDenoiser(problem), steppers, grid, known,
        generator=randomness, lead=told or lead, tap=tap,
    )  # fmt: skip
    shares = torch.bincount(problem.nearest(out), minlength=6) / WALKERS
    off_data, variation = float(shares[-1]) / 2, float((shares[:-1] - problem.weights).abs().sum() / 2)
    report = f"{shares.tolist()}, on the way {on_the_way}"
    absorbing = len(problem.process.atom.noise_law) > ATOM_CLASSES
    assert off_data < (0.08 if absorbing else 0.01), report
    assert variation < 0.08, report
    assert all(abs(square) < 0.08 and worst < 0.06 for square, worst in on_the_way), report


@pytest.mark.parametrize(("stepper", "schedule", "prior", "grid"), CASES, ids=["-".join(case) for case in CASES])
def test_walk_reaches_data_with_exact_denoiser(stepper: str, schedule: str, prior: PriorName, grid: str):
    assert_reaches(make_problem(SCHEDULES[schedule], prior), Steppers(pos=STEPPERS[stepper]), GRIDS[grid])


@pytest.mark.parametrize("lead", [Lead(atom=2.0, bond=3.0), Lead(atom=0.5, bond=0.7)], ids=["ahead", "behind"])
def test_walk_reaches_data_whatever_the_lead(lead: Lead):
    problem = make_problem(LinearSchedule(), "marginal")
    assert_reaches(problem, Steppers(pos=Multistep()), GRIDS["even"], lead=lead)


def test_walk_law_catches_a_lead_forgotten():
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(
            make_problem(LinearSchedule(), "marginal"), Steppers(), GRIDS["even"], lead=Lead(2.0), told=AS_ONE
        )


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


class LateTime(Ancestral):
    """Goes half as far as the state is said to have gone."""

    def step(self, process, z_t, x0_hat, t, s, memory, *, generator):
        late = Times((s.pos + t.pos) / 2, s.atom, s.bond)
        return super().step(process, z_t, x0_hat, t, late, memory, generator=generator)


class NextTime(MixturePosterior):
    """Takes the time after the next: off by one in the grid."""

    def step(self, process, z_t, x0_hat, t, s, memory, *, generator):
        after = Times(s.pos, (2 * s.atom - t.atom).clamp_min(0), (2 * s.bond - t.bond).clamp_min(0))
        return super().step(process, z_t, x0_hat, t, after, memory, generator=generator)


class Loud(Ancestral):
    """Standard deviation 15 % too large."""

    factor = 1.15

    def step(self, process, z_t, x0_hat, t, s, memory, *, generator):
        mean, _ = process.pos.posterior(z_t.pos, x0_hat.pos, t.pos, s.pos)
        pos, _ = super().step(process, z_t, x0_hat, t, s, memory, generator=generator)
        mean = mean * z_t.mask[..., None]
        return mean + self.factor * (pos - mean), None


class Quiet(Loud):
    """Standard deviation 15 % too small."""

    factor = 0.85


class NoFreshNoise(Loud):
    """Only the mean."""

    factor = 0.0


class Likeliest(MixturePosterior):
    """Believes the likeliest class alone."""

    def step(self, process, z_t, x0_hat, t, s, memory, *, generator):
        atom, bond = (
            1e3 * torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).float()
            for logits in (x0_hat.atom, x0_hat.bond)
        )
        sure = replace(x0_hat, atom=atom, bond=bond)
        return super().step(process, z_t, sure, t, s, memory, generator=generator)


class PriorForgotten(MixturePosterior):
    """Steps back as if the noise were uniform."""

    def step(self, process, z_t, x0_hat, t, s, memory, *, generator):
        parts = (
            replace(p, noise_law=torch.full_like(p.noise_law, 1 / p.num_classes)) for p in (process.atom, process.bond)
        )
        return super().step(JointProcess(process.pos, *parts), z_t, x0_hat, t, s, memory, generator=generator)


class RatioForgotten(CategoricalProcess):
    """keep(t) in the place of keep(t) / keep(s)."""

    def _ratio(self, t, s):
        return self.schedule.keep(t)


class PosteriorOfMean(CategoricalProcess):
    """The posterior of the mean x0 in the place of the mean of the posteriors."""

    def posterior(self, z_t, x0_hat, t, s):
        law, keep_s, ratio = self.noise_law, self.schedule.keep(s)[..., None], self._ratio(t, s)[..., None]
        here = torch.nn.functional.one_hot(z_t, len(law)).to(x0_hat)
        probs = (ratio * here + (1 - ratio) * law[z_t][..., None]) * (keep_s * x0_hat + (1 - keep_s) * law)
        return probs / probs.sum(-1, keepdim=True)


class StartTooNarrow(JointProcess):
    """Starts at unit spread, the scale forgotten; everything after is right."""

    def noise(self, x0, t, *, generator):
        z_t = super().noise(x0, t, generator=generator)
        return z_t.replace(pos=z_t.pos / (1.2 * self.pos.scale))


class ShiftedTime(ExactDenoiser):
    """Is told a time three steps early."""

    def __call__(self, state, t, previous=None):
        return super().__call__(state, Times(*((v + 3 / STEPS).clamp_max(1) for v in vars(t).values())), previous)


@pytest.mark.parametrize("fault", [LateTime, Loud, Quiet, NoFreshNoise], ids=lambda fault: fault.__name__)
def test_walk_law_catches_a_broken_position_step(fault: type[Ancestral]):
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(make_problem(LinearSchedule(), "marginal"), Steppers(pos=fault()), GRIDS["even"])


@pytest.mark.parametrize("fault", [NextTime, Likeliest, PriorForgotten], ids=lambda fault: fault.__name__)
def test_walk_law_catches_a_broken_class_step(fault: type[MixturePosterior]):
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(make_problem(LinearSchedule(), "marginal"), Steppers(classes=fault()), GRIDS["even"])


@pytest.mark.parametrize("fault", [RatioForgotten, PosteriorOfMean], ids=lambda fault: fault.__name__)
def test_walk_law_catches_a_broken_posterior(fault: type[CategoricalProcess]):
    problem = make_problem(LinearSchedule(), "marginal")
    right = problem.process
    parts = [fault(part.schedule, part.noise_law, part.num_classes) for part in (right.atom, right.bond)]
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(problem, Steppers(), GRIDS["even"], process=JointProcess(right.pos, *parts))


def test_walk_law_catches_a_wrong_start():
    problem = make_problem(LinearSchedule(), "marginal")
    process = StartTooNarrow(*vars(problem.process).values())
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(problem, Steppers(pos=Ddim(0.0)), GRIDS["even"], process=process)


def test_walk_law_catches_a_shifted_time():
    problem = make_problem(LinearSchedule(), "marginal")
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(problem, Steppers(pos=Ddim(0.0)), GRIDS["even"], denoiser=ShiftedTime(problem))
