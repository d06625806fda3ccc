"""Guidance against problems whose answer is known."""

from dataclasses import dataclass, field

import pytest
import torch
from exact_problem import ExactDenoiser, Problem, batch
from sampled_distribution import GRIDS, make_problem
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, stationary
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess, project
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.errors import ConfigError
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.guidance import ClassifierFreeGuidance, GradientGuidance, Guidance, GuidanceFunction
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.sampling.time_grids import power_grid
from moldiff.state import Prediction, State, TimeExponents, Times

NAN = torch.nan


@dataclass
class Sums:
    """Predicts the sum of the labels, each times a number of its own, and keeps the labels of each evaluation."""

    labels: list[Tensor | None] = field(default_factory=list)

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        self.labels.append(state.labels)
        b, n = state.mask.shape
        labels = torch.zeros(b, 2) if state.labels is None else state.labels.nan_to_num()
        value = labels @ torch.tensor([1.0, 10.0])
        rows = value[:, None, None]
        return Prediction(rows.expand(b, n, 3), rows.expand(b, n, 3), rows[..., None].expand(b, n, n, 4))


def guided_prediction(labels: list[list[float]], weights: tuple[float, ...], interval=(0.0, 1.0), time: float = 0.5):
    problem, denoiser = make_problem(LinearSchedule(), "marginal"), Sums()
    known = problem.sizes_only([0] * len(labels))
    t = known.times(time)
    guided = ClassifierFreeGuidance(denoiser, torch.tensor(labels), Guidance(weights, interval))
    return guided(known.values, t), denoiser.labels


@pytest.mark.parametrize(
    ("weights", "expected", "evaluations"),
    [((1.0, 1.0), 11, 1), ((2.0, 2.0), 22, 2), ((0.0, 0.0), 0, 1), ((1.0, 2.0), 21, 3), ((3.0, 0.0), 3, 2)],
)
def test_guidance_extrapolates_from_no_conditions(weights: tuple[float, float], expected: float, evaluations: int):
    prediction, calls = guided_prediction([[1.0, 1.0]], weights)
    for part in (prediction.pos, prediction.atom, prediction.bond):
        assert part.unique().tolist() == pytest.approx([expected])
    assert len(calls) == evaluations


def test_guidance_counts_for_present_conditions_only():
    prediction, calls = guided_prediction([[1.0, NAN], [NAN, 2.0]], (2.0, 0.0))
    assert prediction.pos[:, 0, 0].tolist() == [2.0, 0.0]
    assert len(calls) == 2


@pytest.mark.parametrize(("time", "expected"), [(0.1, 11), (0.5, 22), (0.9, 11)])
def test_guidance_counts_within_its_interval(time: float, expected: float):
    prediction, _ = guided_prediction([[1.0, 1.0]], (2.0, 2.0), (0.2, 0.8), time)
    assert prediction.pos.unique().tolist() == pytest.approx([expected])


@pytest.mark.parametrize("interval", [(0.8, 0.2), (-0.1, 1.0), (0.0, 1.1)])
def test_interval_that_is_none_is_refused(interval: tuple[float, float]):
    with pytest.raises(ConfigError, match="interval"):
        Guidance((1.0,), interval)


class Choosing:
    """The exact denoiser of the molecules; conditioned on a label, that of the one molecule with this number."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.exact = problem, ExactDenoiser(problem)

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        if state.labels is None:
            return self.exact(state, t)
        number = state.labels[:, 0].long()
        data, one_hot = self.problem.data, torch.nn.functional.one_hot
        logits = (one_hot(data.atom, 3).float().clamp_min(1e-30).log()[number],)
        return Prediction(data.pos[number], *logits, one_hot(data.bond, 4).float().clamp_min(1e-30).log()[number])


def test_sampling_reaches_the_target_of_each_molecule():
    problem = make_problem(LinearSchedule(), "marginal")
    wanted = torch.tensor([0, 1, 2, 0, 1, 2] * 20)
    denoiser = ClassifierFreeGuidance(Choosing(problem), wanted[:, None].float(), Guidance((1.0,)))
    known = problem.sizes_only([0] * len(wanted))
    out = sample_trajectory(problem.process, denoiser, Solvers(), GRIDS["even"], known, generator=batch(len(wanted)))
    assert problem.nearest(out).tolist() == wanted.tolist()


SPREAD, TRAJECTORIES = 0.8, 4000  # Å


class Normal:
    """The exact denoiser of two atoms whose offset is normal, with classes that depend on nothing."""

    def __init__(self, process: JointProcess) -> None:
        self.process = process

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        skip, _ = self.process.pos.skip(t.pos)
        b, n = state.mask.shape
        return Prediction(
            skip[..., None] * state.pos,
            torch.tensor([0.5, 0.3, 0.2]).log().expand(b, n, 3),
            torch.tensor([0.4, 0.3, 0.2, 0.1]).log().expand(b, n, n, 4),
        )


def sampled(gradient_guidance: GuidanceFunction, scale: float = 1.0) -> State:
    classes = CategoricalProcess(LinearSchedule(), stationary("marginal", torch.tensor([0.5, 0.3, 0.2])), 3)
    bonds = CategoricalProcess(LinearSchedule(), stationary("marginal", torch.tensor([0.4, 0.3, 0.2, 0.1])), 4)
    process = JointProcess(GaussianProcess(LinearSchedule(), SPREAD), classes, bonds)
    denoiser = GradientGuidance(Normal(process), process, gradient_guidance, scale)
    known = KnownValues.nothing(torch.ones(TRAJECTORIES, 2, dtype=torch.bool))
    solvers = Solvers(pos=DpmSolver())
    return sample_trajectory(
        process, denoiser, solvers, power_grid(60), known, generator=batch(TRAJECTORIES), time_exponents=TimeExponents()
    )


FORCE = torch.tensor([[0.3, 0.0, 0.0], [-0.3, 0.0, 0.0]])  # 1 / Å


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_linear_gradient_guidance_shifts_a_normal_law_by_its_variance(scale: float):
    out = sampled(lambda pos, atom, bond, mask: (pos * FORCE).sum((1, 2)), scale)
    mean, spread = out.pos.mean(0), out.pos[:, 0].std(0)
    assert torch.allclose(mean, scale * SPREAD**2 * project(FORCE[None], out.mask[:1], out.mask[:1, 0])[0], atol=0.04)
    assert torch.allclose(spread, torch.full((3,), SPREAD / 2**0.5), rtol=0.06)


def test_linear_gradient_guidance_tilts_the_law_of_the_classes():
    out = sampled(lambda pos, atom, bond, mask: 1.2 * atom[..., 2].sum(1) - 0.7 * bond[:, 0, 1, 0] - 0.0 * pos.sum())
    tilted = torch.tensor([0.5, 0.3, 0.2]) * torch.tensor([0.0, 0.0, 1.2]).exp()
    shares = torch.bincount(out.atom.flatten(), minlength=3) / out.atom.numel()
    assert torch.allclose(shares, tilted / tilted.sum(), atol=0.02)
    bonds = torch.tensor([0.4, 0.3, 0.2, 0.1]) * torch.tensor([-0.7, 0.0, 0.0, 0.0]).exp()
    assert torch.allclose(torch.bincount(out.bond[:, 0, 1], minlength=4) / TRAJECTORIES, bonds / bonds.sum(), atol=0.02)


def test_no_atom_moves_by_more_than_the_error():
    out = sampled(lambda pos, atom, bond, mask: 1e6 * (pos * FORCE).sum((1, 2)))
    assert out.pos.abs().max() < 30 * SPREAD


def test_gradient_guidance_that_gives_no_number_for_each_molecule_is_refused():
    with pytest.raises(ConfigError, match="one differentiable number for each"):
        sampled(lambda pos, atom, bond, mask: pos.sum((1, 2)).sum())
    with pytest.raises(ConfigError, match="one differentiable number for each"):
        sampled(lambda pos, atom, bond, mask: pos.detach().sum((1, 2)))
