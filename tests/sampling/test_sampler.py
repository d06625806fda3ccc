"""Sampling beside its law: grids, the times of each variable, known values, independence of the batch."""

import pytest
import torch
from exact_problem import ExactDenoiser, Problem, batch, copies

from moldiff.diffusion.random import SampleRandomness, sample_generator
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule
from moldiff.errors import TimeOrderError
from moldiff.sampling.continuous.ddim import Ancestral, Ddim
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.sampling.time_grids import power_grid
from moldiff.state import Prediction, State, TimeExponents, Times

GRID = power_grid(30)


@pytest.fixture
def problem() -> Problem:
    return Problem.of(LinearSchedule(), CosineSchedule(), "marginal")


# ---- grids


@pytest.mark.parametrize(
    "times",
    [
        [1.0],
        [0.9, 0.0],
        [1.0, 0.1],
        [1.0, 1.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 0.4, 0.6, 0.0],
        [0.0, 1.0],
    ],
)
def test_sampling_refuses_a_grid_that_does_not_fall_from_one_to_zero(problem: Problem, times: list[float]):
    with pytest.raises(TimeOrderError, match="from 1 to 0"):
        sample_trajectory(
            problem.process,
            ExactDenoiser(problem),
            Solvers(),
            torch.tensor(times),
            problem.sizes_only([0]),
            generator=batch(1),
        )


# ---- what each part gets


class Recorder:
    """Denoiser and both solvers in one: notes the times that it gets, and changes nothing."""

    num_evaluations = 1

    def __init__(self, problem: Problem) -> None:
        self.exact, self.times, self.previous, self.memories = ExactDenoiser(problem), [], [], []

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        self.times.append(float(t.pos.max()))
        self.previous.append(previous)
        return self.exact(state, t)

    def step(self, z_t, x0_hat, interval, memory):
        self.times.append((float(interval.t.max()), float(interval.s.max())))
        self.memories.append(memory)
        return z_t, len(self.memories)


class ClassRecorder(Recorder):
    def step(self, z_t, x0_hat, interval, memory):
        self.times.append((float(interval.t.bond.max()), float(interval.s.bond.max())))
        self.memories.append(memory)
        return z_t.atom, z_t.bond, len(self.memories)


def assert_times_of_the_grid(problem: Problem) -> None:
    denoiser, pos, classes = Recorder(problem), Recorder(problem), ClassRecorder(problem)
    grid, calls = torch.tensor([1.0, 0.7, 0.3, 0.0]), []
    sample_trajectory(
        problem.process,
        denoiser,
        Solvers(pos, classes),
        grid,
        problem.sizes_only([0, 3]),
        generator=batch(2),
        callback=lambda step, time, state, prediction: calls.append((step, time)),
    )
    assert denoiser.times == pytest.approx([1.0, 0.7, 0.3])
    steps = [(1.0, 0.7), (0.7, 0.3), (0.3, 0.0)]
    for recorder in (pos, classes):
        assert [value for pair in recorder.times for value in pair] == pytest.approx(
            [v for pair in steps for v in pair]
        )
        assert recorder.memories == [None, 1, 2]
    assert [step for step, _ in calls] == [1, 2, 3]
    assert [time for _, time in calls] == pytest.approx([0.7, 0.3, 0.0])
    assert [previous is None for previous in denoiser.previous] == [True, False, False]


def test_sampler_passes_the_times_of_the_grid(problem: Problem):
    assert_times_of_the_grid(problem)


def times_seen(problem: Problem, time_exponents: TimeExponents) -> list[tuple[float, ...]]:
    """Times of coordinates, atoms and bonds that the denoiser gets."""
    seen, exact = [], ExactDenoiser(problem)

    def denoiser(state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        seen.append(tuple(round(float(values.max()), 4) for values in (t.pos, t.atom, t.bond)))
        return exact(state, t)

    known = problem.sizes_only([0, 3])
    sample_trajectory(
        problem.process,
        denoiser,
        Solvers(),
        torch.tensor([1, 0.5, 0]),
        known,
        generator=batch(2),
        time_exponents=time_exponents,
    )
    return seen


def test_sampling_follows_the_time_exponents(problem: Problem):
    assert times_seen(problem, TimeExponents(atom=2.0, bond=3.0)) == [(1, 1, 1), (0.5, 0.25, 0.125)]
    assert times_seen(problem, TimeExponents()) == [(1, 1, 1), (0.5, 0.5, 0.5)]


def test_law_of_times_catches_off_by_one(problem: Problem, monkeypatch: pytest.MonkeyPatch):
    times = KnownValues.times
    following = {1.0: 0.7, 0.7: 0.3, 0.3: 0.0, 0.0: 0.0}
    monkeypatch.setattr(
        KnownValues, "times", lambda self, t, time_exponents: times(self, following[round(t, 3)], time_exponents)
    )
    with pytest.raises(AssertionError):
        assert_times_of_the_grid(problem)


def test_sampling_without_self_conditioning_hands_nothing_back(problem: Problem):
    denoiser = Recorder(problem)
    sample_trajectory(
        problem.process,
        denoiser,
        Solvers(),
        GRID,
        problem.sizes_only([0]),
        generator=batch(1),
        self_conditioning=False,
    )
    assert denoiser.previous == [None] * 30


# ---- what is known


def assert_known_stays(problem: Problem, known: KnownValues, out: State) -> None:
    assert torch.equal(out.pos[known.pos], known.values.pos[known.pos])
    assert torch.equal(out.atom[known.atom], known.values.atom[known.atom])
    assert torch.equal(out.bond[known.bond], known.values.bond[known.bond])


def conditioned(problem: Problem, count: int, *, positions: list[int], atoms: list[int]) -> KnownValues:
    """Three-atom molecules like the first, of which some elements are given; the rest is nonsense never read."""
    nothing = problem.sizes_only([0] * count)
    known = KnownValues(copies(problem.data, 0, count), nothing.pos.clone(), nothing.atom.clone(), nothing.bond)
    known.pos[:, positions] = True
    known.atom[:, atoms] = True
    known.values.pos[~known.pos], known.values.atom[~known.atom] = torch.nan, 1
    return known


@pytest.mark.parametrize("solver", [Ddim(0.0), Ddim(1.0), Ancestral()])
@pytest.mark.parametrize(
    ("positions", "atoms", "expected"),
    [
        ([], [0], [5 / 7, 0, 2 / 7]),  # rules out the second molecule
        ([2], [], [5 / 8, 3 / 8, 0]),  # rules out the third, and anchors the frame
        ([2], [0, 1, 2], [1, 0, 0]),
        ([0, 1, 2], [], [5 / 8, 3 / 8, 0]),
    ],
)
def test_sampling_completes_known_values(problem: Problem, solver, positions: list, atoms: list, expected: list):
    """The conditional law follows from the times of the elements alone; what is given stays bit for bit."""
    count = 1000
    known = conditioned(problem, count, positions=positions, atoms=atoms)
    out = sample_trajectory(
        problem.process, ExactDenoiser(problem), Solvers(pos=solver), GRID, known, generator=batch(count)
    )
    assert_known_stays(problem, known, out)
    shares = torch.bincount(problem.nearest(out), minlength=6)[:3] / count
    assert float((shares - torch.tensor(expected)).abs().sum() / 2) < 0.07, shares


def test_sampling_starts_known_molecules_from_the_noise_of_training(problem: Problem):
    """Around a known coordinate the others start from independent noise, not from noise of zero mean."""
    count, seen = 20_000, []

    class FirstState(ExactDenoiser):
        def __call__(self, state, t, previous=None):
            seen.append(state.pos)
            return super().__call__(state, t)

    known = conditioned(problem, count, positions=[2], atoms=[])
    sample_trajectory(problem.process, FirstState(problem), Solvers(), power_grid(1), known, generator=batch(count))
    drawn = seen[0][:, :2, 0] / problem.process.pos.scale
    torch.testing.assert_close(drawn.T @ drawn / count, torch.eye(2), rtol=0, atol=0.05)


def test_known_law_catches_a_forgotten_value(problem: Problem, monkeypatch: pytest.MonkeyPatch):
    known = conditioned(problem, 50, positions=[2], atoms=[0])
    monkeypatch.setattr(KnownValues, "imposed", lambda self, state: state)
    out = sample_trajectory(problem.process, ExactDenoiser(problem), Solvers(), GRID, known, generator=batch(50))
    with pytest.raises(AssertionError):
        assert_known_stays(problem, known, out)


# ---- one molecule, any batch


def assert_independent(problem: Problem, randomness: type[SampleRandomness], solver) -> None:
    """Sample 7 drawn alone and drawn among others, with other sizes and more padding."""

    def drawn(indices: list[int], molecules: list[int]) -> State:
        known = problem.sizes_only(molecules)
        generator = randomness(5, indices, known.values.mask.sum(1))
        return sample_trajectory(
            problem.process, ExactDenoiser(problem), Solvers(pos=solver), GRID, known, generator=generator
        )

    alone = drawn([7], [0])
    for indices, molecules in (([7, 8], [0, 0]), ([1, 2, 7, 3], [3, 0, 0, 4])):
        row, others = indices.index(7), drawn(indices, molecules)
        torch.testing.assert_close(others.pos[row], alone.pos[0], rtol=0, atol=1e-5)
        assert torch.equal(others.atom[row], alone.atom[0])
        assert torch.equal(others.bond[row], alone.bond[0])


@pytest.mark.parametrize("solver", [Ddim(0.0), Ancestral()])
def test_sampling_is_independent_of_the_batch(problem: Problem, solver):
    assert_independent(problem, SampleRandomness, solver)


class OneStream(SampleRandomness):
    """Draws for the batch as a whole."""

    def __init__(self, seed, indices, sizes):
        super().__init__(seed, indices, sizes)
        self.generators = [sample_generator(seed, 0)] * len(self.sizes)


def test_law_of_batches_catches_one_stream(problem: Problem):
    with pytest.raises(AssertionError):
        assert_independent(problem, OneStream, Ancestral())


def test_sampling_results_are_clean(problem: Problem):
    """Symmetric bonds, zeros in padded slots, zero mean."""
    known = problem.sizes_only([0, 3] * 50)
    out = sample_trajectory(problem.process, ExactDenoiser(problem), Solvers(), GRID, known, generator=batch(100))
    assert torch.equal(out.bond, out.bond.transpose(1, 2))
    assert not out.bond[~out.pair_mask].any()
    assert not out.atom[~out.mask].any()
    assert not out.pos[~out.mask].any()
    assert float(out.pos.sum(1).abs().max()) < 1e-4
    assert out.atom.unique().numel() > 1
