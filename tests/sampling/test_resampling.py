"""Particles: the better ones go on, nothing else about sampling changes, and molecules stay molecules."""

import pytest
import torch
from exact_problem import ExactDenoiser, Problem
from sampled_distribution import make_problem
from torch import Tensor

from moldiff.diffusion.random import SampleRandomness
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.resampling import Select, index_rows, survivors
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.sampling.time_grids import power_grid
from moldiff.state import Prediction, State

NAN, INF = torch.nan, torch.inf


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1.0, 4.0, 3.0, 2.0], [2, 1, 2, 1]),
        ([4.0, 3.0, 2.0, 1.0], [0, 1, 0, 1]),
        ([0.0, 0.0, 0.0, 0.0], [0, 1, 0, 1]),
        ([NAN, -5.0, NAN, -INF], [0, 1, 1, 0]),
        ([1.0, 2.0, 3.0], [2, 1, 2]),
    ],
)
def test_better_half_stays_and_the_others_follow_it(scores: list[float], expected: list[int]):
    places = survivors(torch.tensor([scores, scores]))
    assert places.tolist() == [expected, expected]
    kept = {place for place in range(len(scores)) if places[0, place] == place}
    assert len(kept) == (len(scores) + 1) // 2
    assert set(places[0].tolist()) == kept


def test_rows_are_taken_of_everything_that_goes_on():
    bond, mask = torch.zeros(3, 2, 2, dtype=torch.long), torch.ones(3, 2, dtype=torch.bool)
    state = State(torch.eye(3)[:, None].expand(3, 2, 3), torch.arange(6).view(3, 2), bond, mask)
    memory = (torch.arange(3.0), None, (torch.arange(3), 0.5))
    rows = torch.tensor([2, 2, 0])
    other, (first, nothing, (inner, number)) = index_rows(state, rows), index_rows(memory, rows)
    assert other.atom.tolist() == [[4, 5], [4, 5], [0, 1]]
    assert other.labels is None
    assert torch.equal(other.pos, state.pos[rows])
    assert (first.tolist(), nothing, inner.tolist(), number) == ([2, 2, 0], None, [2, 2, 0], 0.5)


def drawn(problem: Problem, select: Select | None, count: int = 1200) -> State:
    """Molecules of three atoms, four particles a group."""
    mask = problem.data.mask[torch.zeros(count, dtype=torch.long)]
    generator = SampleRandomness(0, range(count), mask.sum(1))
    return sample_trajectory(
        problem.process,
        ExactDenoiser(problem),
        Solvers(pos=DpmSolver()),
        power_grid(30),
        KnownValues.nothing(mask),
        generator=generator,
        select=select,
    )


def shares(problem: Problem, state: State) -> Tensor:
    return torch.bincount(problem.nearest(state), minlength=len(problem.weights) + 1) / len(state.mask)


def test_selection_makes_what_scores_better_more_common():
    """Molecule 1, three tenths of its size, is what the score wants: its first atom is of class 1."""
    problem = make_problem(LinearSchedule(), "marginal")

    def select(step: int, time: float, state: State, x0_hat: Prediction) -> Tensor | None:
        if step % 3:
            return None
        places = survivors(x0_hat.atom.softmax(-1)[:, 0, 1].view(-1, 4))
        return (torch.arange(len(places))[:, None] * 4 + places).flatten()

    free, chosen = shares(problem, drawn(problem, None)), shares(problem, drawn(problem, select))
    assert float(free[1]) == pytest.approx(0.3, abs=0.06)
    assert chosen[1] > 0.8
    assert chosen[-1] < 0.02  # what is drawn is as clean as before


def test_exchanging_nothing_changes_nothing():
    problem = make_problem(LinearSchedule(), "marginal")
    rows = torch.arange(40)
    one, two = drawn(problem, None, 40), drawn(problem, lambda step, time, state, x0_hat: rows, 40)
    assert torch.equal(one.pos, two.pos)
    assert torch.equal(one.bond, two.bond)


def test_particles_of_one_molecule_have_randomness_of_their_own():
    sizes = torch.tensor([4, 4, 4])
    one = SampleRandomness(0, [5, 5, 5], sizes, particles=[0, 1, 2]).normal(4)
    assert torch.equal(one[:1], SampleRandomness(0, [5], sizes[:1]).normal(4))
    assert not torch.equal(one[1], one[0])
    assert not torch.equal(one[2], one[1])
